from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.diagnose import pipeline
from obsdeck.diagnose.model import Check

if TYPE_CHECKING:
    from obsdeck.diagnose.subject import Subject

TRACES, METRICS, LOGS = pipeline.PIPELINES

ERROR = (
    "not retryable error: request to http://127.0.0.1:3100/otlp/v1/logs responded with HTTP Status Code 400, "
    "Message=entry for stream '{service_name=\"late\"}' has timestamp too old"
)
FIELDS = {
    "resource": {"service.name": "otelcol"},
    "otelcol.component.id": "otlp_http/loki",
    "otelcol.component.kind": "exporter",
    "otelcol.signal": "logs",
    "error": ERROR,
    "dropped_items": 2,
}
START = "2026-11-21T06:45:26.434Z\terror\tinternal/queue_sender.go:50\tExporting failed. Dropping data.\t"
DROPPED = START + json.dumps(FIELDS)
RETRIED = START + json.dumps({name: value for name, value in FIELDS.items() if name != "dropped_items"})

ARRIVED = Check("round-trip.log", ok=True, evidence="", seconds=0.2)
LOST = Check("round-trip.log", ok=False, evidence="")


def dropped(status: int, message: str = "") -> str:
    return DROPPED.replace("Code 400", f"Code {status}").replace("has timestamp too old", message)


def test_a_line_of_loss_tells_where_how_much_and_why() -> None:
    (loss,) = pipeline.losses([DROPPED])
    assert (loss.backend, loss.items, loss.status) == ("loki", 2, 400)
    assert loss.reason == ERROR


def test_what_is_tried_again_is_not_lost() -> None:
    assert pipeline.losses([RETRIED, "", "go.opentelemetry.io/collector/exporter"]) == []


def test_losses_of_another_backend_are_not_this_pipelines(subject: Subject, world: Any) -> None:
    world.answers["/metrics"] = (200, "")
    losses = pipeline.losses([DROPPED])
    assert not pipeline.check_pipeline(subject, LOGS, losses, ARRIVED).ok
    assert pipeline.check_pipeline(subject, TRACES, losses, ARRIVED).ok


def test_losses_are_added_up(subject: Subject) -> None:
    check = pipeline.check_pipeline(subject, LOGS, pipeline.losses([DROPPED, DROPPED]), ARRIVED)
    assert check.evidence.startswith("the collector lost 4 log records on the way to Loki: ")


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        (dropped(400, "timestamp too old"), "set the clock"),
        (dropped(404), "no such address"),
        (dropped(401), "wants credentials"),
        (dropped(500), "obsdeck logs collector loki"),
    ],
)
def test_the_advice_follows_the_reason(subject: Subject, line: str, advice: str) -> None:
    check = pipeline.check_pipeline(subject, LOGS, pipeline.losses([line]), ARRIVED)
    assert advice in check.next


def test_a_queue_is_no_fault_while_the_canary_gets_through(subject: Subject, world: Any) -> None:
    world.answers["/metrics"] = (200, 'otelcol_exporter_queue_size{data_type="logs"} 3\n')
    check = pipeline.check_pipeline(subject, LOGS, [], ARRIVED)
    assert check.ok
    assert "3 requests waiting" in check.evidence


def test_a_queue_that_holds_the_canary_is_the_fault(subject: Subject, world: Any) -> None:
    world.answers["/metrics"] = (200, 'otelcol_exporter_queue_size{data_type="logs"} 3\n')
    check = pipeline.check_pipeline(subject, LOGS, [], LOST)
    assert not check.ok
    assert check.next == "obsdeck logs loki"


def test_a_lost_canary_without_a_queue_is_not_the_collectors_fault(subject: Subject, world: Any) -> None:
    world.answers["/metrics"] = (200, "")
    assert pipeline.check_pipeline(subject, LOGS, [], LOST).ok


def test_a_collector_that_takes_everything(subject: Subject) -> None:
    assert pipeline.check_collector(subject).ok


@pytest.mark.parametrize(
    ("token", "words"), [("", "wants a token, and none is set here"), ("old", "refuses the token")]
)
def test_a_token_that_is_missing_or_wrong(subject: Subject, world: Any, token: str, words: str) -> None:
    world.answers["/v1/traces"] = (401, "")
    settings = replace(subject.settings, values={**subject.settings.values, "OBSDECK_OTLP_TOKEN": token})
    check = pipeline.check_collector(replace(subject, settings=settings))
    assert words in check.evidence
    assert "old" not in check.evidence


def test_a_collector_without_a_pipeline_for_logs(subject: Subject, world: Any) -> None:
    world.answers["/v1/logs"] = (404, "404 page not found")
    check = pipeline.check_collector(subject)
    assert check.evidence.endswith("/v1/logs answered 404: 404 page not found")


def test_a_prometheus_without_its_otlp_receiver(subject: Subject) -> None:
    check = pipeline.check_prometheus(subject)
    assert not check.ok
    assert "--web.enable-otlp-receiver" in check.evidence


def test_a_prometheus_with_its_otlp_receiver(subject: Subject, world: Any) -> None:
    world.answers["/api/v1/otlp/v1/metrics"] = (200, "")
    assert pipeline.check_prometheus(subject).ok
