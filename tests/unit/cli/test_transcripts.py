"""Golden transcripts: a command line, what it prints, its exit code.

Each file in `transcripts/` holds blocks that begin with `$ obsdeck ...`; stdout follows, stderr lines
behind `! `, then `[exit code]`. Run with OBSDECK_REWRITE=1 to write what is printed now, then read the diff.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


def play(command: str, folder: Path) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }
    words = shlex.split(command)[1:]
    done = subprocess.run(
        [sys.executable, "-m", "obsdeck", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    stderr = "".join(f"! {line}".rstrip() + "\n" for line in done.stderr.splitlines())
    stdout = "".join(line.rstrip() + "\n" for line in done.stdout.splitlines())
    return f"$ {command}\n{stdout}{stderr}[{done.returncode}]\n".replace(str(folder), "FOLDER")


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(path: Path, tmp_path: Path) -> None:
    expected = path.read_text(encoding="utf-8")
    (tmp_path / "bad.env").write_text("# ports\nOBSDECK_LOKI_PORT=http\n")
    (tmp_path / "file").write_text("")
    commands = re.findall(r"^\$ (.*)$", expected, re.MULTILINE)
    assert commands
    actual = "\n".join(play(command, tmp_path) for command in commands)
    if os.environ.get("OBSDECK_REWRITE"):
        path.write_text(actual, encoding="utf-8")
    assert actual == expected
