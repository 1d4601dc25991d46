from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.grafana.queries import Query, Request, prepare
from obsdeck.grafana.timerange import TimeRange
from obsdeck.grafana.variables import Value

if TYPE_CHECKING:
    from obsdeck.grafana.sources import DataSources

HOUR = TimeRange(0, 3_600_000, "now-1h", "now")
SCOPE = {"service": Value("service", ("a.b", "c"), multi=True)}


def queries(sources: DataSources, uid: str, points: int = 1_000, **model: Any) -> tuple[Query, ...]:
    return prepare(model, "A", sources.by_uid(uid), Request(sources, HOUR, SCOPE, points))


@pytest.mark.parametrize(
    ("model", "kinds"),
    [
        ({}, ["range"]),
        ({"range": True, "instant": False}, ["range"]),
        ({"instant": True}, ["instant"]),
        ({"range": True, "instant": True, "exemplar": True}, ["range", "instant", "exemplars"]),
    ],
)
def test_a_target_of_prometheus_asks_for_what_it_says(
    sources: DataSources, model: dict[str, Any], kinds: list[str]
) -> None:
    assert [query.kind for query in queries(sources, "prometheus", expr="up", **model)] == kinds


def test_the_step_follows_from_the_width_and_the_data_source(sources: DataSources) -> None:
    expr = "rate(x[$__rate_interval]) + y[$__interval] + $__range_s"
    (wide,) = queries(sources, "prometheus", expr=expr)
    assert (wide.step, wide.expr) == (15_000, "rate(x[1m]) + y[15s] + 3600")
    (narrow,) = queries(sources, "prometheus", points=60, expr=expr)
    assert (narrow.step, narrow.expr) == (60_000, "rate(x[75s]) + y[1m] + 3600")
    (own,) = queries(sources, "prometheus", expr=expr, interval="2m")
    assert (own.step, own.expr) == (120_000, "rate(x[8m]) + y[2m] + 3600")


def test_a_variable_may_stand_for_what_follows_from_the_time_range(sources: DataSources) -> None:
    scope = {"window": Value("window", "$__rate_interval"), "odd": Value("odd", ("$x",), multi=True)}
    model = {"expr": 'rate(up{s=~"$odd"}[$window])'}
    (query,) = prepare(model, "A", sources.by_uid("prometheus"), Request(sources, HOUR, scope))
    assert query.expr == 'rate(up{s=~"\\\\$x"}[1m])'
    assert query.unknown == ()


def test_values_are_written_as_each_data_source_wants_them(sources: DataSources) -> None:
    (metric,) = queries(sources, "prometheus", expr='up{s=~"$service"}')
    assert metric.expr == 'up{s=~"(a\\\\.b|c)"}'
    (lines,) = queries(sources, "loki", expr='{s=~"$service"}')
    assert lines.expr == '{s=~"a\\\\.b|c"}'
    (traces,) = queries(sources, "tempo", query='{ name =~ "$service" }', queryType="traceql")
    assert traces.expr == '{ name =~ "a.b|c" }'


@pytest.mark.parametrize(
    ("model", "kind", "expr"),
    [
        ({"expr": ' {a="b"} |= "c"', "maxLines": 7}, "logs", ' {a="b"} |= "c"'),
        ({"expr": 'sum(rate({a="b"}[$__auto]))'}, "range", 'sum(rate({a="b"}[5s]))'),
        (
            {"expr": 'sum(rate({a="b"}[$__auto]))', "queryType": "instant"},
            "instant",
            'sum(rate({a="b"}[3600s]))',
        ),
    ],
)
def test_loki_is_asked_for_lines_or_for_numbers(
    sources: DataSources, model: dict[str, Any], kind: str, expr: str
) -> None:
    (query,) = queries(sources, "loki", **model)
    assert (query.kind, query.expr, query.limit) == (kind, expr, model.get("maxLines", 500))


@pytest.mark.parametrize(
    ("model", "kind", "expr"),
    [
        ({"query": "{ status = error }", "queryType": "traceql", "limit": 3}, "search", "{ status = error }"),
        (
            {"query": " 0af7651916cd43dd8448eb211c80319c ", "queryType": "traceql"},
            "trace",
            "0af7651916cd43dd8448eb211c80319c",
        ),
        ({"query": "abc", "queryType": "traceId"}, "trace", "abc"),
        ({"query": "{} | rate()", "queryType": "traceql"}, "traceql-metrics", "{} | rate()"),
        (
            {
                "queryType": "traceqlSearch",
                "filters": [
                    {"tag": "service.name", "scope": "resource", "operator": "=", "value": ["a", "b"]},
                    {
                        "tag": "status",
                        "scope": "intrinsic",
                        "operator": "=",
                        "value": "error",
                        "valueType": "keyword",
                    },
                    {"tag": "http.route", "scope": "span", "operator": "="},
                ],
            },
            "search",
            '{resource.service.name=~"a|b" && status=error}',
        ),
    ],
)
def test_tempo_is_asked_for_traces_one_trace_or_numbers(
    sources: DataSources, model: dict[str, Any], kind: str, expr: str
) -> None:
    (query,) = queries(sources, "tempo", **model)
    assert (query.kind, query.expr, query.limit) == (kind, expr, model.get("limit", 20))


def test_a_service_graph_asks_prometheus(sources: DataSources) -> None:
    found = queries(sources, "tempo", queryType="serviceMap", serviceMapQuery='{server="a"}')
    assert {query.source.uid for query in found} == {"prometheus"}
    assert {query.kind for query in found} == {"instant"}
    assert found[1].expr == (
        'sum by (client, server) (rate(traces_service_graph_request_total{server="a"}[3600s]))'
    )


@pytest.mark.parametrize("uid", ["prometheus", "loki", "tempo"])
def test_an_empty_target_asks_nothing(sources: DataSources, uid: str) -> None:
    assert queries(sources, uid, expr="", query="") == ()


def test_what_nobody_knows_is_told_with_the_query(sources: DataSources) -> None:
    (query,) = queries(sources, "prometheus", expr='up{a="$nobody"}')
    assert query.unknown == ("$nobody",)
