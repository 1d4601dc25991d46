from __future__ import annotations

import time
from typing import TYPE_CHECKING

from obsdeck.diagnose.doctor import Diagnosis, Question, examine
from obsdeck.diagnose.model import Check
from obsdeck.stack import record

if TYPE_CHECKING:
    from obsdeck.diagnose.subject import Subject


def check(name: str, *, ok: bool) -> Check:
    return Check(name, ok=ok, evidence="")


def test_the_first_broken_hop_is_the_verdict() -> None:
    found = Diagnosis((check("a", ok=True), check("b", ok=False), check("c", ok=False)))
    assert found.verdict == "b"


def test_nothing_broken_is_no_verdict() -> None:
    assert Diagnosis((check("a", ok=True),)).verdict is None


def test_without_a_record_there_is_no_stack(subject: Subject) -> None:
    found = examine(subject.settings, subject.home, Question(time.time()))
    assert (found.up, found.verdict) == (False, "stack.recorded")
    assert found.checks[0].next == "obsdeck up"


def test_nothing_is_asked_of_a_stack_that_lost_its_supervisor(subject: Subject) -> None:
    record.write(subject.home, subject.record)
    found = examine(subject.settings, subject.home, Question(time.time()))
    assert (found.up, found.verdict) == (True, "process.supervisor")
    assert found.checks[-1].id == "process.supervisor"


def test_what_is_looked_at_is_told(subject: Subject) -> None:
    record.write(subject.home, subject.record)
    told: list[str] = []
    examine(subject.settings, subject.home, Question(time.time()), notify=told.append)
    assert told == ["settings and disk"]
