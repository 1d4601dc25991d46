from __future__ import annotations

import os
from pathlib import Path

import pytest

from obsdeck.errors import UsageError
from obsdeck.stack.home import Home, find_home


def test_the_xdg_directories_rule() -> None:
    home = find_home(environ={"XDG_STATE_HOME": "/s", "XDG_CACHE_HOME": "/c", "HOME": "/h"})
    assert home == Home(Path("/s/obsdeck"), Path("/c/obsdeck"))


def test_without_them_the_usual_places_below_home() -> None:
    home = find_home(environ={"HOME": "/h"})
    assert home == Home(Path("/h/.local/state/obsdeck"), Path("/h/.cache/obsdeck"))


def test_relative_xdg_values_are_ignored_as_the_specification_says() -> None:
    assert find_home(environ={"XDG_STATE_HOME": "s", "HOME": "/h"}).root == Path("/h/.local/state/obsdeck")


def test_without_home_the_user_database_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    assert find_home(environ={}).root.is_absolute()


def test_a_home_of_ones_own(tmp_path: Path) -> None:
    assert find_home(str(tmp_path / "with space"), {"HOME": "/h"}).root == tmp_path / "with space"


@pytest.mark.parametrize("name", ["a\nb", "a ;b", "a #b"])
def test_a_path_that_the_supervisor_cannot_read_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="OBSDECK_HOME"):
        find_home(f"/tmp/{name}", {"HOME": "/h"})


def test_the_socket_lies_in_the_home_where_the_path_is_short_enough() -> None:
    assert Home(Path("/s"), Path("/c")).socket == Path("/s/run/supervisor.sock")


def test_the_socket_moves_where_the_path_would_be_too_long() -> None:
    deep = Home(Path("/" + "d" * 120), Path("/c"))
    assert len(os.fsencode(deep.socket)) < 100
    assert deep.socket != Home(Path("/" + "e" * 120), Path("/c")).socket
