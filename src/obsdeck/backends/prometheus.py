"""Questions to Prometheus' HTTP API. Facts: https://prometheus.io/docs/prometheus/latest/querying/api/."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from obsdeck.backends import http

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Sample:
    """One value of one series.

    Attributes:
        labels: The series, `__name__` among them where the query kept it.
        time: Seconds since the epoch.
        value: The value.
    """

    labels: Mapping[str, str]
    time: float
    value: float


@dataclass(frozen=True)
class Series:
    """One series over time.

    Attributes:
        labels: Its labels.
        points: Pairs of seconds since the epoch and value, oldest first.
    """

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Exemplar:
    """One measurement that was kept with what it belongs to.

    Attributes:
        series: The labels of its series.
        labels: Its own labels: `trace_id`, `span_id`.
        time: Seconds since the epoch.
        value: The measured value.
    """

    series: Mapping[str, str]
    labels: Mapping[str, str]
    time: float
    value: float


@dataclass(frozen=True)
class Target:
    """One address that Prometheus scrapes.

    Attributes:
        job: The job's name.
        url: The scraped address.
        up: Whether the last scrape succeeded.
        error: Why it did not.
    """

    job: str
    url: str
    up: bool
    error: str


@dataclass(frozen=True)
class Rule:
    """One rule that Prometheus evaluates.

    Attributes:
        name: Of the alert, or of the series that it records.
        expression: Its PromQL.
        alerting: Whether it is an alert and no recording rule.
        active: The labels of each alert that it fires now, `alertname` among them.
        health: How the last evaluation went: ok, err, or unknown before the first.
        error: Why it failed.
    """

    name: str
    expression: str
    alerting: bool
    active: tuple[Mapping[str, str], ...]
    health: str = "unknown"
    error: str = ""


def query(url: str, promql: str, *, time: float | None = None) -> tuple[Sample, ...]:
    """The value of an expression that yields a vector, at one moment.

    Args:
        url: Prometheus' base URL.
        promql: The expression.
        time: Seconds since the epoch; now by default.

    Raises:
        UnreachableError: Prometheus does not answer.
        HttpError: It refuses the expression.
    """
    at = {} if time is None else {"time": repr(time)}
    result = _data(url, "query", {"query": promql, **at})["result"]
    return tuple(Sample(row["metric"], row["value"][0], float(row["value"][1])) for row in result)


def query_range(url: str, promql: str, *, start: float, end: float, step: float) -> tuple[Series, ...]:
    """The values of an expression over time; times and step in seconds. Raises as `query`."""
    words = {"query": promql, "start": repr(start), "end": repr(end), "step": repr(step)}
    result = _data(url, "query_range", words)["result"]
    return tuple(
        Series(row["metric"], tuple((moment, float(value)) for moment, value in row["values"]))
        for row in result
    )


def series(url: str, selector: str, *, start: float, end: float) -> tuple[Mapping[str, str], ...]:
    """The labels of every series that a selector names between two moments. Raises as `query`."""
    return tuple(_data(url, "series", {"match[]": selector, "start": repr(start), "end": repr(end)}))


def label_values(
    url: str, label: str, selector: str = "", *, start: float | None = None, end: float | None = None
) -> tuple[str, ...]:
    """Every value of a label, of all series or of those that a selector names. Raises as `query`.

    Args:
        url: Prometheus' base URL.
        label: The label's name.
        selector: A series selector; all series by default.
        start: Seconds since the epoch; as far back as there is data by default.
        end: Seconds since the epoch.
    """
    return tuple(_data(url, f"label/{label}/values", _selected(selector, start, end)))


def label_names(
    url: str, selector: str = "", *, start: float | None = None, end: float | None = None
) -> tuple[str, ...]:
    """Every label's name. Arguments as of `label_values`; raises as `query`."""
    return tuple(_data(url, "labels", _selected(selector, start, end)))


def exemplars(url: str, promql: str, *, start: float, end: float) -> tuple[Exemplar, ...]:
    """The exemplars of the series in an expression, between two moments. Raises as `query`."""
    rows = _data(url, "query_exemplars", {"query": promql, "start": repr(start), "end": repr(end)})
    return tuple(
        Exemplar(row["seriesLabels"], one["labels"], one["timestamp"], float(one["value"]))
        for row in rows
        for one in row["exemplars"]
    )


def metadata(url: str) -> dict[str, Sequence[Mapping[str, str]]]:
    """Type, help and unit of every metric name, as Prometheus has it. Raises as `query`."""
    found: dict[str, Sequence[Mapping[str, str]]] = _data(url, "metadata", {})
    return found


def targets(url: str) -> tuple[Target, ...]:
    """What is scraped, and how the last scrape went. Raises as `query`."""
    rows = _data(url, "targets", {"state": "active"})["activeTargets"]
    return tuple(
        Target(row["labels"].get("job", ""), row["scrapeUrl"], row["health"] == "up", row["lastError"])
        for row in rows
    )


def rules(url: str) -> tuple[Rule, ...]:
    """All rules, in the order of their files. Raises as `query`."""
    return tuple(
        Rule(
            row["name"],
            row["query"],
            row["type"] == "alerting",
            tuple(one["labels"] for one in row.get("alerts") or () if one["state"] == "firing"),
            row.get("health", "unknown"),
            row.get("lastError", ""),
        )
        for group in _data(url, "rules", {})["groups"]
        for row in group["rules"]
    )


def version(url: str) -> str:
    """The server's version; empty where it was built without one. Raises as `query`."""
    return str(_data(url, "status/buildinfo", {})["version"])


def flags(url: str) -> dict[str, str]:
    """The flags it runs with, without their dashes. Raises as `query`."""
    found: dict[str, str] = _data(url, "status/flags", {})
    return found


def _selected(selector: str, start: float | None, end: float | None) -> dict[str, str]:
    times = {"start": start, "end": end}
    words = {name: repr(moment) for name, moment in times.items() if moment is not None}
    return {"match[]": selector, **words} if selector else words


def _data(url: str, path: str, parameters: Mapping[str, str]) -> Any:
    return http.get(f"{url}/api/v1/{path}", parameters).json()["data"]
