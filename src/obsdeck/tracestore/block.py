"""One block: an SQLite file that holds the spans received in some span of time.

A span's row id carries its trace: ``trace number << 24 | position in the trace``. So a row of the index
(attribute value to span) names the trace as well, and the spans of a trace lie side by side.

Only the writer thread changes a block. While it is the newest it is in WAL mode, so readers never wait;
once sealed it is one plain file that nobody changes any more.
"""

# ruff: noqa: S608 - the SQL is put together from fixed pieces; every value is bound.
from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

TRACE_SHIFT: Final = 24
RESOURCE, SPAN = 0, 1
"""Where an attribute sits, in ``attribute_key.scope``."""

SCHEMA_VERSION: Final = 1
_APPLICATION_ID: Final = 0x6F627374  # "obst"; tells a block from any other SQLite file

SCHEMA: Final = f"""
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
CREATE TABLE text (id INTEGER PRIMARY KEY, value TEXT NOT NULL UNIQUE);
CREATE TABLE resource (id INTEGER PRIMARY KEY, body BLOB NOT NULL UNIQUE, service TEXT NOT NULL);
CREATE TABLE scope (id INTEGER PRIMARY KEY, body BLOB NOT NULL UNIQUE);
CREATE TABLE trace (
    id INTEGER PRIMARY KEY,
    trace_id BLOB NOT NULL UNIQUE,
    spans INTEGER NOT NULL,
    start INTEGER NOT NULL,
    stop INTEGER NOT NULL,
    root_name TEXT,
    root_service TEXT,
    split INTEGER NOT NULL      -- an older block holds spans of this trace too
);
CREATE TABLE span (
    id INTEGER PRIMARY KEY,
    trace INTEGER GENERATED ALWAYS AS (id >> {TRACE_SHIFT}) VIRTUAL,
    span_id INTEGER NOT NULL,
    parent_id INTEGER NOT NULL,
    name INTEGER NOT NULL,
    start INTEGER NOT NULL,
    duration INTEGER NOT NULL,
    status INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    resource INTEGER NOT NULL,
    scope INTEGER NOT NULL
);
CREATE INDEX span_key ON span (trace, span_id, parent_id);
CREATE INDEX span_resource ON span (resource);
CREATE INDEX span_error ON span (trace) WHERE status = 2;
CREATE TABLE body (id INTEGER PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE attribute_key (
    id INTEGER PRIMARY KEY, scope INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (name, scope)
);
CREATE TABLE span_attribute (
    key INTEGER, kind INTEGER, value, span INTEGER, PRIMARY KEY (key, kind, value, span)
) WITHOUT ROWID;
CREATE TABLE resource_attribute (
    key INTEGER, kind INTEGER, value, resource INTEGER, PRIMARY KEY (key, kind, value, resource)
) WITHOUT ROWID;
"""

_MAX_PARAMETERS: Final = 500
_DAMAGE_CODES: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def select_in(db: sqlite3.Connection, select: str, values: Collection[Any]) -> Iterator[tuple[Any, ...]]:
    """The rows of ``select IN (values)``, asked for in portions."""
    remaining = list(values)
    for start in range(0, len(remaining), _MAX_PARAMETERS):
        portion = remaining[start : start + _MAX_PARAMETERS]
        yield from db.execute(f"{select} IN ({', '.join('?' * len(portion))})", portion)


def stored_span_ids(db: sqlite3.Connection, trace: int, span_ids: Collection[int]) -> set[int]:
    """Those of the span ids that the block holds for this trace."""
    select = f"SELECT span_id FROM span WHERE trace = {trace:d} AND span_id"
    return {span_id for (span_id,) in select_in(db, select, span_ids)}


def open_block(path: Path, *, sealed: bool) -> sqlite3.Connection:
    """Open a block for reading.

    Raises:
        sqlite3.Error: It is gone, or is no block.
    """
    mode = "mode=ro&immutable=1" if sealed else "mode=ro"
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None, check_same_thread=False
    )


def is_damage(error: BaseException) -> bool:
    """Whether an error says that a file is no (whole) database."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE_CODES


def damage(path: Path, *, thoroughly: bool = False) -> str:
    """What is wrong with a block, empty where nothing is.

    Args:
        path: The file.
        thoroughly: Read all of it, which takes a second per block, not only what a damaged end would spoil.
    """
    try:
        with closing(open_block(path, sealed=False)) as db:
            (application,) = db.execute("PRAGMA application_id").fetchone()
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if (application, version) != (_APPLICATION_ID, SCHEMA_VERSION):
                return f"not a block of version {SCHEMA_VERSION}"
            db.execute("SELECT count(*) FROM trace").fetchone()
            db.execute("SELECT max(id) FROM body").fetchone()
            (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone() if thoroughly else ("ok",)
            return "" if verdict == "ok" else str(verdict)
    except sqlite3.Error as error:
        return str(error) if is_damage(error) else ""
