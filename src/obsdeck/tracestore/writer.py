"""The newest block, open for adding spans."""

# ruff: noqa: S608 - the SQL is put together from fixed pieces; every value is bound.
from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from obsdeck.tracestore.block import RESOURCE, SCHEMA, SPAN, TRACE_SHIFT, select_in, stored_span_ids

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from obsdeck.tracestore.otlp import Batch, ReceivedResource, ReceivedSpan

_MAX_CACHED_IDS: Final = 50_000
_BUSY_SECONDS: Final = 0.2
_SPAN_COLUMNS: Final = "id, span_id, parent_id, name, start, duration, status, kind, resource, scope"
_SPAN_ROW: Final = f"INSERT INTO span ({_SPAN_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_TRACE_ROW: Final = """
INSERT INTO trace VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
    spans = excluded.spans, start = excluded.start, stop = excluded.stop,
    root_name = excluded.root_name, root_service = excluded.root_service
"""


@dataclass(slots=True)
class _Trace:
    """A trace of the block while spans are added to it; ``stored`` are span ids not to store again."""

    trace_id: bytes
    number: int
    spans: int = 0
    start: int = 2**63 - 1
    stop: int = 0
    root_name: str | None = None
    root_service: str | None = None
    split: bool = False
    stored: set[int] = field(default_factory=set)

    def add(self, span: ReceivedSpan, service: str) -> int:
        """Take in a span; returns its row id."""
        row = self.number << TRACE_SHIFT | self.spans
        self.spans += 1
        self.stored.add(span.span_id)
        self.start = min(self.start, span.start)
        self.stop = max(self.stop, span.start + span.duration)
        if not span.parent_id:
            self.root_name, self.root_service = span.name, service
        return row


class _Dictionary:
    """A table of distinct things: gives the row id of one, adding it where it is new."""

    def __init__(self, db: sqlite3.Connection, table: str, *columns: str) -> None:
        self._db = db
        marks = ", ".join("?" * len(columns))
        self._insert = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        self._select = f"SELECT id FROM {table} WHERE " + " AND ".join(f"{name} = ?" for name in columns)
        self._known: dict[tuple[Any, ...], int] = {}

    def id(self, *content: Any) -> int:
        """The row id of the thing with this content."""
        known = self._known.get(content)
        if known is not None:
            return known
        cursor = self._db.execute(self._insert, content)
        if cursor.rowcount:
            number = cursor.lastrowid or 0
        else:
            (number,) = self._db.execute(self._select, content).fetchone()
        if len(self._known) >= _MAX_CACHED_IDS:
            self._known.clear()
        self._known[content] = number
        return number

    def forget(self) -> None:
        """Trust the table alone again, after a transaction was rolled back."""
        self._known.clear()


class BlockWriter:
    """The newest block, open for adding spans. One thread uses it.

    Args:
        path: The file; made if it is not there.

    Raises:
        sqlite3.Error: The file cannot be made, or is no block.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        new = not path.exists()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS)
        try:
            # FULL makes every commit reach the disk: a span is acknowledged only after that.
            self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
            if new:
                self._db.executescript(f"BEGIN; {SCHEMA} COMMIT;")
            (self.spans,) = self._db.execute("SELECT coalesce(sum(spans), 0) FROM trace").fetchone()
        except sqlite3.Error:
            self._db.close()
            raise
        self._texts = _Dictionary(self._db, "text", "value")
        self._scopes = _Dictionary(self._db, "scope", "body")
        self._resources = _Dictionary(self._db, "resource", "body", "service")
        self._keys = _Dictionary(self._db, "attribute_key", "scope", "name")

    @property
    def size(self) -> int:
        """Bytes of the block, without its write-ahead log."""
        (pages,) = self._db.execute("PRAGMA page_count").fetchone()
        (page_size,) = self._db.execute("PRAGMA page_size").fetchone()
        return int(pages * page_size)

    def append(self, batches: Sequence[Batch], earlier: dict[bytes, set[int]]) -> int:
        """Store the spans of some requests in one transaction; all are on disk when it returns.

        Args:
            batches: What was received.
            earlier: The traces of these batches that older blocks hold too, each with those of its
                span ids that are stored there already.

        Returns:
            How many spans were new; one that is stored already is left out.

        Raises:
            sqlite3.Error: Nothing was stored.
        """
        self._db.execute("BEGIN IMMEDIATE")
        try:
            added = self._append(batches, earlier)
            self._db.execute("COMMIT")
        except BaseException:
            for dictionary in (self._texts, self._scopes, self._resources, self._keys):
                dictionary.forget()
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self.spans += added
        return added

    def seal(self) -> bool:
        """Move everything into the one file and close; nobody writes to the block after this.

        Returns:
            Whether it was done. Not while a reader needs the write-ahead log: try again later.
        """
        (busy, _, _) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if not busy:
            self._db.close()
        return not busy

    def close(self) -> None:
        """Close the file; the block can be opened again."""
        self._db.close()

    def _append(self, batches: Sequence[Batch], earlier: dict[bytes, set[int]]) -> int:
        traces = self._traces(batches, earlier)
        rows, bodies, postings = [], [], []
        key_id = self._keys.id
        for batch in batches:
            resources = [self._resource(resource) for resource in batch.resources]
            scopes = [self._scopes.id(body) for body in batch.scopes]
            for span in batch.spans:
                trace = traces[span.trace_id]
                if span.span_id in trace.stored:
                    continue
                row = trace.add(span, batch.resources[span.resource].service)
                rows.append((
                    row, span.span_id, span.parent_id, self._texts.id(span.name), span.start,
                    span.duration, span.status, span.kind, resources[span.resource], scopes[span.scope],
                ))  # fmt: skip
                bodies.append((row, span.body))
                postings += [(key_id(SPAN, key), kind, value, row) for key, kind, value in span.attributes]
        self._db.executemany(_SPAN_ROW, rows)
        self._db.executemany("INSERT INTO body VALUES (?, ?)", bodies)
        self._db.executemany("INSERT OR IGNORE INTO span_attribute VALUES (?, ?, ?, ?)", sorted(postings))
        changed = [trace for trace in traces.values() if trace.spans]
        self._db.executemany(
            _TRACE_ROW,
            [
                (t.number, t.trace_id, t.spans, t.start, t.stop, t.root_name, t.root_service, t.split)
                for t in changed
            ],
        )
        return len(rows)

    def _traces(self, batches: Sequence[Batch], earlier: dict[bytes, set[int]]) -> dict[bytes, _Trace]:
        """The traces of these batches: as this block holds them, or new."""
        wanted: dict[bytes, list[int]] = {}
        for batch in batches:
            for span in batch.spans:
                wanted.setdefault(span.trace_id, []).append(span.span_id)
        traces = {}
        for row in select_in(self._db, "SELECT * FROM trace WHERE trace_id", wanted):
            number, trace_id, spans, start, stop, root_name, root_service, split = row
            stored = stored_span_ids(self._db, number, wanted[trace_id])
            traces[trace_id] = _Trace(
                trace_id, number, spans, start, stop, root_name, root_service, bool(split), stored
            )
        (last,) = self._db.execute("SELECT coalesce(max(id), 0) FROM trace").fetchone()
        for number, trace_id in enumerate((key for key in wanted if key not in traces), start=last + 1):
            traces[trace_id] = _Trace(trace_id, number, split=trace_id in earlier)
        for trace_id, span_ids in earlier.items():
            traces[trace_id].stored.update(span_ids)
        return traces

    def _resource(self, resource: ReceivedResource) -> int:
        number = self._resources.id(resource.body, resource.service)
        self._db.executemany(
            "INSERT OR IGNORE INTO resource_attribute VALUES (?, ?, ?, ?)",
            [(self._keys.id(RESOURCE, key), kind, value, number) for key, kind, value in resource.attributes],
        )
        return number
