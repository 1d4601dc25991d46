from __future__ import annotations

from obsdeck.diagnose.trace.tree import grow
from tests.unit.diagnose.trace.conftest import make


def test_children_hang_on_their_parents_in_their_order() -> None:
    tree = grow([make(1), make(2, 1), make(3, 2), make(4, 1)])
    assert tree.roots == (0,)
    assert tree.children == ((1, 3), (2,), (), ())
    assert list(tree.walk()) == [0, 1, 2, 3]
    assert tree.parents == {1: 0, 2: 1, 3: 0}
    assert list(tree.edges(0)) == [(0, 1), (0, 3), (1, 2)]


def test_what_lost_its_parent_is_a_root_and_an_orphan() -> None:
    tree = grow([make(1), make(2, 99)])
    assert (tree.roots, tree.orphans) == ((0, 1), (1,))


def test_the_root_is_one_that_was_sent_as_such_however_short() -> None:
    tree = grow([make(2, 99, end=500), make(1, end=10)])
    assert tree.spans[tree.root].id == make(1).id


def test_of_several_roots_the_longest_stands_for_the_trace() -> None:
    tree = grow([make(1, end=10), make(2, end=50), make(3, end=20)])
    assert tree.root == 1


def test_a_span_that_is_its_own_parent_is_a_root() -> None:
    tree = grow([make(1, 1), make(2, 1)])
    assert (tree.roots, tree.orphans, tree.children) == ((0,), (0,), ((1,), ()))


def test_a_circle_is_cut_at_its_first_span() -> None:
    tree = grow([make(1), make(2, 4), make(3, 2), make(4, 3)])
    assert tree.roots == (0, 1)
    assert sorted(tree.walk()) == [0, 1, 2, 3]


def test_of_spans_with_one_id_the_first_has_the_children() -> None:
    tree = grow([make(1, kind="client"), make(1, kind="server"), make(2, 1)])
    assert tree.children == ((2,), (), ())


def test_a_chain_of_thousands() -> None:
    tree = grow([make(number, number - 1) for number in range(1, 5001)])
    assert list(tree.walk()) == list(range(5000))
