"""Clocks that differ between services: where a span begins before what caused it, its clock is put right.

Only what cannot have happened is corrected. A child that outlives its parent can: a task in the background, a
response that is still being written. One that begins before its parent cannot, nor a request that is served
after its caller got the answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from obsdeck.diagnose.trace.model import Span
    from obsdeck.diagnose.trace.tree import Tree


def aligned(tree: Tree) -> tuple[Span, ...]:
    """The spans of a tree in the order of their starts, all on the clock of the root.

    `Span.shift` says by how much one was moved. What lost its parent is moved as its service was elsewhere.
    """
    spans = list(tree.spans)
    clocks: dict[str, int] = {}
    for at in sorted(tree.roots, key=lambda root: root in tree.orphans):
        spans[at] = _moved(spans[at], clocks.get(spans[at].service, 0))
        for above, child in tree.edges(at):
            shift = _shift(spans[above], spans[child])
            spans[child] = _moved(spans[child], shift)
            clocks.setdefault(spans[child].service, shift)
    return tuple(sorted(spans, key=lambda span: (span.start, -span.end)))


def _moved(span: Span, shift: int) -> Span:
    return replace(span, start=span.start + shift, end=span.end + shift, shift=shift) if shift else span


def _shift(parent: Span, child: Span) -> int:
    """What to add to a child's times; its parent is on the right clock already."""
    if child.service == parent.service and (parent.kind, child.kind) != ("client", "server"):
        return parent.shift
    called = (parent.kind, child.kind) == ("client", "server")
    served_too_late = called and not parent.error and child.start > parent.end
    if child.start >= parent.start and not served_too_late:
        return 0
    spare = max(0, parent.duration - child.duration) if called else 0
    # The way there is taken to be as long as the way back.
    return parent.start + spare // 2 - child.start
