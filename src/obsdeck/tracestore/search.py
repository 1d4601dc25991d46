"""Searches over the store: newest traces first, until there are enough."""

# ruff: noqa: S608 - the SQL is put together from fixed pieces; every value is bound.
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from obsdeck.tracestore.traceql.candidates import candidates, is_local
from obsdeck.tracestore.traceql.conditions import Sql
from obsdeck.tracestore.traceql.evaluate import matcher
from obsdeck.tracestore.traces import find_trace

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from obsdeck.tracestore.model import Trace
    from obsdeck.tracestore.traceql.evaluate import Match
    from obsdeck.tracestore.traceql.syntax import Pipeline


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time in nanoseconds since 1970; a trace lies in it if any moment of it does."""

    start: int = 0
    stop: int = 2**63 - 1

    def holds(self, trace: Trace) -> bool:
        """Whether a trace lies in the window."""
        return trace.start <= self.stop and trace.start + trace.duration >= self.start


@dataclass(frozen=True, slots=True)
class Found:
    """A trace and what the query found in it."""

    trace: Trace
    match: Match


def search(blocks: list[sqlite3.Connection], query: Pipeline, window: Window, limit: int) -> list[Found]:
    """The newest traces that match, by start time from new to old.

    Args:
        blocks: Connections to the blocks, newest first.
        query: What to find.
        window: When.
        limit: How many traces at most.
    """
    match_of = matcher(query)
    found = []
    for trace in _candidates(blocks, query, window):
        match = match_of(trace) if trace.spans and window.holds(trace) else None
        if match:
            found.append(Found(trace, match))
            if len(found) >= limit:
                break
    return sorted(found, key=lambda item: item.trace.start, reverse=True)


def _candidates(blocks: list[sqlite3.Connection], query: Pipeline, window: Window) -> Iterator[Trace]:
    """Traces that may match, those of newer blocks first, each once and whole."""
    sql = Sql()
    inner = candidates(query, sql)
    chosen = f"id IN ({inner})" if inner else "1"
    # A block that has only part of a trace cannot tell whether the whole of it matches.
    chosen = chosen if is_local(query) else f"({chosen} OR split)"
    select = (
        f"SELECT trace_id FROM trace WHERE {chosen} AND (split OR start <= {sql.bind(window.stop)}"
        f" AND stop >= {sql.bind(window.start)}) ORDER BY start DESC"
    )
    split: set[bytes] = set()
    seen: set[bytes] = set()
    for db in blocks:
        split.update(trace_id for (trace_id,) in db.execute("SELECT trace_id FROM trace WHERE split"))
        sql.prepare(db)
        for (trace_id,) in db.execute(select, sql.parameters):
            if trace_id in split:
                if trace_id not in seen:
                    seen.add(trace_id)
                    yield find_trace(blocks, trace_id)
            else:
                yield find_trace([db], trace_id)
