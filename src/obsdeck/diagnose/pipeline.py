"""The way through: OTLP taken in by the collector, passed on to each backend, nothing lost on the way."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from obsdeck.backends import collector, http
from obsdeck.diagnose import canary
from obsdeck.diagnose.machine import RESTART
from obsdeck.diagnose.model import Check, guarded, words
from obsdeck.errors import ObsdeckError, UnreachableError
from obsdeck.stack import processes
from obsdeck.stack.components import COLLECTOR, LOKI, PROMETHEUS, TEMPO

if TYPE_CHECKING:
    from collections.abc import Sequence

    from obsdeck.backends.collector import Flow
    from obsdeck.diagnose.subject import Subject
    from obsdeck.stack.components import Component


@dataclass(frozen=True)
class Pipeline:
    """One signal's way through the collector.

    Attributes:
        signal: The collector's word: traces, metrics, logs.
        canary: The round trip's word: trace, metric, log.
        backend: Where it ends.
        items: What the signal is counted in.
    """

    signal: str
    canary: str
    backend: Component
    items: str


PIPELINES = (
    Pipeline("traces", "trace", TEMPO, "spans"),
    Pipeline("metrics", "metric", PROMETHEUS, "metric points"),
    Pipeline("logs", "log", LOKI, "log records"),
)

_EXPORTER = re.compile(r'"otelcol\.component\.id": *"[^"]*/(?P<name>[a-z]+)"')
_ERROR = re.compile(r'"error": *"(?P<text>(?:[^"\\]|\\.)*)"')
_DROPPED = re.compile(r'"(?:dropped|rejected)_items": *(?P<count>\d+)')
_STATUS = re.compile(r"HTTP Status Code (?P<code>\d+)")


@dataclass(frozen=True)
class Loss:
    """One line of the collector's log that says that telemetry was given up.

    Attributes:
        backend: The component that it was meant for.
        items: How many items.
        status: The backend's HTTP status; 0 where it did not come to that.
        reason: The collector's words.
    """

    backend: str
    items: int
    status: int
    reason: str


def check_collector(subject: Subject) -> Check:
    """The collector takes an (empty) request for each signal, with the token that is set here."""
    name = "otlp.collector"
    for signal in ("traces", "metrics", "logs"):
        url = f"{COLLECTOR.url(subject.settings)}/v1/{signal}"
        try:
            answer = http.post(url, b"{}", headers=canary.headers(subject.settings))
        except UnreachableError as error:
            holder = processes.port_owner(subject.settings.port(COLLECTOR.port))
            evidence = f"{error.message} ({error.why}); the port is held by {holder}"
            return Check(name, ok=False, evidence=evidence, next="obsdeck logs collector")
        if answer.status == HTTPStatus.UNAUTHORIZED:
            return _refused_token(subject, url)
        if answer.status != HTTPStatus.OK:
            evidence = f"{url} answered {answer.status}: {answer.first_line}"
            return Check(name, ok=False, evidence=evidence, next="obsdeck config collector")
    evidence = f"{COLLECTOR.url(subject.settings)} takes traces, metrics and logs"
    return Check(name, ok=True, evidence=evidence)


def check_prometheus(subject: Subject) -> Check:
    """Prometheus takes OTLP; without a flag it does not."""
    url = f"{PROMETHEUS.url(subject.settings)}/api/v1/otlp/v1/metrics"
    try:
        answer = http.post(url, b"", headers={"content-type": "application/x-protobuf"})
    except ObsdeckError as error:
        return Check("otlp.prometheus", ok=False, evidence=words(error), next="obsdeck logs prometheus")
    if answer.status == HTTPStatus.OK:
        return Check("otlp.prometheus", ok=True, evidence=f"{url} takes metrics")
    evidence = f"{url} answered {answer.status}: {answer.first_line}"
    if answer.status == HTTPStatus.NOT_FOUND:
        evidence += "; Prometheus was started without --web.enable-otlp-receiver"
    return Check("otlp.prometheus", ok=False, evidence=evidence, next=RESTART)


def check_pipeline(subject: Subject, way: Pipeline, losses: Sequence[Loss], trip: Check) -> Check:
    """Nothing was given up lately, and what waits in the queue moves.

    Args:
        subject: The stack.
        way: Which pipeline.
        losses: What was given up in the period that is looked at.
        trip: The round trip of this signal, just tried.
    """
    mine = [loss for loss in losses if loss.backend == way.backend.name]
    if mine:
        return _lost(way, mine)
    return guarded(
        f"pipeline.{way.signal}",
        lambda: _moving(way, collector.flows(subject.collector_metrics_url)[way.signal], trip),
    )


def losses(lines: Sequence[str]) -> list[Loss]:
    """What these lines of the collector's log say was given up."""
    return [loss for line in lines if (loss := _loss(line))]


def _lost(way: Pipeline, losses: Sequence[Loss]) -> Check:
    items = sum(loss.items for loss in losses)
    last = losses[-1]
    evidence = f"the collector lost {items} {way.items} on the way to {way.backend.title}: {last.reason}"
    return Check(f"pipeline.{way.signal}", ok=False, evidence=evidence, next=_advice(last))


def _moving(way: Pipeline, flow: Flow, trip: Check) -> Check:
    if trip.ok or not flow.queued:
        return Check(f"pipeline.{way.signal}", ok=True, evidence=_so_far(way, flow))
    evidence = (
        f"{flow.queued} requests wait in the collector's queue for {way.backend.title} and do not move; "
        f"{flow.sent} of {flow.accepted} {way.items} were passed on"
    )
    return Check(
        f"pipeline.{way.signal}", ok=False, evidence=evidence, next=f"obsdeck logs {way.backend.name}"
    )


def _loss(line: str) -> Loss | None:
    exporter, dropped = _EXPORTER.search(line), _DROPPED.search(line)
    if not exporter or not dropped:
        return None
    error = _ERROR.search(line)
    reason = json.loads(f'"{error["text"]}"') if error else line
    status = _STATUS.search(reason)
    return Loss(exporter["name"], int(dropped["count"]), int(status["code"]) if status else 0, reason)


def _so_far(way: Pipeline, flow: Flow) -> str:
    parts = [f"{flow.accepted} {way.items} taken in since the start"]
    parts += [f"{flow.refused} refused"] if flow.refused else []
    lost = flow.failed + flow.not_queued
    parts += [f"{lost} lost before the period that was looked at"] if lost else []
    parts += [f"{flow.queued} requests waiting"] if flow.queued else []
    return ", ".join(parts)


def _advice(loss: Loss) -> str:
    if loss.status == HTTPStatus.NOT_FOUND:
        return f"{loss.backend} has no such address: obsdeck config collector"
    if loss.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return f"{loss.backend} wants credentials: obsdeck config collector"
    if "too old" in loss.reason or "too new" in loss.reason or "out of" in loss.reason:
        return "set the clock of the service that sent it (date -u shows this machine's)"
    return f"obsdeck logs collector {loss.backend}"


def _refused_token(subject: Subject, url: str) -> Check:
    mine = subject.settings["OBSDECK_OTLP_TOKEN"]
    what = "refuses the token that is set here" if mine else "wants a token, and none is set here"
    return Check(
        "otlp.collector",
        ok=False,
        evidence=f"{url} answered 401: the collector {what}",
        next=f"set OBSDECK_OTLP_TOKEN to the token of the stack, or {RESTART}",
    )
