"""The round trip: one trace, one metric and one log go in, and are looked for where they must come out.

All three are sent to the collector as OTLP/JSON and asked for at Tempo, Prometheus and Loki by one
fresh id, side by side. `obsdeck up` ends with it, so it imports nothing that takes time.
"""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from obsdeck.backends import http, loki, prometheus, tempo
from obsdeck.diagnose.model import Check, words
from obsdeck.errors import ObsdeckError
from obsdeck.stack.components import COLLECTOR, LOKI, PROMETHEUS, TEMPO

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from obsdeck.stack.environment import Settings

SERVICE = "obsdeck-canary"
SIGNALS = ("trace", "metric", "log")

_POLL_SECONDS = 0.05
_CUMULATIVE = 2
"""OTLP's AGGREGATION_TEMPORALITY_CUMULATIVE, the one that Prometheus takes."""


@dataclass(frozen=True)
class Canary:
    """What one round trip sends.

    Attributes:
        trace_id: 32 hexadecimal digits; the id of the trace, of the log's trace and of the metric's series.
        sent: Nanoseconds since the epoch: the time of everything in it.
    """

    trace_id: str
    sent: int

    @property
    def span_ids(self) -> tuple[str, str]:
        """The parent's and the child's."""
        return self.trace_id[:16], self.trace_id[16:]


def new_canary() -> Canary:
    """A canary that nobody has seen before."""
    return Canary(os.urandom(16).hex(), time.time_ns())


def round_trip(
    settings: Settings, *, timeout: float = 10.0, signals: Sequence[str] = SIGNALS
) -> tuple[Check, ...]:
    """Send a canary through and wait until it can be read back.

    Args:
        settings: Where the running stack listens, and the token that it wants.
        timeout: Seconds for each signal.
        signals: Which of `SIGNALS` to try.

    Returns:
        One check per signal: `round-trip.trace`, `round-trip.metric`, `round-trip.log`. `seconds` is from
        sending until the answer held it.
    """
    canary = new_canary()
    with ThreadPoolExecutor(max_workers=len(SIGNALS)) as pool:
        return tuple(pool.map(lambda signal: _travel(signal, canary, settings, timeout), signals))


def headers(settings: Settings) -> dict[str, str]:
    """What an OTLP/JSON request to the collector carries: its type, and the token where one is set."""
    token = settings["OBSDECK_OTLP_TOKEN"]
    return {
        "content-type": "application/json",
        **({"authorization": f"Bearer {token}"} if token else {}),
    }


def trace(canary: Canary) -> dict[str, Any]:
    """Two spans, a request and what it calls, as OTLP/JSON."""
    parent, child = canary.span_ids
    times = {"startTimeUnixNano": str(canary.sent - 2_000_000), "endTimeUnixNano": str(canary.sent)}
    spans = [
        {"traceId": canary.trace_id, "spanId": parent, "name": "canary", "kind": 2, **times},
        {
            "traceId": canary.trace_id,
            "spanId": child,
            "parentSpanId": parent,
            "name": "sing",
            "kind": 1,
            **times,
        },
    ]
    return {"resourceSpans": [{"resource": _RESOURCE, "scopeSpans": [{"scope": _SCOPE, "spans": spans}]}]}


def metric(canary: Canary) -> dict[str, Any]:
    """One counter with one exemplar, as OTLP/JSON; in Prometheus `obsdeck_canary_sent_total`."""
    now = str(canary.sent)
    exemplar = {
        "timeUnixNano": now,
        "asInt": "1",
        "traceId": canary.trace_id,
        "spanId": canary.span_ids[0],
    }
    point = {
        "startTimeUnixNano": str(canary.sent - 1_000_000_000),
        "timeUnixNano": now,
        "asInt": "1",
        "attributes": [_attribute("canary.id", canary.trace_id)],
        "exemplars": [exemplar],
    }
    counter = {
        "name": "obsdeck.canary.sent",
        "description": "Canaries that doctor and up have sent; one series each.",
        "unit": "{canary}",
        "sum": {"aggregationTemporality": _CUMULATIVE, "isMonotonic": True, "dataPoints": [point]},
    }
    return {
        "resourceMetrics": [
            {"resource": _RESOURCE, "scopeMetrics": [{"scope": _SCOPE, "metrics": [counter]}]}
        ]
    }


def log(canary: Canary) -> dict[str, Any]:
    """One log record that belongs to the trace, as OTLP/JSON."""
    record = {
        "timeUnixNano": str(canary.sent),
        "observedTimeUnixNano": str(canary.sent),
        "severityNumber": 9,
        "severityText": "INFO",
        "body": {"stringValue": "a canary on its way"},
        "traceId": canary.trace_id,
        "spanId": canary.span_ids[0],
    }
    return {
        "resourceLogs": [{"resource": _RESOURCE, "scopeLogs": [{"scope": _SCOPE, "logRecords": [record]}]}]
    }


def _travel(signal: str, canary: Canary, settings: Settings, timeout: float) -> Check:
    way = _WAYS[signal]
    began = time.monotonic()
    name = f"round-trip.{signal}"
    address = COLLECTOR.url(settings) + way.path
    try:
        body = json.dumps(way.document(canary)).encode()
        answer = http.post(address, body, headers=headers(settings), timeout=timeout).checked()
    except ObsdeckError as error:
        return Check(name, ok=False, evidence=words(error), next="obsdeck logs collector")
    rejected = answer.json().get("partialSuccess", {}).get("errorMessage", "")
    if rejected:
        return Check(
            name, ok=False, evidence=f"{address} took not all: {rejected}", next="obsdeck logs collector"
        )
    last = "nothing was asked yet"
    while (spent := time.monotonic() - began) < timeout:
        try:
            if way.found(canary, settings):
                spent = time.monotonic() - began
                return Check(
                    name, ok=True, evidence=f"{way.where} has {canary.trace_id}", seconds=round(spent, 3)
                )
            last = f"{way.where} does not have it"
        except ObsdeckError as error:
            last = words(error)
        time.sleep(_POLL_SECONDS)
    return Check(
        name,
        ok=False,
        evidence=f"{address} took {canary.trace_id}; {timeout:g} s later: {last}",
        next=f"obsdeck logs collector {way.component}",
    )


def _trace_found(canary: Canary, settings: Settings) -> bool:
    found = tempo.trace(TEMPO.url(settings), canary.trace_id)
    if found is None:
        return False
    return sum(len(scope["spans"]) for one in found["resourceSpans"] for scope in one["scopeSpans"]) == len(
        canary.span_ids
    )


def _metric_found(canary: Canary, settings: Settings) -> bool:
    expression = f'obsdeck_canary_sent_total{{canary_id="{canary.trace_id}"}}'
    return bool(prometheus.query(PROMETHEUS.url(settings), expression))


def _log_found(canary: Canary, settings: Settings) -> bool:
    moment = canary.sent / 1e9
    expression = f'{{service_name="{SERVICE}"}} | trace_id="{canary.trace_id}"'
    return bool(loki.query_range(LOKI.url(settings), expression, start=moment - 60, end=moment + 60))


@dataclass(frozen=True)
class _Way:
    """How one signal travels.

    Attributes:
        path: The collector's path for it.
        document: What is sent.
        found: Whether the backend can answer with it.
        where: The backend, for people.
        component: The backend's name.
    """

    path: str
    document: Callable[[Canary], dict[str, Any]]
    found: Callable[[Canary, Settings], bool]
    where: str
    component: str


_WAYS = {
    "trace": _Way("/v1/traces", trace, _trace_found, TEMPO.title, TEMPO.name),
    "metric": _Way("/v1/metrics", metric, _metric_found, PROMETHEUS.title, PROMETHEUS.name),
    "log": _Way("/v1/logs", log, _log_found, LOKI.title, LOKI.name),
}


def _attribute(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


_RESOURCE = {"attributes": [_attribute("service.name", SERVICE)]}
_SCOPE = {"name": "obsdeck.diagnose"}
