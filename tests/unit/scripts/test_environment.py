"""The scripts that a new user types first, in a checkout without an environment and without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    copy = tmp_path / "a checkout"
    for folder in ("scripts", "requirements"):
        shutil.copytree(ROOT / folder, copy / folder)
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def run(checkout: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, cwd=checkout, env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )


def test_offline_says_what_is_missing_and_makes_nothing(checkout: Path) -> None:
    done = run(checkout, "scripts/obs/up.sh", "--offline", PYTHON=sys.executable)
    assert done.returncode == 3
    assert "--offline forbids to fetch it" in done.stderr
    assert not (checkout / ".venv").exists()


def test_down_without_an_environment_has_nothing_to_stop(checkout: Path) -> None:
    done = run(checkout, "scripts/obs/down.sh")
    assert done.returncode == 0
    assert "nothing was up" in done.stderr


def test_an_old_python_is_refused_with_a_way_out(checkout: Path, tmp_path: Path) -> None:
    old = tmp_path / "bin" / "python3"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    for tool in ("dirname", "sh"):
        (old.parent / tool).symlink_to(shutil.which(tool) or "")
    done = run(checkout, "scripts/obs/up.sh", PATH=str(old.parent), PYTHON="")
    assert done.returncode == 3
    assert "Python 3.11 or newer is needed" in done.stderr
    assert "PYTHON=/path/to/python" in done.stderr


def test_wrong_use_prints_the_usage(checkout: Path) -> None:
    done = run(checkout, sys.executable, "scripts/environment.py", "everything")
    assert done.returncode == 2
    assert "stack|dev" in done.stderr


def test_packages_that_cannot_be_had_leave_an_environment_that_is_tried_again(checkout: Path) -> None:
    (checkout / "requirements" / "stack.txt").write_text(
        "no-such-package==1 --hash=sha256:" + "0" * 64 + "\n"
    )
    words = (sys.executable, "scripts/environment.py", "stack")
    for _ in range(2):
        done = run(checkout, *words, PIP_NO_INDEX="1")
        assert done.returncode == 3
        assert "could not be installed" in done.stderr
        assert not (checkout / ".venv" / "obsdeck-stamp").exists()
