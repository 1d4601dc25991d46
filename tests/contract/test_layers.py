"""Imports go downwards only; the rule stands in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def lint(*, config: Path) -> subprocess.CompletedProcess[str]:
    script = Path(sys.executable).with_name("lint-imports")
    command = [str(script), "--no-cache", "--config", str(config)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_no_module_imports_from_a_layer_above() -> None:
    done = lint(config=ROOT / "pyproject.toml")
    assert done.returncode == 0, done.stdout


def test_the_rule_can_fail(tmp_path: Path) -> None:
    upside_down = (
        (ROOT / "pyproject.toml")
        .read_text()
        .replace('  "cli",\n', "")
        .replace('  "errors",\n', '  "errors",\n  "cli",\n')
    )
    (tmp_path / "pyproject.toml").write_text(upside_down)
    assert lint(config=tmp_path / "pyproject.toml").returncode == 1
