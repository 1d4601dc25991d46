"""What the names in a data link stand for where a person clicks: a point of a series, a row of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from obsdeck.backends import loki, prometheus, tempo
from obsdeck.grafana.spans import Span
from obsdeck.grafana.variables import of_point

if TYPE_CHECKING:
    from obsdeck.grafana.ask import Row
    from obsdeck.grafana.variables import Scalar


def at(row: Row, column: str = "") -> dict[str, Any] | None:
    """The scope of a link there; None where there is nothing to click at.

    Args:
        row: One row of what a panel's query was answered with; of a series its last point is meant.
        column: The field of the row that is clicked at; by default the value.
    """
    scope = _at(row)
    if scope is None or not column:
        return scope
    data, labels = scope["__data"], scope["__field"]["labels"]
    if column not in data["fields"]:
        return None
    cell = of_point(data["fields"][column], time=data["fields"]["Time"], labels=labels, name=column)
    return {**cell, "__data": data}


def _at(row: Row) -> dict[str, Any] | None:
    if isinstance(row, (prometheus.Series, loki.Series, tempo.Series)):
        moment, value = row.points[-1] if row.points else (0.0, None)
        return None if value is None else of_point(value, time=round(moment * 1000), labels=row.labels)
    if isinstance(row, (prometheus.Sample, prometheus.Exemplar)):
        return of_point(row.value, time=round(row.time * 1000), labels=row.labels, fields=row.labels)
    if isinstance(row, loki.Count):
        return of_point(row.value, time=0, labels=row.labels, fields=row.labels)
    if isinstance(row, loki.Entry):
        return of_point(row.line, time=row.time // 10**6, labels=row.labels, name="Line", fields=row.labels)
    return of_point(row.trace_id, time=row.start // 10**6, labels={}, name="traceID", fields=_columns(row))


def _columns(row: tempo.TraceSummary | Span) -> dict[str, Scalar]:
    """By the names of the columns that the Tempo data source gives its tables."""
    if isinstance(row, Span):
        return {"traceID": row.trace_id, "spanID": row.span_id, "serviceName": row.service}
    return {
        "traceID": row.trace_id,
        "traceService": row.root_service,
        "traceName": row.root_name,
        "traceDuration": row.duration_ms,
    }
