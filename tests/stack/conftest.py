"""One real stack for all tests that do not start their own: started once, on free ports, ended at the end."""

from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from obsdeck.diagnose import canary
from obsdeck.errors import MissingError, PortInUseError
from obsdeck.stack import lifecycle
from obsdeck.stack.components import BY_NAME
from obsdeck.stack.environment import Settings, load_settings
from obsdeck.stack.home import Home, find_home
from obsdeck.stack.variables import PORTS, PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Stack:
    """A running stack.

    Attributes:
        settings: What it was started with.
        home: Where its state lies.
        urls: Component name to address, of what is there.
        environ: The environment in which `obsdeck` finds it.
    """

    settings: Settings
    home: Home
    urls: dict[str, str]
    environ: dict[str, str]

    @staticmethod
    def until(condition: Callable[[], object], seconds: float = 20) -> None:
        """Wait for a condition, and fail if it does not come."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"did not happen within {seconds} s")
            time.sleep(0.05)

    def settle(self) -> None:
        """Wait until every signal gets through again: the state in which the next test may begin."""
        self.until(
            lambda: all(check.ok for check in canary.round_trip(self.settings, timeout=10)), seconds=60
        )


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole stack without the demo, with real servers; tests that break it put it right again."""
    folder = tmp_path_factory.mktemp("stack")
    programs = {one.name: os.environ[one.name] for one in PROGRAMS if os.environ.get(one.name)}
    environ = {**programs, **_free_ports(), "OBSDECK_HOME": str(folder / "home")}
    settings, home = _settings(environ, folder)
    try:
        status = lifecycle.up(
            lifecycle.Wanted("native", demo=False, offline=True), settings, home, lambda _: None
        )
    except PortInUseError:
        raise  # somebody was quicker; that is no reason to leave the tests out
    except MissingError as error:
        pytest.skip(f"the servers are not there ({error.message}): obsdeck install")
    try:
        urls = {
            row.name: BY_NAME[row.name].url(settings) for row in status.components if row.state == "ready"
        }
        yield Stack(settings, home, urls, environ)
    finally:
        lifecycle.down(settings, home, lambda _: None, wipe=True)


def _settings(environ: dict[str, str], folder: Path) -> tuple[Settings, Home]:
    """An empty `.env`, so that the developer's own does not count."""
    empty = folder / "empty.env"
    empty.touch()
    settings = load_settings(environ, empty)
    return settings, find_home(settings["OBSDECK_HOME"])


def _free_ports() -> dict[str, str]:
    with ExitStack() as held:
        servers = {one.name: held.enter_context(socket.create_server(("127.0.0.1", 0))) for one in PORTS}
        return {name: str(server.getsockname()[1]) for name, server in servers.items()}
