"""One change at a time: a second `up` or `down` of the same home waits for the first."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from obsdeck.errors import MissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from obsdeck.stack.home import Home


@contextmanager
def locked(home: Home, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the home's lock; the system releases it however this process ends.

    Args:
        home: What to lock; its directories are made.
        waiting: Told once, with the other's process number, if the lock is held by somebody else.

    Raises:
        MissingError: The state directory cannot be made or written.
    """
    try:
        home.run.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(home.run / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise MissingError(
            f"the state directory {home.root} cannot be written",
            why=str(error),
            hint="make room or change its owner, or set OBSDECK_HOME to another directory",
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 20, 0).decode(errors="replace").strip()
            waiting(f"another obsdeck (pid {holder or '?'}) is changing this stack; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        os.truncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)
