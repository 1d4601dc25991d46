from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from obsdeck.diagnose.subject import Subject, moment, processes, service_variables

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-21T12:00:00.000Z\terror\tinternal/queue_sender.go:50\tExporting failed.",
        "time=2026-11-21T12:00:00.000Z level=ERROR source=write.go:204 msg=x",
        "level=warn ts=2026-11-21T12:00:00.000000407Z caller=worker.go:96 msg=x",
        "collector-1  | 2026-11-21T13:00:00.000+0100\twarn\tx",
    ],
    ids=["collector", "prometheus", "loki", "container"],
)
def test_every_server_writes_its_time_so_that_it_is_understood(line: str) -> None:
    assert moment(line) == pytest.approx(NOON, abs=0.001)


def test_a_line_of_a_stack_trace_has_no_time() -> None:
    assert moment("\tgo.opentelemetry.io/collector/exporter@v0.155.0/queue.go:50") is None


def test_only_lines_of_the_period_count(subject: Subject) -> None:
    subject.home.log("loki").write_text(
        "2026-11-21T11:59:59Z old\n2026-11-21T12:00:01Z new\n\tof the trace\n"
    )
    assert replace(subject, since=NOON).recent_lines("loki") == ["2026-11-21T12:00:01Z new"]


def test_a_stack_without_its_supervisor_has_no_processes(subject: Subject) -> None:
    assert processes(subject.record, subject.settings, subject.home) is None


def test_absent_components_are_not_looked_at(subject: Subject) -> None:
    absent = replace(subject.record.components[0], provider="")
    record = replace(subject.record, components=(absent, *subject.record.components[1:]))
    names = [component.name for component in replace(subject, record=record).components()]
    assert names == ["prometheus", "loki", "tempo", "alertmanager"]


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "service.env"
    path.write_text("OTEL_SERVICE_NAME=file\nOTEL_RESOURCE_ATTRIBUTES=a=$b\nEMPTY=\n")
    found = service_variables(path, {"OTEL_SERVICE_NAME": "environment"})
    assert found == {"OTEL_SERVICE_NAME": "environment", "OTEL_RESOURCE_ATTRIBUTES": "a=$b"}


def test_without_a_file_there_is_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert service_variables(None, {"A": "b"}) == {"A": "b"}
