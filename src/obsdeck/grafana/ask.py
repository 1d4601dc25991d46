"""Ask a server what a query of Grafana asks it, and count what comes back."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from obsdeck.backends import loki, prometheus, tempo
from obsdeck.backends.http import HttpError
from obsdeck.grafana.spans import Span, spans

if TYPE_CHECKING:
    from collections.abc import Callable

    from obsdeck.errors import ObsdeckError
    from obsdeck.grafana.queries import Kind, Query

Row = (
    prometheus.Series
    | prometheus.Sample
    | prometheus.Exemplar
    | loki.Series
    | loki.Count
    | loki.Entry
    | tempo.TraceSummary
    | tempo.Series
    | Span
)
"""One row of an answer, by what was asked for."""


def ask(query: Query) -> tuple[Row, ...]:
    """The answer to one query.

    Raises:
        UnreachableError: The server does not answer.
        HttpError: It refuses the query.
    """
    return _ASKED[query.source.type, query.kind](query)


def points(rows: tuple[Row, ...]) -> int:
    """How many numbers, lines, traces or spans there are to show; `NaN` shows nothing."""
    return sum(map(_points, rows))


def reason(error: ObsdeckError) -> str:
    """What a server said, without the JSON around it."""
    if not isinstance(error, HttpError):
        return f"{error.message}: {error.why}" if error.why else error.message
    try:
        return str(json.loads(error.reason)["error"])
    except (ValueError, KeyError, TypeError):
        return error.reason or error.message


def _points(row: Row) -> int:
    if isinstance(row, (prometheus.Series, loki.Series, tempo.Series)):
        return sum(not math.isnan(value) for _, value in row.points)
    if isinstance(row, (prometheus.Sample, loki.Count)):
        return int(not math.isnan(row.value))
    return 1


def _aligned(query: Query) -> tuple[float, float, float]:
    """Start, end and step in seconds; both ends on a whole step, as the Prometheus data source sends them."""
    step = query.step / 1000
    return (
        math.floor(query.range.start / 1000 / step) * step,
        math.floor(query.range.end / 1000 / step) * step,
        step,
    )


def _series(query: Query) -> tuple[Row, ...]:
    start, end, step = _aligned(query)
    return prometheus.query_range(query.source.url, query.expr, start=start, end=end, step=step)


def _exemplars(query: Query) -> tuple[Row, ...]:
    start, end = query.range.start / 1000, query.range.end / 1000
    return prometheus.exemplars(query.source.url, query.expr, start=start, end=end)


def _lines(query: Query) -> tuple[Row, ...]:
    start, end = query.range.start / 1000, query.range.end / 1000
    return loki.query_range(query.source.url, query.expr, start=start, end=end, limit=query.limit)


def _loki_series(query: Query) -> tuple[Row, ...]:
    start, end = query.range.start / 1000, query.range.end / 1000
    return loki.metric_range(query.source.url, query.expr, start=start, end=end, step=query.step / 1000)


def _traces(query: Query) -> tuple[Row, ...]:
    start, end = query.range.start / 1000, query.range.end / 1000
    return tempo.search(query.source.url, query.expr, start=start, end=end, limit=query.limit)


def _spans(query: Query) -> tuple[Row, ...]:
    found = tempo.trace(query.source.url, query.expr.rjust(32, "0"))
    return spans(found) if found else ()


def _trace_series(query: Query) -> tuple[Row, ...]:
    start, end = query.range.start / 1000, query.range.end / 1000
    return tempo.metrics_range(
        query.source.url, query.expr, start=start, end=end, step=max(query.step / 1000, 1)
    )


_ASKED: dict[tuple[str, Kind], Callable[[Query], tuple[Row, ...]]] = {
    ("prometheus", "range"): _series,
    ("prometheus", "instant"): lambda query: prometheus.query(
        query.source.url, query.expr, time=query.range.end / 1000
    ),
    ("prometheus", "exemplars"): _exemplars,
    ("loki", "logs"): _lines,
    ("loki", "range"): _loki_series,
    ("loki", "instant"): lambda query: loki.query(query.source.url, query.expr, time=query.range.end / 1000),
    ("tempo", "search"): _traces,
    ("tempo", "trace"): _spans,
    ("tempo", "traceql-metrics"): _trace_series,
}
