"""The files of a store: the blocks of a directory, their names, their order, what is set aside."""

from __future__ import annotations

import fcntl
import logging
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING, Final

from obsdeck.errors import FailedError, UsageError
from obsdeck.tracestore.block import damage, is_damage, open_block
from obsdeck.tracestore.writer import BlockWriter

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)

_SUFFIX: Final = ".spans.db"
_BEGUN: Final = f"%Y%m%dT%H%M%S.%fZ{_SUFFIX}"


@dataclass(frozen=True, slots=True)
class BlockFile:
    """A block that can be read; its name says when it was begun, so names sort by age."""

    path: Path
    sealed: bool

    def open(self) -> sqlite3.Connection:
        """Open it for reading; the caller closes it.

        Raises:
            sqlite3.OperationalError: It is gone.
        """
        return open_block(self.path, sealed=self.sealed)


def begun(path: Path) -> datetime:
    """When a block was begun."""
    return datetime.strptime(path.name, _BEGUN).replace(tzinfo=UTC)


def new_path(directory: Path, last: Path | None) -> Path:
    """A name for a new block, later than the last one's even where the clock was set back."""
    now = datetime.now(UTC)
    if last:
        now = max(now, begun(last) + timedelta(microseconds=1))
    return directory / now.strftime(_BEGUN)


def block_paths(directory: Path) -> list[Path]:
    """The blocks of a directory that can be read, oldest first.

    A damaged one is set aside. One that was not sealed, after a crash, is sealed; the newest stays open.

    Raises:
        UsageError: A block cannot be written.
    """
    paths = []
    for path in sorted(directory.glob(f"*{_SUFFIX}")):
        why = damage(path)
        if why:
            set_aside(path, why)
        else:
            paths.append(path)
    for path in paths[:-1]:
        if _log_of(path).exists() and _log_of(path).stat().st_size:
            _seal(path)
    return paths


def set_aside(path: Path, why: str) -> None:
    """Rename a damaged block and its companions, so that the store goes on without it."""
    until = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    for part in _parts(path):
        part.rename(part.with_name(f"{part.name}.damaged"))
    _log.error(
        "block %s is damaged (%s) and was set aside as %s.damaged: the spans received from %s to %s are lost",
        *(path.name, why, path.name),
        *(moment.isoformat(timespec="seconds") for moment in (begun(path), until)),
    )


def remove(path: Path) -> None:
    """Delete a block and its companions."""
    for part in _parts(path):
        part.unlink(missing_ok=True)


def size(directory: Path) -> int:
    """Bytes of all files in a directory."""
    total = 0
    for path in directory.iterdir():
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def lock(directory: Path) -> IO[str]:
    """Make the directory and take it for this process, until the result is closed.

    Raises:
        UsageError: It cannot be written.
        FailedError: Another process has it.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        held = (directory / "lock").open("w")
    except OSError as error:
        raise not_writable(directory, error) from None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held.close()
        raise FailedError(
            f"another trace store uses {directory}",
            hint="Stop that one, or name another directory with --data.",
        ) from None
    return held


def not_writable(directory: Path, error: Exception) -> UsageError:
    """The error for a directory that the store cannot write to."""
    return UsageError(
        f"the trace store cannot write to {directory}",
        why=str(error),
        hint="Name another directory with --data, or give yourself the right to write there.",
    )


def _seal(path: Path) -> None:
    try:
        BlockWriter(path).seal()
    except sqlite3.Error as error:
        if not is_damage(error):
            raise not_writable(path.parent, error) from None
        set_aside(path, str(error))


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _parts(path: Path) -> list[Path]:
    """The file and, where they exist, its write-ahead log and the index of that."""
    return [part for part in (path, _log_of(path), path.with_name(f"{path.name}-shm")) if part.exists()]
