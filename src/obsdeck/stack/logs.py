"""What the components wrote: the last lines, and new lines as they come, in both runtimes."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from obsdeck.stack import compose, record
from obsdeck.stack.components import QUICKSTART

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from obsdeck.stack.environment import Settings
    from obsdeck.stack.home import Home

_LINE_BYTES = 400
"""More than servers write into most lines; a tail of long lines just shows fewer of them."""


def tail(settings: Settings, home: Home, names: Iterable[str], count: int) -> dict[str, str]:
    """The last lines of each component's log.

    Args:
        settings: The settings of the running stack.
        home: Where the logs lie.
        names: Component names.
        count: Lines of each.

    Returns:
        Component name to text; empty text where nothing was written.
    """
    return {
        name: compose.logs(settings, [name], count)
        if _in_container(home, name)
        else last_lines(home.log(name), count)
        for name in names
    }


def follow(settings: Settings, home: Home, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """New lines of these components as they come, until the caller stops asking.

    Yields:
        A component's name and a line.
    """
    names = list(names)
    containers = [name for name in names if _in_container(home, name)]
    if containers:
        yield from compose.follow(settings, containers)
    else:
        yield from _follow_files({name: home.log(name) for name in names})


def last_lines(path: Path, count: int) -> str:
    """The end of a log file, empty where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LINE_BYTES * count))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])
    except OSError:
        return ""


def size(path: Path) -> int:
    """Bytes in a log file, 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def _in_container(home: Home, name: str) -> bool:
    running = record.read(home)
    return running is not None and running.runtime == "docker" and name != QUICKSTART.name


def _follow_files(paths: dict[str, Path]) -> Iterator[tuple[str, str]]:
    """A log that has become shorter was rotated and starts over."""
    places = {name: size(path) for name, path in paths.items()}
    while True:
        for name, path in paths.items():
            now = size(path)
            if now == places[name]:
                continue
            start = places[name] if now > places[name] else 0
            with path.open("rb") as file:
                file.seek(start)
                whole, newline, _ = file.read().rpartition(b"\n")
            places[name] = start + len(whole) + len(newline)
            yield from ((name, line.decode(errors="replace")) for line in whole.splitlines())
        time.sleep(0.2)
