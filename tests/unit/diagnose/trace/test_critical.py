from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from obsdeck.diagnose.trace.critical import critical_path, seconds_by_span
from obsdeck.diagnose.trace.tree import Tree, grow
from tests.unit.diagnose.trace.conftest import BEGIN, MS, make

if TYPE_CHECKING:
    from obsdeck.diagnose.trace.model import Span


def path(*spans: Span) -> list[tuple[int, int, int]]:
    """Number, start and end in milliseconds of each segment."""
    return [
        (int(spans[one.span].id, 16), (one.start - BEGIN) // MS, (one.end - BEGIN) // MS)
        for one in critical_path(grow(spans))
    ]


def test_a_span_alone_is_its_own_path() -> None:
    assert path(make(1)) == [(1, 0, 100)]


def test_a_child_is_waited_for_and_the_rest_is_the_parents_own() -> None:
    assert path(make(1), make(2, 1, 20, 70)) == [(1, 0, 20), (2, 20, 70), (1, 70, 100)]


def test_children_one_after_the_other_are_all_on_it() -> None:
    assert path(make(1), make(2, 1, 0, 40), make(3, 1, 40, 100)) == [(2, 0, 40), (3, 40, 100)]


def test_of_children_beside_each_other_the_last_to_end_is_on_it() -> None:
    assert path(make(1), make(2, 1, 10, 60), make(3, 1, 10, 90)) == [(1, 0, 10), (3, 10, 90), (1, 90, 100)]


def test_one_that_ran_into_the_time_of_the_last_held_nobody_up() -> None:
    assert path(make(1), make(2, 1, 10, 60), make(3, 1, 50, 90)) == [(1, 0, 50), (3, 50, 90), (1, 90, 100)]


def test_it_goes_down_through_grandchildren() -> None:
    found = path(make(1), make(2, 1, 10, 90), make(3, 2, 20, 60))
    assert found == [(1, 0, 10), (2, 10, 20), (3, 20, 60), (2, 60, 90), (1, 90, 100)]


def test_what_goes_on_after_the_root_counts_until_its_end() -> None:
    assert path(make(1), make(2, 1, 50, 500)) == [(1, 0, 50), (2, 50, 100)]
    assert path(make(1), make(2, 1, 200, 500)) == [(1, 0, 100)]


def test_what_took_no_time_is_not_on_it() -> None:
    assert path(make(1), make(2, 1, 50, 50)) == [(1, 0, 100)]
    assert path(make(1, end=0), make(2, 1, 0, 0)) == []


def test_other_roots_are_not_on_it() -> None:
    assert path(make(1), make(2, 0, 0, 40), make(3, 77, 0, 300)) == [(1, 0, 100)]


def test_seconds_add_up_over_segments() -> None:
    tree = grow([make(1), make(2, 1, 20, 70)])
    assert seconds_by_span(critical_path(tree)) == {0: 0.05, 1: 0.05}


def test_a_chain_of_thousands() -> None:
    spans = [make(number, number - 1, number, 10_000 - number) for number in range(1, 3001)]
    assert len(critical_path(grow(spans))) == 2 * 3000 - 1


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Any tree: children may begin before and end after their parents, and take no time."""
    count = draw(st.integers(1, 25))
    times = st.integers(-50, 150)
    spans = []
    for number in range(1, count + 1):
        parent = draw(st.integers(0, number - 1))
        start, end = sorted((draw(times), draw(times)))
        spans.append(make(number, parent, start, end))
    return grow(spans)


@given(trees())
def test_it_covers_the_root_without_gap_or_overlap(tree: Tree) -> None:
    root = tree.spans[tree.root]
    found = critical_path(tree)
    assert all(one.start < one.end for one in found)
    assert all(before.end == after.start for before, after in pairwise(found))
    assert sum(one.end - one.start for one in found) == root.duration
    if found:
        assert (found[0].start, found[-1].end) == (root.start, root.end)


@given(trees())
def test_it_is_a_chain_from_the_root(tree: Tree) -> None:
    on_path = {one.span for one in critical_path(tree)}
    for at in on_path:
        above = at
        while above != tree.root:
            above = tree.parents[above]
        span = tree.spans[at]
        assert all(
            span.start <= one.start and one.end <= span.end for one in critical_path(tree) if one.span == at
        )


@given(trees())
def test_a_span_is_at_work_itself_only_where_no_child_had_just_ended(tree: Tree) -> None:
    """Where a segment of a span ends with the span's own work, no child that took time ends within it."""
    root = tree.spans[tree.root]
    for one in critical_path(tree):
        for child in tree.children[one.span]:
            span = tree.spans[child]
            start = max(span.start, root.start, tree.spans[one.span].start)
            inside = one.start < span.end <= one.end
            assert not (inside and start < span.end), (
                "the span waited for this child and it is not on the path"
            )
