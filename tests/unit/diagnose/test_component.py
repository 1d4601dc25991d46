from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.diagnose import component
from obsdeck.diagnose.subject import Process
from obsdeck.stack.components import ALERTMANAGER, GRAFANA, LOKI, PROMETHEUS, TEMPO

if TYPE_CHECKING:
    from obsdeck.diagnose.subject import Subject


def with_process(subject: Subject, name: str, process: Process) -> Subject:
    return replace(subject, processes={**(subject.processes or {}), name: process})


def with_port(subject: Subject, name: str, port: int) -> Subject:
    settings = replace(subject.settings, values={**subject.settings.values, name: str(port)})
    return replace(subject, settings=settings)


def test_a_port_of_ones_own_process_is_sound(subject: Subject) -> None:
    mine = with_process(subject, "alertmanager", Process(alive=True, word="RUNNING", pid=os.getpid()))
    assert component.check_ports(mine, ALERTMANAGER).ok


def test_a_port_that_a_stranger_holds_names_him(subject: Subject) -> None:
    dead = with_process(subject, "alertmanager", Process(alive=False, word="FATAL", pid=0))
    check = component.check_ports(dead, ALERTMANAGER)
    assert not check.ok
    assert f"(pid {os.getpid()}), not by Alertmanager" in check.evidence
    assert check.next == f"kill {os.getpid()}, then obsdeck up"


def test_a_free_port_of_a_stopped_component_is_no_fault_of_the_port(subject: Subject, free_port: int) -> None:
    stopped = with_process(subject, "alertmanager", Process(alive=False, word="STOPPED", pid=0))
    assert component.check_ports(with_port(stopped, "OBSDECK_ALERTMANAGER_PORT", free_port), ALERTMANAGER).ok


@pytest.mark.parametrize(("provider", "ok"), [("module", False), ("embedded", True)])
def test_a_stranger_on_a_port_that_only_tempo_itself_needs(
    subject: Subject, free_port: int, provider: str, *, ok: bool
) -> None:
    components = tuple(replace(one, provider=provider) for one in subject.record.components)
    stopped = with_process(subject, "tempo", Process(alive=False, word="STOPPED", pid=0))
    stopped = replace(stopped, record=replace(subject.record, components=components))
    assert component.check_ports(with_port(stopped, "OBSDECK_TEMPO_PORT", free_port), TEMPO).ok is ok


def test_the_ports_of_a_container_are_the_engines(subject: Subject) -> None:
    inside = with_process(subject, "alertmanager", Process(alive=True, word="running", pid=0))
    assert component.check_ports(inside, ALERTMANAGER).ok


def test_a_component_that_died_comes_with_its_last_words(subject: Subject) -> None:
    subject.home.log("loki").write_text("all fine\nmkdir /loki: permission denied\n")
    dead = with_process(subject, "loki", Process(alive=False, word="FATAL", pid=0))
    check = component.check_process(dead, LOKI)
    assert not check.ok
    assert check.evidence.startswith("Loki is not running: FATAL")
    assert check.evidence.endswith("permission denied")


def test_a_component_that_nobody_knows_is_not_running(subject: Subject) -> None:
    check = component.check_process(subject, GRAFANA)
    assert "unknown to the runtime" in check.evidence


def test_a_server_that_is_still_starting_is_not_ready(subject: Subject, world: Any) -> None:
    world.answers["/ready"] = (503, "Ingester not ready: waiting for 15s")
    check = component.check_ready(subject, LOKI)
    assert not check.ok
    assert "answered 503: Ingester not ready" in check.evidence


@pytest.mark.parametrize(("said", "ok"), [("1.2.3", True), ("v1.2.3", True), ("", True), ("2.0.0", False)])
def test_what_answers_must_be_what_was_started(subject: Subject, world: Any, said: str, *, ok: bool) -> None:
    world.answers["/api/v1/status/buildinfo"] = (200, f'{{"data":{{"version":"{said}"}}}}')
    check = component.check_version(subject, PROMETHEUS)
    assert check.ok is ok
    assert "1.2.3" in check.evidence


def test_a_directory_that_can_be_written(subject: Subject) -> None:
    check = component.check_directory(subject, LOKI)
    assert check.ok
    assert not list(subject.home.data("loki").iterdir())


def test_a_directory_that_is_a_file(subject: Subject) -> None:
    subject.home.data("loki").parent.mkdir(parents=True)
    subject.home.data("loki").write_text("")
    check = component.check_directory(subject, LOKI)
    assert not check.ok
    assert "File exists" in check.evidence
    assert "df -h" in check.next
