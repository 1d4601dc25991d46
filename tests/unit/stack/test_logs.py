from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from obsdeck.stack import logs
from obsdeck.stack.environment import load_settings
from obsdeck.stack.home import Home

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "logs").mkdir()
    return Home(tmp_path, tmp_path)


def test_the_tail_is_the_last_lines(home: Home) -> None:
    home.log("loki").write_text("".join(f"line {number}\n" for number in range(1000)))
    assert logs.tail(load_settings({}), home, ["loki", "tempo"], 2) == {
        "loki": "line 998\nline 999",
        "tempo": "",
    }


def test_following_gives_whole_new_lines_and_survives_rotation(home: Home) -> None:
    path = home.log("loki")
    path.write_text("old\n")
    lines = logs.follow(load_settings({}), home, ["loki"])

    def later(text: str, mode: str) -> str:
        def write() -> None:
            with path.open(mode) as file:
                file.write(text)

        timer = threading.Timer(0.1, write)
        timer.start()
        name, line = next(lines)
        timer.join()
        assert name == "loki"
        return line

    assert later("new\nhalf", "a") == "new"
    assert later(" line\n", "a") == "half line"
    assert later("r\n", "w") == "r"
