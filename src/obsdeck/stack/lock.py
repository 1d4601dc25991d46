"""One change at a time: whoever wants to change the same directory waits for the first."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from obsdeck.errors import MissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextmanager
def locked(directory: Path, doing: str, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold a directory's lock; the system releases it however this process ends.

    Args:
        directory: What to lock; made, for this user alone, if it is not there.
        doing: What the holder does, for whoever waits, as in `changing this stack`.
        waiting: Told once, with the other's process number, if the lock is held by somebody else.

    Raises:
        MissingError: The directory cannot be made or written.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise MissingError(
            f"{directory} cannot be written",
            why=str(error),
            hint="make room or change its owner, or name another place: OBSDECK_HOME, XDG_CACHE_HOME",
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 20, 0).decode(errors="replace").strip()
            waiting(f"another obsdeck (pid {holder or '?'}) is {doing}; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        with suppress(OSError):  # a full disk: whoever waits is not told for whom
            os.truncate(handle, 0)
            os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)
