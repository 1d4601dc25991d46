from __future__ import annotations

import json
from typing import Any

import pytest

from obsdeck.backends import prometheus
from obsdeck.backends.http import HttpError


def data(content: Any) -> tuple[int, str]:
    return 200, json.dumps({"status": "success", "data": content})


def test_a_vector_becomes_samples(server: Any) -> None:
    server.answers["/api/v1/query"] = data(
        {"resultType": "vector", "result": [{"metric": {"job": "shop"}, "value": [1795243523.388, "1.5"]}]}
    )
    samples = prometheus.query(server.url, "up", time=1795243523.388)
    assert samples == (prometheus.Sample({"job": "shop"}, 1795243523.388, 1.5),)
    assert server.asked == ["/api/v1/query?query=up&time=1795243523.388"]


def test_a_matrix_becomes_series(server: Any) -> None:
    server.answers["/api/v1/query_range"] = data(
        {"resultType": "matrix", "result": [{"metric": {"job": "shop"}, "values": [[10, "1"], [20, "NaN"]]}]}
    )
    (series,) = prometheus.query_range(server.url, "up", start=10, end=20, step=10)
    assert series.points[0] == (10, 1.0)
    assert series.points[1][1] != series.points[1][1]


def test_an_expression_that_is_refused(server: Any) -> None:
    server.answers["/api/v1/query"] = (400, '{"status":"error","error":"parse error"}')
    with pytest.raises(HttpError) as caught:
        prometheus.query(server.url, "up{")
    assert "parse error" in caught.value.reason


def test_exemplars_keep_the_series_they_belong_to(server: Any) -> None:
    server.answers["/api/v1/query_exemplars"] = data(
        [
            {
                "seriesLabels": {"job": "shop"},
                "exemplars": [{"labels": {"trace_id": "ab"}, "value": "0.3", "timestamp": 12.5}],
            }
        ]
    )
    found = prometheus.exemplars(server.url, "x", start=0, end=20)
    assert found == (prometheus.Exemplar({"job": "shop"}, {"trace_id": "ab"}, 12.5, 0.3),)


def test_a_target_that_cannot_be_scraped_says_why(server: Any) -> None:
    target = {
        "labels": {"job": "loki"},
        "scrapeUrl": "http://l/metrics",
        "health": "down",
        "lastError": "EOF",
    }
    server.answers["/api/v1/targets"] = data({"activeTargets": [target]})
    assert prometheus.targets(server.url) == (
        prometheus.Target("loki", "http://l/metrics", up=False, error="EOF"),
    )


def test_series_labels_metadata_flags_and_version(server: Any) -> None:
    server.answers |= {
        "/api/v1/series": data([{"__name__": "up", "job": "loki"}]),
        "/api/v1/label/job/values": data(["loki", "shop"]),
        "/api/v1/metadata": data({"up": [{"type": "gauge", "help": "", "unit": ""}]}),
        "/api/v1/status/flags": data({"web.enable-otlp-receiver": "true"}),
        "/api/v1/status/buildinfo": data({"version": "3.15.0"}),
    }
    assert prometheus.series(server.url, "up", start=0, end=1) == ({"__name__": "up", "job": "loki"},)
    assert prometheus.label_values(server.url, "job", "up") == ("loki", "shop")
    assert prometheus.metadata(server.url)["up"][0]["type"] == "gauge"
    assert prometheus.flags(server.url)["web.enable-otlp-receiver"] == "true"
    assert prometheus.version(server.url) == "3.15.0"


def test_rules_and_what_they_fire_now(server: Any) -> None:
    states = ("firing", "pending")
    alert = {
        "type": "alerting",
        "name": "Slow",
        "query": "up > 1",
        "health": "ok",
        "alerts": [{"labels": {"job": state}, "state": state} for state in states],
    }
    recording = {"type": "recording", "name": "a:b", "query": "up(", "health": "err", "lastError": "no"}
    server.answers["/api/v1/rules"] = data({"groups": [{"rules": [alert]}, {"rules": [recording]}]})
    slow, recorded = prometheus.rules(server.url)
    assert (slow.name, slow.expression, slow.alerting, slow.active) == (
        "Slow",
        "up > 1",
        True,
        ({"job": "firing"},),
    )
    assert (recorded.alerting, recorded.active, recorded.health, recorded.error) == (False, (), "err", "no")
