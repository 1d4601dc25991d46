"""The critical path: what one would have to make faster for the whole to end earlier.

From the end of the root backwards: before its end a span waited for the child that ended last; that one for
its own last child, and so on. Where no child had ended, the span itself was at work. A child that ran beside
one that ended later held nobody up, and is not on the path.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from obsdeck.diagnose.trace.tree import Tree


@dataclass(frozen=True)
class Segment:
    """A time in which the whole waited for one span itself, and for none of its children.

    Attributes:
        span: The span's position in its tree.
        start: Nanoseconds since the epoch.
        end: Later than `start`.
    """

    span: int
    start: int
    end: int


@dataclass(frozen=True)
class _Frame:
    """A span on the way down; what of a child is outside of its parent's time does not count."""

    span: int
    start: int
    end: int
    children: Iterator[int]


def critical_path(tree: Tree) -> tuple[Segment, ...]:
    """The path below `tree.root`, oldest segment first.

    Each segment begins where the one before it ends; the first begins and the last ends with the root. A root
    that took no time has none.
    """
    root = tree.spans[tree.root]
    backwards: list[Segment] = []
    frames = [_frame(tree, tree.root, root.start, root.end)]
    moment = root.end
    while frames:
        frame = frames[-1]
        below = _last_to_end(tree, frame, moment)
        until = below.end if below else frame.start
        if until < moment:
            backwards.append(Segment(frame.span, until, moment))
            moment = until
        if below:
            frames.append(below)
        else:
            frames.pop()
    return tuple(reversed(backwards))


def seconds_by_span(path: Iterable[Segment]) -> dict[int, float]:
    """How long the whole waited for each span itself, in seconds."""
    spent: defaultdict[int, float] = defaultdict(float)
    for segment in path:
        spent[segment.span] += (segment.end - segment.start) / 1e9
    return dict(spent)


def _frame(tree: Tree, span: int, start: int, end: int) -> _Frame:
    """A span within these bounds, its children by their ends, the last first."""

    def order(child: int) -> tuple[int, int]:
        return (-min(end, tree.spans[child].end), tree.spans[child].start)

    return _Frame(span, start, end, iter(sorted(tree.children[span], key=order)))


def _last_to_end(tree: Tree, frame: _Frame, moment: int) -> _Frame | None:
    """The last child that took time and had ended at that moment; those before it are used up."""
    for child in frame.children:
        span = tree.spans[child]
        start, end = max(frame.start, span.start), min(frame.end, span.end)
        if start < end <= moment:
            return _frame(tree, child, start, end)
    return None
