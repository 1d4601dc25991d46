"""Structural operators: which spans stand in a relation to others of their trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from obsdeck.tracestore.model import Span, Trace


def related(operator: str, left: Collection[Span], right: Collection[Span], trace: Trace) -> list[Span]:
    """The spans on the right of ``left operator right`` that stand in the relation to one on the left."""
    ids = {span.span_id for span in left}
    match operator:
        case ">":
            found = _children(ids, trace)
        case ">>":
            found = _descendants(ids, trace)
        case "<":
            found = _parents(ids, trace)
        case "<<":
            found = _ancestors(ids, trace)
        case _:
            found = _siblings(ids, trace)
    return [span for span in right if span.span_id in found]


def _children(ids: set[int], trace: Trace) -> set[int]:
    return {span_id for span_id, parent in trace.tree if parent in ids}


def _parents(ids: set[int], trace: Trace) -> set[int]:
    return {parent for span_id, parent in trace.tree if span_id in ids}


def _descendants(ids: set[int], trace: Trace) -> set[int]:
    found: set[int] = set()
    for span_id, parent in trace.tree:
        if parent in ids or parent in found:
            found.add(span_id)
    return found


def _ancestors(ids: set[int], trace: Trace) -> set[int]:
    found: set[int] = set()
    for span_id, parent in reversed(trace.tree):
        if span_id in ids or span_id in found:
            found.add(parent)
    return found


def _siblings(ids: set[int], trace: Trace) -> set[int]:
    """Spans with another child of their parent among the ids; roots count as siblings, as in Tempo."""
    chosen: dict[int, set[int]] = {}
    for span_id, parent in trace.tree:
        if span_id in ids:
            chosen.setdefault(parent, set()).add(span_id)
    return {span_id for span_id, parent in trace.tree if chosen.get(parent, set()) - {span_id}}
