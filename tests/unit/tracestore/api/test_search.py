from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

PROTOBUF = {"content-type": "application/x-protobuf"}
BEGIN = 1_700_000_000


@pytest.fixture
def filled(client: httpx.Client, request_of: Callable[..., Any], span: Callable[..., Any]) -> httpx.Client:
    requests = [
        request_of(
            1,
            [
                span(1, name="GET /", service="front", duration=100, kind=2, attributes={"color": "red"}),
                span(2, parent=1, name="db", service="back", start=5, duration=50, status=2),
            ],
        ),
        request_of(2, [span(3, parent=9, name="lost", service="back", start=2000)]),
    ]
    for request in requests:
        client.post("/v1/traces", content=request.SerializeToString(), headers=PROTOBUF)
    return client


def search(client: httpx.Client, **parameters: Any) -> Any:
    answer = client.get("/api/search", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()["traces"]


def test_a_trace_is_described_as_tempo_describes_it(filled: httpx.Client) -> None:
    spanset = {
        "spans": [
            {
                "spanID": "0000000000000002",
                "name": "db",
                "startTimeUnixNano": str(BEGIN * 10**9 + 5_000_000),
                "durationNanos": "50000000",
                "attributes": [{"key": "status", "value": {"stringValue": "error"}}],
            }
        ],
        "matched": 1,
    }
    assert search(filled, q='{ name = "db" && status = error }') == [
        {
            "traceID": "1",
            "rootServiceName": "front",
            "rootTraceName": "GET /",
            "startTimeUnixNano": str(BEGIN * 10**9),
            "durationMs": 100,
            "spanSet": spanset,
            "spanSets": [spanset],
            "serviceStats": {"front": {"spanCount": 1}, "back": {"spanCount": 1, "errorCount": 1}},
        }
    ]


def test_a_trace_without_its_root_says_so(filled: httpx.Client) -> None:
    [trace] = search(filled, q='{ name = "lost" }')
    assert trace["rootServiceName"] == "<root span not yet received>"
    assert "rootTraceName" not in trace


def test_aggregates_are_attributes_of_the_spanset(filled: httpx.Client) -> None:
    [trace] = search(filled, q="{ } | count() > 1 | avg(duration) > 10ms")
    assert trace["spanSet"]["attributes"] == [
        {"key": "count()", "value": {"intValue": "2"}},
        {"key": "avg(duration)", "value": {"stringValue": "75ms"}},
    ]


def test_no_more_spans_are_shown_than_asked_for_but_all_are_counted(filled: httpx.Client) -> None:
    [_, trace] = search(filled, q="{ }", spss=1)
    assert (trace["spanSet"]["matched"], len(trace["spanSet"]["spans"])) == (2, 1)


def test_without_a_query_traces_come_without_spans(filled: httpx.Client) -> None:
    newest, oldest = search(filled)
    assert (newest["traceID"], oldest["traceID"]) == ("2", "1")
    assert "spanSets" not in newest


@pytest.mark.parametrize(
    ("parameters", "traces"),
    [
        ({"tags": "service.name=front"}, ["1"]),
        ({"tags": "service.name=front service.name=back"}, ["1"]),
        ({"tags": 'color="red" name=db'}, ["1"]),
        ({"tags": "color=blue"}, []),
        ({"tags": ""}, ["2", "1"]),
        ({"minDuration": "90ms"}, ["1"]),
        ({"maxDuration": "90ms"}, ["2"]),
        ({"tags": "service.name=back", "minDuration": "1ms", "maxDuration": "5ms"}, ["2"]),
        ({"q": "{ }", "start": BEGIN + 1, "end": BEGIN + 60}, ["2"]),
        ({"q": "{ }", "limit": 1}, ["2"]),
    ],
)
def test_parameters(filled: httpx.Client, parameters: dict[str, Any], traces: list[str]) -> None:
    assert [trace["traceID"] for trace in search(filled, **parameters)] == traces


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"q": "{"}, "line 1, col 2"),
        ({"q": "{ } | rate()"}, "`rate()` is not supported by this trace store; a real Tempo offers it"),
        ({"q": "{ }", "limit": "0"}, "limit"),
        ({"q": "{ }", "limit": "-1"}, "limit"),
        ({"q": "{ }", "limit": "x"}, "limit"),
        ({"q": "{ }", "limit": "262145"}, "limit"),
        ({"q": "{ }", "spss": "x"}, "spss"),
        ({"q": "{ }", "start": "5", "end": "3"}, "start must be before end"),
        ({"q": "{ }", "start": "5"}, "start must be before end"),
        ({"q": "{ }", "start": "99999999999", "end": "999999999999"}, "start"),
        ({"q": "{ }", "tags": "a=b"}, "tags and q"),
        ({"tags": "nothing"}, "invalid tags"),
        ({"tags": 'a="b'}, "invalid tags"),
        ({"minDuration": "x"}, "minDuration"),
    ],
)
def test_what_makes_no_sense_is_a_bad_request(
    client: httpx.Client, parameters: dict[str, Any], why: str
) -> None:
    answer = client.get("/api/search", params=parameters)
    assert answer.status_code == 400
    assert why in answer.text
