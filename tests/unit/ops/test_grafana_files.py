"""Grafana's entrypoint: the password that it makes, shows once, and keeps."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
GRAFANA = ROOT / "ops" / "observability" / "grafana"


def enter(data: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the entrypoint with a command that shows what it would start Grafana with."""
    return subprocess.run(
        ["/bin/sh", str(GRAFANA / "entrypoint.sh"), "env"],
        env={"PATH": os.defpath, "GF_PATHS_DATA": str(data), **environ},
        capture_output=True,
        text=True,
        check=True,
    )


def test_the_first_start_makes_a_password_and_shows_it_once(tmp_path: Path) -> None:
    first, second = enter(tmp_path), enter(tmp_path)
    password = (tmp_path / "admin-password").read_text(encoding="utf-8")
    assert re.fullmatch(r"[\w-]{24}", password)
    assert password in first.stdout
    assert password not in second.stdout
    assert stat.S_IMODE((tmp_path / "admin-password").stat().st_mode) == 0o600
    assert f"GF_SECURITY_ADMIN_PASSWORD=$__file{{{tmp_path}/admin-password}}" in second.stdout


def test_two_installations_have_different_passwords(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        enter(tmp_path / name)
    assert len({(tmp_path / name / "admin-password").read_text() for name in ("one", "other")}) == 2


def test_a_given_password_is_taken_and_never_shown(tmp_path: Path) -> None:
    done = enter(tmp_path, OBSDECK_GRAFANA_PASSWORD="a secret % \\n")
    assert (tmp_path / "admin-password").read_text(encoding="utf-8") == "a secret % \\n"
    assert "a secret" not in done.stdout + done.stderr
