from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from obsdeck.backends import loki


def test_lines_of_all_streams_come_newest_first(server: Any) -> None:
    streams = [
        {"stream": {"service_name": "a"}, "values": [["3", "three"], ["1", "one"]]},
        {"stream": {"service_name": "b"}, "values": [["2", "two"]]},
    ]
    server.answers["/loki/api/v1/query_range"] = (200, json.dumps({"data": {"result": streams}}))
    entries = loki.query_range(server.url, "{a=`b`}", start=1.5, end=2, limit=7)
    assert [entry.line for entry in entries] == ["three", "two", "one"]
    assert entries[1].labels == {"service_name": "b"}
    asked = parse_qs(urlsplit(server.asked[0]).query)
    assert (asked["start"], asked["end"], asked["limit"]) == (["1500000000"], ["2000000000"], ["7"])


def test_a_metric_query_becomes_counts(server: Any) -> None:
    result = [{"metric": {"service_name": "a"}, "value": [1, "4"]}]
    server.answers["/loki/api/v1/query"] = (200, json.dumps({"data": {"result": result}}))
    assert loki.query(server.url, "x", time=1) == (loki.Count({"service_name": "a"}, 4.0),)


def test_a_label_that_nothing_carries_has_no_values(server: Any) -> None:
    server.answers["/loki/api/v1/label/x/values"] = (200, '{"status":"success"}')
    assert loki.label_values(server.url, "x", start=0, end=1) == ()


def test_the_version(server: Any) -> None:
    server.answers["/loki/api/v1/status/buildinfo"] = (200, '{"version":"3.7.8"}')
    assert loki.version(server.url) == "3.7.8"
