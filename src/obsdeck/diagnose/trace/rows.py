"""Which spans of a trace are shown, and in which order: what is repeated is folded, what matters stays.

Rows are for people. Of siblings with one name two are kept, and of a trace that is still too long what is on
the critical path, what failed, and what took longest, each with everything above it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from obsdeck.diagnose.trace.model import Span
    from obsdeck.diagnose.trace.tree import Tree

REPEATED = 4
"""Siblings with the same service and name above which they are folded."""

KEPT = 2
"""How many of them are shown."""

NAMES = 3
"""Under one parent, more folded names than these become one row."""


@dataclass(frozen=True)
class Row:
    """One row of a waterfall.

    Attributes:
        spans: Positions: one span, or the siblings that are folded into this row.
        guides: For each level above, whether more siblings follow there; the last one is its own.
        folded: Whether the row stands for what is not shown.
        hidden: How many spans are not shown: the folded ones and all below them.
    """

    spans: tuple[int, ...]
    guides: tuple[bool, ...]
    folded: bool = False
    hidden: int = 0


def layout(tree: Tree, critical: Collection[int], budget: int) -> tuple[Row, ...]:
    """The rows of a trace, top down.

    Args:
        tree: The trace.
        critical: Positions of the spans on the critical path.
        budget: How many spans are shown; rows that stand for folded ones come on top.
    """
    order = tuple(tree.walk())
    worth = _worth(tree, order, critical)
    shown = _unfolded(tree, worth)
    if len(shown) > budget:
        # Whoever is above is worth at least as much and comes first, so that nothing hangs in the air.
        best = sorted((at for at in order if at in shown), key=lambda at: worth[at], reverse=True)
        shown = set(best[:budget])
    return tuple(_rows(tree, shown, _sizes(tree, order)))


def _worth(tree: Tree, order: Sequence[int], critical: Collection[int]) -> list[tuple[bool, int]]:
    """What speaks for showing a span: the best that is known of it and of all below it."""
    on_path = set(critical)
    worth = [(at in on_path or span.error, span.duration) for at, span in enumerate(tree.spans)]
    for at in reversed(order):
        for child in tree.children[at]:
            worth[at] = max(worth[at], worth[child])
    return worth


def _sizes(tree: Tree, order: Sequence[int]) -> list[int]:
    """How many spans each is, with all below it."""
    sizes = [1] * len(tree.spans)
    for at in reversed(order):
        sizes[at] += sum(sizes[child] for child in tree.children[at])
    return sizes


def _unfolded(tree: Tree, worth: Sequence[tuple[bool, int]]) -> set[int]:
    shown: set[int] = set()
    waiting = [tree.roots]
    while waiting:
        siblings = waiting.pop()
        for group in _groups(tree.spans, siblings):
            kept = group
            if len(group) > REPEATED:
                kept = sorted(group, key=lambda at: worth[at], reverse=True)[:KEPT]
            shown.update(kept)
            waiting += [tree.children[at] for at in kept]
    return shown


def _groups(spans: Sequence[Span], siblings: Collection[int]) -> list[list[int]]:
    """Siblings by service and name."""
    groups: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for at in siblings:
        groups[spans[at].service, spans[at].name].append(at)
    return list(groups.values())


def _rows(tree: Tree, shown: set[int], sizes: Sequence[int]) -> Iterator[Row]:
    waiting = list(reversed(_level(tree, tree.roots, (), shown, sizes)))
    while waiting:
        row = waiting.pop()
        yield row
        if not row.folded:
            [at] = row.spans
            waiting += reversed(_level(tree, tree.children[at], row.guides, shown, sizes))


def _level(
    tree: Tree, siblings: Sequence[int], above: tuple[bool, ...], shown: set[int], sizes: Sequence[int]
) -> list[Row]:
    """The rows of some siblings: those that are shown, then what is folded."""
    rows = [Row((at,), ()) for at in siblings if at in shown]
    rest = [at for at in siblings if at not in shown]
    groups = _groups(tree.spans, rest)
    for group in groups if len(groups) <= NAMES else [rest]:
        hidden = sum(sizes[at] for at in group)
        # A single span takes no more room than the row that would say so.
        rows.append(Row(tuple(group), (), folded=hidden > 1, hidden=hidden if hidden > 1 else 0))
    last = len(rows) - 1
    return [Row(row.spans, (*above, at < last), row.folded, row.hidden) for at, row in enumerate(rows)]
