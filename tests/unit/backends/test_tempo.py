from __future__ import annotations

import json
from typing import Any

import pytest

from obsdeck.backends import tempo
from obsdeck.backends.http import HttpError

ID = "ab" * 16


def test_a_trace_that_is_there(server: Any) -> None:
    document = {"trace": {"resourceSpans": [{"scopeSpans": []}]}}
    server.answers[f"/api/v2/traces/{ID}"] = (200, json.dumps(document))
    assert tempo.trace(server.url, ID) == document["trace"]


def test_a_trace_that_is_not_there_yet(server: Any) -> None:
    assert tempo.trace(server.url, ID) is None
    server.answers[f"/api/v2/traces/{ID}"] = (200, '{"trace":{}}')
    assert tempo.trace(server.url, ID) is None


def test_an_id_that_is_none(server: Any) -> None:
    server.answers["/api/v2/traces/xyz"] = (400, "trace IDs can only contain hex characters")
    with pytest.raises(HttpError, match="answered 400"):
        tempo.trace(server.url, "xyz")


def test_a_search_covers_the_whole_last_second(server: Any) -> None:
    row = {
        "traceID": "ab",
        "rootServiceName": "shop",
        "rootTraceName": "GET /",
        "startTimeUnixNano": "5",
        "durationMs": 3,
    }
    server.answers["/api/search"] = (200, json.dumps({"traces": [row, {"traceID": "cd"}]}))
    found = tempo.search(server.url, "{}", start=1.2, end=2.9)
    assert found[0] == tempo.TraceSummary("ab", "shop", "GET /", 5, 3.0)
    assert found[1].root_service == ""
    assert "start=1&end=3" in server.asked[0]


def test_tag_values_and_version(server: Any) -> None:
    values = {"tagValues": [{"type": "string", "value": "shop"}, {"type": "string"}]}
    server.answers["/api/v2/search/tag/resource.service.name/values"] = (200, json.dumps(values))
    server.answers["/api/status/buildinfo"] = (200, '{"version":"v3.0.3"}')
    assert tempo.tag_values(server.url, "resource.service.name") == ("shop", "")
    assert tempo.version(server.url) == "v3.0.3"


def test_a_search_knows_the_longest_span_of_each_answer(server: Any) -> None:
    spans = [{"durationNanos": "5"}, {"durationNanos": "70"}, {}]
    row = {"traceID": "ab", "spanSets": [{"spans": spans}, {"spans": [{"durationNanos": "8"}]}]}
    server.answers["/api/search"] = (200, json.dumps({"traces": [row, {"traceID": "cd"}]}))
    assert [one.longest for one in tempo.search(server.url, "{}", start=1, end=2)] == [70, 0]
