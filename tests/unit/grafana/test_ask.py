from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.backends import loki, prometheus, tempo
from obsdeck.errors import UnreachableError
from obsdeck.grafana import click
from obsdeck.grafana.ask import ask, points, reason
from obsdeck.grafana.queries import Request, prepare
from obsdeck.grafana.spans import Span
from obsdeck.grafana.timerange import absolute

if TYPE_CHECKING:
    from obsdeck.grafana.sources import DataSources

RANGE = absolute(0, 60_000)
RANGED = {"data": {"result": [{"metric": {"a": "b"}, "values": [[1, "2"], [2, "NaN"]]}]}}
INSTANT = {"data": {"result": [{"metric": {}, "value": [1, "2"]}]}}
TRACED = {
    "series": [
        {
            "labels": [{"key": "a", "value": {"stringValue": "b"}}],
            "samples": [{"timestampMs": "1000", "value": 2}, {"timestampMs": "2000"}],
        }
    ]
}
TRACE = {"trace": {"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "x"}, {"name": "y"}]}]}]}}


@pytest.mark.parametrize(
    ("uid", "model", "answer", "count"),
    [
        ("prometheus", {"expr": "up"}, ("/api/v1/query_range", RANGED), 1),
        ("loki", {"expr": "rate({a='b'}[1m])"}, ("/loki/api/v1/query_range", RANGED), 1),
        ("loki", {"expr": "rate({a='b'}[1m])", "queryType": "instant"}, ("/loki/api/v1/query", INSTANT), 1),
        ("tempo", {"query": "{} | rate()"}, ("/api/metrics/query_range", TRACED), 2),
        ("tempo", {"query": "abc"}, ("/api/v2/traces/" + "abc".rjust(32, "0"), TRACE), 2),
    ],
)
def test_each_kind_of_query_is_asked_and_its_points_counted(  # noqa: PLR0917 - a table
    sources: DataSources, server: Any, uid: str, model: dict[str, Any], answer: tuple[str, Any], count: int
) -> None:
    path, body = answer
    server.answers[path] = (200, json.dumps(body))
    here = sources.at(dict.fromkeys(("prometheus", "loki", "tempo"), server.url))
    (query,) = prepare(model, "A", here.by_uid(uid), Request(here, RANGE, {}))
    rows = ask(query)
    assert points(rows) == count
    assert all(click.at(row) for row in rows)


def test_exemplars_are_asked_for_beside_the_series(sources: DataSources, server: Any) -> None:
    found = {"labels": {"trace_id": "t"}, "value": "0.2", "timestamp": 5.0}
    row = {"seriesLabels": {"a": "b"}, "exemplars": [found]}
    server.answers["/api/v1/query_exemplars"] = (200, json.dumps({"data": [row]}))
    here = sources.at({"prometheus": server.url})
    _, query = prepare(
        {"expr": "up", "exemplar": True}, "A", here.by_uid("prometheus"), Request(here, RANGE, {})
    )
    assert ask(query) == (prometheus.Exemplar({"a": "b"}, {"trace_id": "t"}, 5.0, 0.2),)


def test_a_trace_that_is_not_there_has_no_spans(sources: DataSources, server: Any) -> None:
    here = sources.at({"tempo": server.url})
    (query,) = prepare({"query": "abc"}, "A", here.by_uid("tempo"), Request(here, RANGE, {}))
    assert ask(query) == ()


def test_a_server_that_is_away_is_told_with_its_reason() -> None:
    assert reason(UnreachableError("x does not answer", why="refused")) == "x does not answer: refused"


@pytest.mark.parametrize(
    ("row", "value", "time", "field"),
    [
        (prometheus.Series({"a": "b"}, ((1.0, 2.0), (2.0, 3.0))), 3.0, 2_000, ("labels", {"a": "b"})),
        (prometheus.Sample({"a": "b"}, 1.0, 2.0), 2.0, 1_000, ("labels", {"a": "b"})),
        (loki.Entry({"a": "b"}, 5_000_000, "text"), "text", 5, ("name", "Line")),
        (tempo.TraceSummary("beef", "shop", "GET", 7_000_000, 1.5), "beef", 7, ("name", "traceID")),
        (Span("beef", "f", "", "GET", 7_000_000, 8_000_000, {}, {}), "beef", 7, ("name", "traceID")),
    ],
)
def test_a_link_is_clicked_at_the_last_point_or_the_row(
    row: Any, value: Any, time: int, field: tuple[str, Any]
) -> None:
    scope = click.at(row)
    assert scope
    assert (scope["__value"]["raw"], scope["__value"]["time"]) == (value, time)
    assert scope["__field"][field[0]] == field[1]


def test_nobody_can_click_at_a_series_without_points() -> None:
    assert click.at(prometheus.Series({}, ())) is None


def test_in_a_table_a_column_is_clicked_at() -> None:
    row = prometheus.Exemplar({}, {"trace_id": "beef"}, 1.0, 0.2)
    scope = click.at(row, "trace_id")
    assert scope
    assert (scope["__value"]["raw"], scope["__field"]["name"]) == ("beef", "trace_id")
    assert scope["__data"]["fields"]["Value"] == 0.2
    assert click.at(row, "span_id") is None
