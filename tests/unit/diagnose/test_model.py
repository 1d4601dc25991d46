from __future__ import annotations

import pytest

from obsdeck.diagnose.model import Check, guarded, words
from obsdeck.errors import MissingError, UnreachableError


def test_a_look_that_finds_something_is_what_it_finds() -> None:
    check = Check("clock", ok=True, evidence="all agree")
    assert guarded("clock", lambda: check) is check


def test_a_server_that_stops_answering_meanwhile_is_a_finding() -> None:
    def look() -> Check:
        raise UnreachableError("http://x does not answer", why="Connection refused")

    check = guarded("clock", look)
    assert (check.ok, check.evidence, check.next) == (
        False,
        "http://x does not answer: Connection refused",
        "obsdeck status",
    )


def test_a_fault_of_the_program_is_no_finding() -> None:
    with pytest.raises(ZeroDivisionError):
        guarded("clock", lambda: Check("clock", ok=bool(1 / 0), evidence=""))


def test_an_error_without_a_reason_is_its_message() -> None:
    assert words(MissingError("gone")) == "gone"
