from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from obsdeck.tracestore.model import Resource, Span, Trace
from obsdeck.tracestore.traceql.relations import related

RESOURCE = Resource(b"")


def trace_of(parents: dict[int, int]) -> Trace:
    spans = tuple(Span(number, parent, "", 0, 0, 0, 0, RESOURCE, b"") for number, parent in parents.items())
    return Trace(b"", spans, "", "")


def ids(trace: Trace, operator: str, left: set[int], right: set[int]) -> set[int]:
    def pick(chosen: set[int]) -> list[Span]:
        return [span for span in trace.spans if span.span_id in chosen]

    return {span.span_id for span in related(operator, pick(left), pick(right), trace)}


TREE = trace_of({1: 0, 2: 1, 3: 2, 4: 1, 5: 4, 6: 99, 7: 6, 8: 0})
ALL = {1, 2, 3, 4, 5, 6, 7, 8}


def test_children_and_parents() -> None:
    assert ids(TREE, ">", {1}, ALL) == {2, 4}
    assert ids(TREE, ">", {1}, {4, 5}) == {4}
    assert ids(TREE, "<", {3}, ALL) == {2}


def test_descendants_and_ancestors() -> None:
    assert ids(TREE, ">>", {1}, ALL) == {2, 3, 4, 5}
    assert ids(TREE, "<<", {5}, ALL) == {1, 4}
    assert ids(TREE, ">>", {2, 4}, {5}) == {5}


def test_siblings_and_two_roots_are_siblings() -> None:
    assert ids(TREE, "~", {2}, ALL) == {4}
    assert ids(TREE, "~", {1}, ALL) == {8}
    assert ids(TREE, "~", {3}, ALL) == set()


def test_spans_below_a_missing_parent_have_no_relations() -> None:
    for operator in (">", ">>", "<", "<<", "~"):
        assert ids(TREE, operator, {6, 7}, {6, 7}) == set()


def test_a_span_that_is_its_own_ancestor_has_no_place() -> None:
    assert ids(trace_of({1: 2, 2: 1, 3: 3}), ">>", {1, 2, 3}, {1, 2, 3}) == set()


@given(st.lists(st.integers(0, 12), max_size=12), st.sets(st.integers(1, 12)), st.sets(st.integers(1, 12)))
def test_relations_are_those_of_the_paths_to_a_root(
    parents: list[int], left: set[int], right: set[int]
) -> None:
    trace = trace_of(dict(enumerate(parents, start=1)))
    left, right = left & set(range(1, len(parents) + 1)), right & set(range(1, len(parents) + 1))

    def path(span: int) -> list[int] | None:
        """The ancestors of a span up to its root; None where it has none."""
        found: list[int] = []
        while parent := parents[span - 1]:
            if parent > len(parents) or parent in found or parent == span:
                return None
            found.append(parent)
            span = parent
        return found

    paths = {span: found for span in left | right if (found := path(span)) is not None}
    assert ids(trace, ">>", left, right) == {r for r in right & paths.keys() if left & set(paths[r])}
    assert ids(trace, ">", left, right) == {r for r in right & paths.keys() if left & set(paths[r][:1])}
    assert ids(trace, "<<", left, right) == {
        r for r in right if any(r in paths[x] for x in left & paths.keys())
    }
    assert ids(trace, "<", left, right) == {
        r for r in right if any([r] == paths[x][:1] for x in left & paths.keys())
    }
    assert ids(trace, "~", left, right) == {
        r
        for r in right & paths.keys()
        if any(x != r and paths[x][:1] == paths[r][:1] for x in left & paths.keys())
    }
