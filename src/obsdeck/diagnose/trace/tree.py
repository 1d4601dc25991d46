"""Which span caused which: a forest, since roots may be several and parents may be missing.

Nothing here calls itself: a trace may be a chain of thousands.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from obsdeck.diagnose.trace.model import Span


@dataclass(frozen=True)
class Tree:
    """Spans and how they hang together. A span is meant by its position in `spans`.

    Attributes:
        spans: All spans.
        roots: What hangs on nothing: roots as sent, and what lost its parent.
        children: For each span what it caused, in the order of `spans`.
    """

    spans: tuple[Span, ...]
    roots: tuple[int, ...]
    children: tuple[tuple[int, ...], ...]

    @property
    def root(self) -> int:
        """The one that stands for the trace: a root as sent if there is one, the longest of several."""
        return max(self.roots, key=lambda at: (not self.spans[at].parent_id, self.spans[at].duration))

    @cached_property
    def parents(self) -> dict[int, int]:
        """For each span but the roots, what it hangs on."""
        return {child: at for at, below in enumerate(self.children) for child in below}

    @property
    def orphans(self) -> tuple[int, ...]:
        """The roots whose parent is not there."""
        return tuple(at for at in self.roots if self.spans[at].parent_id)

    def edges(self, top: int) -> Iterator[tuple[int, int]]:
        """Parent and child of every edge below a span, from the top down."""
        for at in _below([top], self.children):
            for child in self.children[at]:
                yield at, child

    def walk(self) -> Iterator[int]:
        """Every span, a parent before its children."""
        yield from _below(self.roots, self.children)


def grow(spans: Sequence[Span]) -> Tree:
    """The tree of some spans, in whatever order they are."""
    places: dict[str, int] = {}
    for at, span in enumerate(spans):
        places.setdefault(span.id, at)
    parents = [places.get(span.parent_id) if span.parent_id else None for span in spans]
    roots = [at for at, parent in enumerate(parents) if parent is None]
    children = _children(parents)
    reached = set(_below(roots, children))
    # Spans that name each other as parents hang on nothing: the first of each circle becomes a root.
    for at in range(len(spans)):
        if at not in reached:
            parents[at] = None
            roots.append(at)
            children = _children(parents)
            reached |= set(_below([at], children))
    return Tree(tuple(spans), tuple(sorted(roots)), tuple(map(tuple, children)))


def _children(parents: Sequence[int | None]) -> list[list[int]]:
    children: list[list[int]] = [[] for _ in parents]
    for at, parent in enumerate(parents):
        if parent is not None:
            children[parent].append(at)
    return children


def _below(tops: Sequence[int], children: Sequence[Sequence[int]]) -> Iterator[int]:
    waiting = list(reversed(tops))
    while waiting:
        at = waiting.pop()
        yield at
        waiting.extend(reversed(children[at]))
