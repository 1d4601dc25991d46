from __future__ import annotations

from typing import TYPE_CHECKING

from obsdeck.diagnose.trace.clocks import aligned
from obsdeck.diagnose.trace.tree import grow
from tests.unit.diagnose.trace.conftest import BEGIN, MS, make

if TYPE_CHECKING:
    from obsdeck.diagnose.trace.model import Span


def times(*spans: Span) -> dict[int, tuple[int, int, int]]:
    """Number of each span to its start, end and shift in milliseconds."""
    moved = aligned(grow(spans))
    assert [span.start for span in moved] == sorted(span.start for span in moved)
    return {
        int(span.id, 16): ((span.start - BEGIN) // MS, (span.end - BEGIN) // MS, span.shift // MS)
        for span in moved
    }


CALL = make(1, start=0, end=100, kind="client")


def served(start: int, end: int, **more: object) -> Span:
    return make(2, 1, start, end, service="stock", kind="server", **more)


def test_clocks_that_agree_are_left_alone() -> None:
    assert times(CALL, served(10, 90)) == {1: (0, 100, 0), 2: (10, 90, 0)}


def test_a_request_served_before_it_was_sent_is_put_into_the_middle_of_its_call() -> None:
    assert times(CALL, served(-500, -440))[2] == (20, 80, 520)


def test_a_request_served_after_its_answer_came_is_put_into_the_middle_of_its_call() -> None:
    assert times(CALL, served(1000, 1060))[2] == (20, 80, -980)


def test_a_request_served_after_its_caller_gave_up_is_left_alone() -> None:
    gave_up = make(1, end=100, kind="client", error=True)
    assert times(gave_up, served(150, 200))[2] == (150, 200, 0)


def test_a_child_that_outlives_its_parent_is_left_alone() -> None:
    assert times(CALL, served(50, 150))[2] == (50, 150, 0)
    later = make(2, 1, 150, 200, service="mailer", kind="consumer")
    assert times(make(1, kind="producer"), later)[2] == (150, 200, 0)


def test_one_that_takes_longer_than_its_call_begins_with_it() -> None:
    assert times(CALL, served(-50, 100))[2] == (0, 150, 50)


def test_what_a_service_does_below_moves_with_it() -> None:
    found = times(CALL, served(-500, -440), make(3, 2, -490, -450, service="stock"))
    assert found[3] == (30, 70, 520)


def test_the_next_service_has_a_clock_of_its_own() -> None:
    call = make(3, 2, -490, -450, service="stock", kind="client")
    right = make(4, 3, 40, 50, service="bank", kind="server")
    assert times(CALL, served(-500, -440), call, right)[4] == (40, 50, 0)


def test_what_lost_its_parent_moves_as_its_service_did() -> None:
    lost = make(9, 77, -480, -470, service="stock")
    below = make(10, 9, -479, -471, service="stock")
    found = times(CALL, served(-500, -440), lost, below)
    assert (found[9], found[10]) == ((40, 50, 520), (41, 49, 520))
