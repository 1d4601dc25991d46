"""The blocks together: one writer thread, any number of readers, retention by age and size."""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from obsdeck.tracestore import files
from obsdeck.tracestore.block import damage, is_damage, select_in, stored_span_ids
from obsdeck.tracestore.files import BlockFile
from obsdeck.tracestore.writer import BlockWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import TypeAlias

    from obsdeck.tracestore.otlp import Batch

    _Work: TypeAlias = tuple[Callable[[], Batch], Future[Batch]]

_log = logging.getLogger(__name__)

_MAX_GROUP: Final = 16
_HOUSEKEEPING_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What the store may keep.

    Args:
        retention: How long a span is kept after it was received.
        max_size: Bytes on disk.
        block_spans: Spans after which a new block is begun.
    """

    retention: timedelta = timedelta(hours=168)
    max_size: int = 2 * 10**9
    block_spans: int = 100_000

    @property
    def block_size(self) -> int:
        """Bytes after which a new block is begun: a small part of the whole, so that the oldest can go."""
        return min(128 * 10**6, self.max_size // 8)

    @property
    def block_age(self) -> timedelta:
        """Age after which a new block is begun, so that the oldest can go in time."""
        return min(timedelta(hours=1), self.retention / 8)


class Store:
    """Spans on disk. One process at a time uses a directory.

    Args:
        directory: Where the blocks lie; made if it is not there.
        limits: What may be kept.

    Raises:
        UsageError: The directory cannot be written.
        FailedError: Another process uses it.
    """

    def __init__(self, directory: Path, limits: Limits) -> None:
        self._directory = directory
        self._limits = limits
        self._held = files.lock(directory)
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._current: BlockWriter | None = None
        try:
            paths = files.block_paths(directory)
            if paths:
                self._current = BlockWriter(paths[-1])
        except (sqlite3.Error, OSError) as error:
            self._held.close()
            raise files.not_writable(directory, error) from None
        # Replaced as a whole, so that readers need no lock.
        self._sealed = tuple(BlockFile(path, sealed=True) for path in paths[:-1])
        self._changes = threading.Lock()
        self._thread = threading.Thread(target=self._write, name="tracestore-writer")
        self._thread.start()

    def submit(self, decode: Callable[[], Batch]) -> Future[Batch]:
        """Hand over a request; the result is its batch, there once the spans are on disk.

        Args:
            decode: Gives the batch. It runs on the writer's thread: SQLite lets go of the interpreter's
                lock at every row, so that a second busy thread would slow the writer down to a crawl.
        """
        future: Future[Batch] = Future()
        self._queue.put((decode, future))
        return future

    def blocks(self) -> list[BlockFile]:
        """The blocks, newest first. One may be gone when it is opened: retention does not wait."""
        current = self._current
        newest = [BlockFile(current.path, sealed=False)] if current else []
        return newest + [
            block for block in reversed(self._sealed) if not current or block.path != current.path
        ]

    @contextmanager
    def reading(self) -> Iterator[list[sqlite3.Connection]]:
        """Connections to all blocks, newest first, for one query.

        Raises:
            sqlite3.DatabaseError: A block turned out to be damaged; the next query goes without it.
        """
        with ExitStack() as stack:
            connections = []
            for block in self.blocks():
                try:
                    connections.append(stack.enter_context(closing(block.open())))
                except sqlite3.OperationalError:
                    continue  # retention was faster
            try:
                yield connections
            except sqlite3.DatabaseError as error:
                if is_damage(error):
                    self._set_aside_damaged()
                raise

    def size(self) -> int:
        """Bytes on disk."""
        return files.size(self._directory)

    def close(self) -> None:
        """Store what was handed over and end."""
        self._queue.put(None)
        self._thread.join()
        if self._current:
            self._current.close()
        self._held.close()

    def _write(self) -> None:
        while True:
            try:
                work = self._queue.get(timeout=_HOUSEKEEPING_SECONDS)
            except queue.Empty:
                self._keep_house()
                continue
            if work is None:
                return
            self._commit(self._group(work))
            self._keep_house()

    def _group(self, first: _Work) -> list[tuple[Batch, Future[Batch]]]:
        """Decode what waits in the queue; what is committed together costs one flush of the disk."""
        group: list[tuple[Batch, Future[Batch]]] = []
        work: _Work | None = first
        while work is not None:
            decode, future = work
            try:
                group.append((decode(), future))
            except Exception as error:  # noqa: BLE001 - the sender gets it
                future.set_exception(error)
            if len(group) >= _MAX_GROUP or self._queue.empty():
                break
            work = self._queue.get()
            if work is None:
                self._queue.put(None)
        return group

    def _commit(self, group: list[tuple[Batch, Future[Batch]]]) -> None:
        batches = [batch for batch, _ in group if batch.spans]
        try:
            if batches:
                self._writer().append(batches, self._earlier(batches))
        except Exception as error:  # noqa: BLE001 - whatever it is, each sender must be answered
            if is_damage(error):
                self._set_aside_damaged()
            for _, future in group:
                future.set_exception(error)
            return
        for batch, future in group:
            future.set_result(batch)

    def _writer(self) -> BlockWriter:
        if self._current is None:
            path = files.new_path(self._directory, self._sealed[-1].path if self._sealed else None)
            try:
                self._current = BlockWriter(path)
            except sqlite3.Error:
                files.remove(path)
                raise
        return self._current

    def _earlier(self, batches: list[Batch]) -> dict[bytes, set[int]]:
        """Traces of these batches that sealed blocks hold, with their span ids that are stored there."""
        wanted: dict[bytes, list[int]] = {}
        for batch in batches:
            for span in batch.spans:
                wanted.setdefault(span.trace_id, []).append(span.span_id)
        found: dict[bytes, set[int]] = {}
        for block in self._sealed:
            if not block.path.exists():
                continue  # somebody deleted it
            with closing(block.open()) as db:
                for number, trace_id in list(
                    select_in(db, "SELECT id, trace_id FROM trace WHERE trace_id", wanted)
                ):
                    found.setdefault(trace_id, set()).update(stored_span_ids(db, number, wanted[trace_id]))
        return found

    def _keep_house(self) -> None:
        """Begin a new block where the current one is full or old, and drop what may not be kept."""
        try:
            self._forget_missing()
            self._seal_if_full()
            self._drop_oldest()
        except (sqlite3.Error, OSError) as error:
            _log.warning("housekeeping will be tried again: %s", error)

    def _forget_missing(self) -> None:
        """Go on without blocks that somebody deleted."""
        with self._changes:
            self._sealed = tuple(block for block in self._sealed if block.path.exists())

    def _seal_if_full(self) -> None:
        block = self._current
        if block is None or not block.spans:
            return
        age = datetime.now(UTC) - files.begun(block.path)
        limits = self._limits
        if block.spans < limits.block_spans and block.size < limits.block_size and age < limits.block_age:
            return
        if block.seal():
            with self._changes:
                self._sealed = (*self._sealed, BlockFile(block.path, sealed=True))
                self._current = None

    def _drop_oldest(self) -> None:
        oldest_kept = time.time() - self._limits.retention.total_seconds()
        while self._sealed:
            path = self._sealed[0].path
            too_old = path.stat().st_mtime < oldest_kept
            if not too_old and self.size() <= self._limits.max_size:
                return
            with self._changes:
                self._sealed = self._sealed[1:]
            files.remove(path)
            _log.info("dropped block %s: %s", path.name, "too old" if too_old else "too much on disk")

    def _set_aside_damaged(self) -> None:
        """Find the damaged blocks and go on without them."""
        with self._changes:
            for block in self._sealed:
                why = damage(block.path, thoroughly=True)
                if why:
                    self._sealed = tuple(other for other in self._sealed if other != block)
                    files.set_aside(block.path, why)
            current = self._current
            why = damage(current.path, thoroughly=True) if current else ""
            if current and why:
                self._current = None
                current.close()
                files.set_aside(current.path, why)
