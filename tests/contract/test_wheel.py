"""The wheel carries all that `obsdeck` needs after a plain install."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_configuration_modules_runbooks_and_the_quickstart_travel_in_the_wheel(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("ops", "runbooks", "examples/quickstart"):
        tracked = subprocess.run(
            ["git", "ls-files", folder], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.split("\n")
        missing = [path for path in tracked if path and f"obsdeck/_data/{path}" not in packed]
        assert missing == []
    assert "obsdeck/py.typed" in packed
    assert not [name for name in packed if name.startswith("tests/")]
