"""Questions to Tempo's HTTP API, which the embedded trace store has too.

Facts: https://grafana.com/docs/tempo/latest/api_docs/.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from obsdeck.backends import http

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class TraceSummary:
    """One trace as a search finds it.

    Attributes:
        trace_id: In hexadecimal, without leading zeros where Tempo leaves them out.
        root_service: The service that it began in; empty while the root span is not there.
        root_name: The name of its first span.
        start: Nanoseconds since the epoch.
        duration_ms: Milliseconds.
        longest: Nanoseconds of the longest span that fits the query, of those that the answer holds.
    """

    trace_id: str
    root_service: str
    root_name: str
    start: int
    duration_ms: float
    longest: int = 0


@dataclass(frozen=True)
class Series:
    """One series of a TraceQL metrics query.

    Attributes:
        labels: What it was grouped by.
        points: Pairs of seconds since the epoch and value, oldest first.
    """

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


def trace(url: str, trace_id: str) -> Mapping[str, Any] | None:
    """A trace in OTLP/JSON (ids in base64), None while there is none.

    Args:
        url: Tempo's base URL.
        trace_id: 32 hexadecimal digits.

    Raises:
        UnreachableError: Tempo does not answer.
        HttpError: It refuses the id.
    """
    try:
        document: Mapping[str, Any] = http.get(f"{url}/api/v2/traces/{trace_id}").json()["trace"]
    except http.HttpError as error:
        if error.status == _NOT_FOUND:
            return None
        raise
    return document if document.get("resourceSpans") else None


def search(url: str, traceql: str, *, start: float, end: float, limit: int = 20) -> tuple[TraceSummary, ...]:
    """The traces that a TraceQL query selects between two moments, in seconds. Raises as `trace`."""
    words = {"q": traceql, "start": str(int(start)), "end": str(int(end) + 1), "limit": str(limit)}
    rows = http.get(f"{url}/api/search", words).json().get("traces", ())
    return tuple(
        TraceSummary(
            row["traceID"],
            row.get("rootServiceName", ""),
            row.get("rootTraceName", ""),
            int(row.get("startTimeUnixNano", 0)),
            float(row.get("durationMs", 0)),
            max((int(span.get("durationNanos", 0)) for span in _spans(row)), default=0),
        )
        for row in rows
    )


def metrics_range(url: str, traceql: str, *, start: float, end: float, step: float) -> tuple[Series, ...]:
    """The values of a TraceQL metrics query over time; times and step in seconds. Raises as `trace`."""
    words = {"q": traceql, "start": str(int(start)), "end": str(int(end) + 1), "step": f"{step:g}s"}
    rows = http.get(f"{url}/api/metrics/query_range", words).json().get("series", ())
    return tuple(
        Series(
            {one["key"]: str(next(iter(one["value"].values()), "")) for one in row.get("labels", ())},
            tuple(
                (int(one["timestampMs"]) / 1000, float(one.get("value", 0))) for one in row.get("samples", ())
            ),
        )
        for row in rows
    )


def tag_values(url: str, tag: str) -> tuple[str, ...]:
    """The values of an attribute, scope first, as in `resource.service.name`. Raises as `trace`."""
    rows = http.get(f"{url}/api/v2/search/tag/{tag}/values").json().get("tagValues", ())
    return tuple(str(row.get("value", "")) for row in rows)


def version(url: str) -> str:
    """The server's version; the trace store answers `obsdeck`. Raises as `trace`."""
    return str(http.get(f"{url}/api/status/buildinfo").json()["version"])


def _spans(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [span for spanset in row.get("spanSets", ()) for span in spanset.get("spans", ())]


_NOT_FOUND = 404
