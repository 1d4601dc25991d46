from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from obsdeck.diagnose.trace.rows import layout
from obsdeck.diagnose.trace.tree import grow
from tests.unit.diagnose.trace.conftest import make
from tests.unit.diagnose.trace.test_critical import trees

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from obsdeck.diagnose.trace.model import Span
    from obsdeck.diagnose.trace.tree import Tree


def shown(spans: Sequence[Span], critical: Collection[int] = (), budget: int = 100) -> list[str]:
    """`id` of each shown span, `id...+hidden` of what is folded."""
    return [
        "/".join(str(int(spans[at].id, 16)) for at in row.spans) + (f"+{row.hidden}" if row.folded else "")
        for row in layout(grow(spans), critical, budget)
    ]


def repeated(count: int, **last: object) -> list[Span]:
    """A root and so many children with one name, each longer than the one before."""
    return [
        make(1, end=1000),
        *(make(10 + one, 1, one, 2 * one + 1, name="SELECT") for one in range(count - 1)),
        make(10 + count - 1, 1, count, 2 * count, name="SELECT", **last),
    ]


def test_few_siblings_are_all_shown() -> None:
    assert shown(repeated(4)) == ["1", "10", "11", "12", "13"]


def test_of_many_with_one_name_the_longest_two_are_shown() -> None:
    assert shown(repeated(6)) == ["1", "14", "15", "10/11/12/13+4"]


def test_the_failed_one_is_among_them() -> None:
    spans = repeated(6)
    spans[1] = make(10, 1, 0, 1, name="SELECT", error=True)
    assert shown(spans) == ["1", "10", "15", "11/12/13/14+4"]


def test_one_on_the_critical_path_is_among_them() -> None:
    assert shown(repeated(6), critical=[2]) == ["1", "11", "15", "10/12/13/14+4"]


def test_what_is_below_folded_ones_is_counted() -> None:
    spans = [*repeated(6), make(50, 10, end=1), make(51, 50, end=1)]
    assert shown(spans)[-1] == "10/11/12/13+6"


def test_the_same_name_in_another_service_is_another_name() -> None:
    spans = [make(1), *(make(10 + n, 1, name="GET", service=f"s{n % 2}") for n in range(8))]
    assert len(shown(spans)) == 9


def test_roots_are_folded_too() -> None:
    spans = [make(10 + one, 77, name="lost") for one in range(9)]
    assert shown(spans) == ["10", "11", "12/13/14/15/16/17/18+7"]


def test_beyond_the_budget_what_matters_stays_with_all_above_it() -> None:
    spans = [
        make(1, end=100),
        make(2, 1, 0, 50),
        make(3, 1, 0, 90),
        make(4, 2, 0, 10),
        make(5, 4, 0, 1, error=True),
        make(6, 3, 0, 80),
        make(7, 3, 0, 70),
    ]
    assert shown(spans, budget=4) == ["1", "2", "4", "5", "3+3"]


def test_many_names_beyond_the_budget_become_one_row() -> None:
    spans = [make(1), *(make(10 + one, 1, name=f"name {one}") for one in range(10))]
    assert shown(spans, budget=3) == ["1", "10", "11", "12/13/14/15/16/17/18/19+8"]


def test_a_single_span_is_shown_and_not_folded() -> None:
    assert shown([make(1), make(2, 1), make(3, 1)], budget=2) == ["1", "2", "3"]


def test_guides_say_where_siblings_follow() -> None:
    spans = [make(1), make(2, 1), make(3, 2), make(4, 1)]
    rows = layout(grow(spans), (), 10)
    assert [row.guides for row in rows] == [(False,), (False, True), (False, True, False), (False, False)]


@given(trees(), st.integers(1, 30))
def test_every_span_is_shown_or_counted_once(tree: Tree, budget: int) -> None:
    rows = layout(tree, (), budget)
    assert sum(1 for row in rows if not row.folded) + sum(row.hidden for row in rows) == len(tree.spans)
