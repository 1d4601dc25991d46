"""Whole traces out of the blocks: as an OTLP message, or as queries see them."""

# ruff: noqa: S608 - the SQL is put together from fixed pieces; every value is bound.
from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, TracesData

from obsdeck.tracestore.block import TRACE_SHIFT
from obsdeck.tracestore.model import Resource, Span, Trace

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_IN_TRACE: Final = f"id BETWEEN :trace << {TRACE_SHIFT} AND ((:trace + 1) << {TRACE_SHIFT}) - 1"
_MESSAGES: Final = f"""
SELECT resource.body, scope.body, body.value
FROM span JOIN body USING (id)
JOIN resource ON resource.id = span.resource JOIN scope ON scope.id = span.scope
WHERE span.{_IN_TRACE} ORDER BY span.id
"""
_SPANS: Final = f"""
SELECT span_id, parent_id, text.value, start, duration, status, kind, resource.id, resource.body, body.value
FROM span JOIN body USING (id)
JOIN resource ON resource.id = span.resource JOIN text ON text.id = span.name
WHERE span.{_IN_TRACE}
"""
_TRACE: Final = "SELECT id, root_name, root_service FROM trace WHERE trace_id = ?"


def find_message(blocks: Iterable[sqlite3.Connection], trace_id: bytes) -> TracesData | None:
    """The trace with this id as it was sent, or None where no block has a span of it."""
    found = TracesData()
    for db in blocks:
        for number, _, _ in db.execute(_TRACE, (trace_id,)):
            _add_messages(found, db, number)
    return found if found.resource_spans else None


def find_trace(blocks: Iterable[sqlite3.Connection], trace_id: bytes) -> Trace:
    """The trace with this id as queries see it; without spans where no block has one."""
    spans: list[Span] = []
    root_name = root_service = ""
    for db in blocks:
        for number, name, service in db.execute(_TRACE, (trace_id,)):
            spans += _spans(db, number)
            root_name, root_service = (name, service or "") if name is not None else (root_name, root_service)
    spans.sort(key=lambda span: (span.start, span.span_id))
    return Trace(trace_id, tuple(spans), root_name, root_service)


def _spans(db: sqlite3.Connection, trace: int) -> list[Span]:
    resources: dict[int, Resource] = {}
    spans = []
    for row in db.execute(_SPANS, {"trace": trace}):
        span_id, parent_id, name, start, duration, status, kind, resource, resource_body, body = row
        known = resources.setdefault(resource, Resource(resource_body))
        spans.append(Span(span_id, parent_id, name, start, duration, status, kind, known, body))
    return spans


def _add_messages(found: TracesData, db: sqlite3.Connection, trace: int) -> None:
    """Add the spans of one block, those of one resource and scope together."""
    groups: dict[bytes, tuple[ResourceSpans, dict[bytes, ScopeSpans]]] = {}
    for resource, scope, body in db.execute(_MESSAGES, {"trace": trace}):
        if resource not in groups:
            resource_spans = found.resource_spans.add()
            resource_spans.MergeFromString(resource)
            groups[resource] = (resource_spans, {})
        resource_spans, scopes = groups[resource]
        if scope not in scopes:
            scopes[scope] = resource_spans.scope_spans.add()
            scopes[scope].MergeFromString(scope)
        scopes[scope].spans.add().MergeFromString(body)
