from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from obsdeck.errors import MissingError
from obsdeck.stack.lock import locked

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys
from pathlib import Path
from obsdeck.stack.lock import locked
with locked(Path(sys.argv[1]), "at work", lambda text: None):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_the_second_waits_for_the_first_and_says_for_whom(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdin
        assert first.stdout
        assert first.stdout.readline() == "held\n"
        told: list[str] = []

        def waiting(text: str) -> None:
            told.append(text)
            assert first.stdin
            first.stdin.write("\n")
            first.stdin.flush()

        with locked(tmp_path, "at work", waiting):
            assert first.wait(10) == 0
        assert told == [f"another obsdeck (pid {first.pid}) is at work; waiting for it"]


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout
        first.stdout.readline()
        first.kill()
        first.wait()
    told: list[str] = []
    with locked(tmp_path, "at work", told.append):
        assert told == []


def test_a_state_directory_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(MissingError, match="cannot be written"),
        locked(tmp_path / "file", "at work", print),
    ):
        pass
