"""Builds the tiny module as the installer does; started by test_get.py, which interrupts it.

Arguments: the cache. Prints one line per event.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from obsdeck.stack.install.catalog import Module, Release
from obsdeck.stack.install.get import get

TINY = Release(
    component="loki",
    version="1.2.3",
    minimum="1.0",
    image="",
    on_path=(),
    program="tiny",
    module=Module(
        packages={"tiny": "obsdeck.invalid/tiny"},
        tags="netgo",
        ldflags="-X main.version=1.2.3",
        folder=Path(__file__).parent / "modules" / "tiny",
        generator="",
        modules=0,
    ),
)


def main() -> None:
    """Build it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have told its jobs to ignore it
    tell = lambda event: sys.stdout.write(f"{event}\n") and sys.stdout.flush()  # noqa: E731
    (one,) = get([TINY], "", Path(sys.argv[1]), tell, os.environ)
    sys.stdout.write(f"{one}\n")


if __name__ == "__main__":
    main()
