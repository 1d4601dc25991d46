from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.diagnose import machine
from obsdeck.stack.components import LOKI, PROMETHEUS
from obsdeck.stack.environment import Settings

if TYPE_CHECKING:
    from obsdeck.diagnose.subject import Subject


def changed(settings: Settings, name: str, value: str, origin: str) -> Settings:
    return Settings({**settings.values, name: value}, {**settings.origins, name: origin})


def test_settings_as_at_the_start_are_sound(subject: Subject) -> None:
    check = machine.check_settings(subject)
    assert check.ok
    assert "set in environment" in check.evidence


def test_a_port_that_was_changed_since_is_named_with_its_place(subject: Subject) -> None:
    present = changed(subject.present, "OBSDECK_LOKI_PORT", "4100", ".env:3")
    check = machine.check_settings(replace(subject, present=present))
    assert (check.ok, check.next) == (False, "obsdeck down && obsdeck up")
    assert (
        f"OBSDECK_LOKI_PORT is 4100 (.env:3), at the start {subject.settings['OBSDECK_LOKI_PORT']}"
        == check.evidence
    )


@pytest.mark.parametrize(
    ("name", "value", "origin"),
    [
        ("OBSDECK_LOKI_PORT", "3100", "default"),
        ("OBSDECK_OTLP_TOKEN", "hush", "environment"),
        ("OBSDECK_HOME", "/elsewhere", "environment"),
    ],
)
def test_what_says_nothing_of_the_stack_may_differ(
    subject: Subject, name: str, value: str, origin: str
) -> None:
    present = changed(subject.present, name, value, origin)
    assert machine.check_settings(replace(subject, present=present)).ok


def test_a_stack_that_lost_its_supervisor(subject: Subject) -> None:
    check = machine.check_supervisor(replace(subject, processes=None))
    assert (check.ok, check.next) == (False, "obsdeck up")


@pytest.mark.parametrize(("free", "ok"), [(10, True), (2, False)])
def test_a_disk_on_which_loki_would_refuse_to_write(
    subject: Subject, monkeypatch: pytest.MonkeyPatch, free: int, *, ok: bool
) -> None:
    usage = type(shutil.disk_usage("."))(100 * 10**9, (100 - free) * 10**9, free * 10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    check = machine.check_disk(subject)
    assert check.ok is ok
    assert f"{free}.0 of 100.0 GB free" in check.evidence


def test_clocks_that_agree(subject: Subject, world: Any) -> None:
    world.answers["/ready"] = (200, "ready")
    assert machine.check_clock(subject, [LOKI]).ok


def test_a_server_whose_clock_is_off(subject: Subject, world: Any) -> None:
    world.answers["/-/ready"] = (200, "ready")
    world.headers["Date"] = "Sat, 21 Nov 2020 12:00:00 GMT"
    check = machine.check_clock(subject, [PROMETHEUS])
    assert not check.ok
    assert "the clock of prometheus is" in check.evidence
    assert "behind" in check.evidence
