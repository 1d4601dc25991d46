"""Questions to Loki's HTTP API. Facts: https://grafana.com/docs/loki/latest/reference/loki-http-api/."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from obsdeck.backends import http

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Entry:
    """One log line.

    Attributes:
        labels: Labels and structured metadata, which Loki answers with in one.
        time: Nanoseconds since the epoch.
        line: The text.
    """

    labels: Mapping[str, str]
    time: int
    line: str


@dataclass(frozen=True)
class Count:
    """One value of a metric query.

    Attributes:
        labels: What it was grouped by.
        value: The value.
    """

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Series:
    """One series of a metric query over time.

    Attributes:
        labels: What it was grouped by.
        points: Pairs of seconds since the epoch and value, oldest first.
    """

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


def query_range(url: str, logql: str, *, start: float, end: float, limit: int = 100) -> tuple[Entry, ...]:
    """The newest lines that a log query selects, newest first.

    Args:
        url: Loki's base URL.
        logql: A log query.
        start: Seconds since the epoch.
        end: Seconds since the epoch.
        limit: Lines at most.

    Raises:
        UnreachableError: Loki does not answer.
        HttpError: It refuses the query.
    """
    words = {"query": logql, "start": _nanoseconds(start), "end": _nanoseconds(end), "limit": str(limit)}
    rows = http.get(f"{url}/loki/api/v1/query_range", words).json()["data"]["result"]
    entries = [Entry(row["stream"], int(moment), line) for row in rows for moment, line in row["values"]]
    return tuple(sorted(entries, key=lambda entry: -entry.time))


def query(url: str, logql: str, *, time: float) -> tuple[Count, ...]:
    """The value of a metric query at a moment, in seconds since the epoch. Raises as `query_range`."""
    words = {"query": logql, "time": _nanoseconds(time)}
    rows = http.get(f"{url}/loki/api/v1/query", words).json()["data"]["result"]
    return tuple(Count(row["metric"], float(row["value"][1])) for row in rows)


def metric_range(url: str, logql: str, *, start: float, end: float, step: float) -> tuple[Series, ...]:
    """The values of a metric query over time; times and step in seconds. Raises as `query_range`."""
    words = {"query": logql, "start": _nanoseconds(start), "end": _nanoseconds(end), "step": repr(step)}
    rows = http.get(f"{url}/loki/api/v1/query_range", words).json()["data"]["result"]
    return tuple(
        Series(row["metric"], tuple((moment, float(value)) for moment, value in row["values"]))
        for row in rows
    )


def series(url: str, selector: str, *, start: float, end: float) -> tuple[Mapping[str, str], ...]:
    """The labels of every stream that a selector names between two moments. Raises as `query_range`."""
    words = {"match[]": selector, "start": _nanoseconds(start), "end": _nanoseconds(end)}
    return tuple(http.get(f"{url}/loki/api/v1/series", words).json().get("data") or ())


def label_names(url: str, *, start: float, end: float) -> tuple[str, ...]:
    """The names of the labels between two moments, in seconds. Raises as `query_range`."""
    words = {"start": _nanoseconds(start), "end": _nanoseconds(end)}
    return tuple(http.get(f"{url}/loki/api/v1/labels", words).json().get("data") or ())


def label_values(url: str, label: str, *, start: float, end: float) -> tuple[str, ...]:
    """The values of a label between two moments, in seconds. Raises as `query_range`."""
    words = {"start": _nanoseconds(start), "end": _nanoseconds(end)}
    return tuple(http.get(f"{url}/loki/api/v1/label/{label}/values", words).json().get("data", ()))


def version(url: str) -> str:
    """The server's version; empty where it was built without one. Raises as `query_range`."""
    return str(http.get(f"{url}/loki/api/v1/status/buildinfo").json()["version"])


def _nanoseconds(seconds: float) -> str:
    return str(int(seconds * 1e9))
