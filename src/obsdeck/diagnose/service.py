"""What services do wrong: a wrong address, no name, metrics of a kind that Prometheus refuses."""

from __future__ import annotations

import math
import time
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from obsdeck.backends import collector, http, loki, prometheus
from obsdeck.diagnose.model import Check, words
from obsdeck.errors import ObsdeckError
from obsdeck.stack import processes
from obsdeck.stack.components import COLLECTOR, LOKI, PROMETHEUS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from obsdeck.diagnose.subject import Subject

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
PREFERENCE = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"

_SIGNALS = ("TRACES", "METRICS", "LOGS")
_HERE = {"127.0.0.1", "localhost", "::1", "0.0.0.0", "host.docker.internal"}  # noqa: S104 - only compared with
_NAMELESS = 'service_name=~"|unknown_service.*",job=~"|unknown_service.*"'
_BY_NATURE = "ALERTS.*|.*:.*|traces_service_graph_.*"
"""Alerts, recording rules and Tempo's service graphs carry no service name, and need none."""

_SPAN_METRICS = "traces_spanmetrics_calls_total"


def check_endpoint(subject: Subject) -> Check:
    """A service started here would send to the collector, and the collector would take it."""
    address = COLLECTOR.url(subject.settings)
    fix = f"export {ENDPOINT}={address}"
    asked = []
    for variable, url, path in _endpoints(subject.service):
        try:
            wrong = _judge(subject, url, path)
        except ObsdeckError as error:
            wrong = words(error)
        if wrong:
            return Check("service.endpoint", ok=False, evidence=f"{variable}={url}: {wrong}", next=fix)
        asked.append(f"{variable}={url}")
    evidence = (
        f"{', '.join(asked)} takes telemetry"
        if asked
        else f"{ENDPOINT} is not set here; services need {address}"
    )
    return Check("service.endpoint", ok=True, evidence=evidence)


def check_name(subject: Subject) -> Check:
    """Nobody has sent telemetry without a service name lately."""
    now = time.time()
    looks = (_nameless_metrics, _nameless_traces, _nameless_logs)
    found = [one for look in looks for one in look(subject, now)]
    if not found:
        return Check("service.name", ok=True, evidence="all telemetry of late carries a service name")
    return Check(
        "service.name",
        ok=False,
        evidence="telemetry came in without service.name: " + "; ".join(found),
        next="export OTEL_SERVICE_NAME=<name> for that service, or obsdeck.instrument(app, service_name=...)",
    )


def check_temporality(subject: Subject) -> Check:
    """Nobody has sent delta metrics lately, and a service started here would not.

    The collector drops them, because Prometheus refuses a whole request for one of them.

    Raises:
        UnreachableError: The collector or Prometheus has stopped answering meanwhile.
    """
    name, fix = "service.temporality", f"export {PREFERENCE}=cumulative for the service that sends them"
    dropped = _dropped(subject)
    if dropped:
        evidence = (
            f"the collector dropped {dropped} metric points that Prometheus cannot take: delta temporality, "
            "or a time that is half an hour off"
        )
        return Check(name, ok=False, evidence=evidence, next=f"{fix}; date -u there and here")
    preference = subject.service.get(PREFERENCE, "").lower()
    if preference in {"delta", "lowmemory"}:
        evidence = f"{PREFERENCE}={preference} is set here; Prometheus takes no delta metrics"
        return Check(name, ok=False, evidence=evidence, next=fix)
    return Check(name, ok=True, evidence="no delta metrics came in of late")


def _dropped(subject: Subject) -> int:
    """Metric points that the collector's filters dropped in the period that is looked at.

    The collector tells how many there are now, Prometheus how many there were when the period began;
    less than then means that the collector was started anew.
    """
    counter = collector.FILTERED_POINTS
    now = collector.filtered_points(subject.collector_metrics_url)
    samples = prometheus.query(
        PROMETHEUS.url(subject.settings), f'{{__name__=~"{counter}(_total)?"}}', time=subject.since
    )
    before = int(sum(sample.value for sample in samples))
    return now - before if now >= before else now


def _endpoints(service: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """The variable, its value, and the path that the SDK appends to it."""
    if service.get(ENDPOINT):
        yield ENDPOINT, service[ENDPOINT], "/v1/traces"
    for signal in _SIGNALS:
        variable = f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"
        if service.get(variable):
            yield variable, service[variable], ""


def _judge(subject: Subject, url: str, path: str) -> str:
    """What is wrong with an address, empty if nothing; asked as the SDK would ask."""
    parts = urlsplit(url)
    here = parts.hostname in _HERE
    grpc = subject.service.get("OTEL_EXPORTER_OTLP_PROTOCOL", "").startswith("grpc")
    wanted = "OBSDECK_OTLP_GRPC_PORT" if grpc else COLLECTOR.port
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if here and port != subject.settings.port(wanted):
        return _wrong_port(subject, port, wanted)
    if grpc:
        return ""
    headers = {"content-type": "application/json", **_headers(subject.service)}
    answer = http.post(url.rstrip("/") + path if path else url, b"{}", headers=headers)
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return "answered 401: OTEL_EXPORTER_OTLP_HEADERS carries no token, or a wrong one"
    return "" if answer.status == HTTPStatus.OK else f"answered {answer.status}: {answer.first_line}"


def _wrong_port(subject: Subject, port: int, wanted: str) -> str:
    right = f"the collector takes OTLP at {subject.settings[wanted]}"
    if wanted == COLLECTOR.port and port == subject.settings.port("OBSDECK_OTLP_GRPC_PORT"):
        return f"{port} speaks gRPC only; for OTLP/HTTP {right}"
    if processes.port_is_free(port):
        return f"nobody listens on {port}; {right}"
    return f"{port} is held by {processes.port_owner(port)}; {right}"


def _headers(service: Mapping[str, str]) -> dict[str, str]:
    """What OTEL_EXPORTER_OTLP_HEADERS adds to each request: `name=value,name=value`, percent-encoded."""
    pairs = (pair.partition("=") for pair in service.get("OTEL_EXPORTER_OTLP_HEADERS", "").split(","))
    return {name.strip().lower(): unquote(value.strip()) for name, _, value in pairs if name.strip()}


def _nameless_metrics(subject: Subject, now: float) -> Iterator[str]:
    selector = f'{{__name__!="",__name__!~"{_BY_NATURE}|traces_spanmetrics_.*",{_NAMELESS}}}'
    recent = f"last_over_time({selector}[{_period(subject, now)}])"
    expression = f"count by (__name__, service_name, job) ({recent})"
    url = PROMETHEUS.url(subject.settings)
    found = prometheus.query(url, expression, time=now)
    # What a rule records was sent by nobody.
    recorded = {rule.name for rule in prometheus.rules(url) if not rule.alerting} if found else set()
    for sample in found:
        name = sample.labels["__name__"]
        if name not in recorded:
            yield f"metric {name} ({_who(sample.labels)})"


def _nameless_traces(subject: Subject, now: float) -> Iterator[str]:
    """By the collector's count of spans, which it repeats for an hour: only what has grown is of now."""
    calls = f"{_SPAN_METRICS}{{{_NAMELESS}}}"
    before = f"{calls} offset {_period(subject, now)}"
    expression = f"count by (service_name, job) (({calls} unless {before}) or ({calls} > {before}))"
    for sample in prometheus.query(PROMETHEUS.url(subject.settings), expression, time=now):
        yield f"spans ({_who(sample.labels)})"


def _nameless_logs(subject: Subject, now: float) -> Iterator[str]:
    selector = '{service_name=~"unknown_service.*"}'
    expression = f"sum by (service_name) (count_over_time({selector}[{_period(subject, now)}]))"
    for count in loki.query(LOKI.url(subject.settings), expression, time=now):
        yield f"{count.value:.0f} log lines ({_who(count.labels)})"


def _period(subject: Subject, now: float) -> str:
    """The period that is looked at, as both query languages write it."""
    return f"{math.ceil((now - subject.since) * 1000) + 1}ms"


def _who(labels: Mapping[str, str]) -> str:
    return labels.get("service_name") or labels.get("job") or "no name at all"
