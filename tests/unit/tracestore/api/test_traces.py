from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

PROTOBUF = {"content-type": "application/x-protobuf"}
ACCEPT = {"accept": "application/protobuf"}


@pytest.fixture
def sent(client: httpx.Client, request_of: Callable[..., Any], span: Callable[..., Any]) -> Any:
    message = request_of(0xA1, [span(1, attributes={"map": {"a": [1, b"x"]}}), span(2, parent=1)])
    message.resource_spans[0].scope_spans[0].spans[0].events.add(name="event", time_unix_nano=7)
    message.resource_spans[0].schema_url = "https://example.org/resource"
    message.resource_spans[1].scope_spans[0].schema_url = "https://example.org/scope"
    client.post("/v1/traces", content=message.SerializeToString(), headers=PROTOBUF)
    return message


def test_a_trace_comes_back_as_it_was_sent(client: httpx.Client, sent: Any) -> None:
    answer = client.get("/api/traces/a1", headers=ACCEPT)
    assert answer.headers["content-type"] == "application/protobuf"
    assert list(TracesData.FromString(answer.content).resource_spans) == list(sent.resource_spans)


def test_the_second_version_wraps_the_trace(client: httpx.Client, sent: Any) -> None:
    bare = client.get("/api/traces/a1", headers=ACCEPT).content
    wrapped = client.get("/api/v2/traces/a1", headers=ACCEPT).content
    assert wrapped[0] == 0x0A
    assert wrapped.endswith(bare)
    assert (
        client.get("/api/v2/traces/a1").json()["trace"]["resourceSpans"]
        == client.get("/api/traces/a1").json()["batches"]
    )
    assert len(sent.resource_spans) == 2


@pytest.mark.usefixtures("sent")
def test_json_has_its_ids_in_base64_as_tempos_has(client: httpx.Client) -> None:
    [first, _] = client.get("/api/traces/a1").json()["batches"]
    [span] = first["scopeSpans"][0]["spans"]
    assert base64.b64decode(span["traceId"]) == (0xA1).to_bytes(16, "big")
    assert span["kind"] == "SPAN_KIND_INTERNAL"
    assert span["startTimeUnixNano"] == "1700000000000000000"


@pytest.mark.usefixtures("sent")
@pytest.mark.parametrize("written", ["a1", "A1", "00a1", "000000000000000000000000000000a1"])
def test_leading_zeros_and_case_do_not_matter(client: httpx.Client, written: str) -> None:
    assert client.get(f"/api/traces/{written}").status_code == 200


def test_an_unknown_trace_is_not_found_or_in_the_second_version_empty(client: httpx.Client) -> None:
    assert client.get("/api/traces/abc").status_code == 404
    answer = client.get("/api/v2/traces/abc")
    assert (answer.status_code, answer.json()) == (200, {"trace": {}, "metrics": {}})


@pytest.mark.parametrize(
    "path", ["/api/traces/xyz", "/api/v2/traces/0x1", "/api/v2/traces/1_0", f"/api/traces/{'1' * 33}"]
)
def test_what_is_no_id_is_a_bad_request(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 400


@pytest.mark.usefixtures("sent")
def test_a_time_range_is_a_hint_and_has_to_make_sense(client: httpx.Client) -> None:
    assert client.get("/api/traces/a1", params={"start": 1, "end": 2}).status_code == 200
    assert client.get("/api/traces/a1", params={"start": "x"}).status_code == 400
    assert client.get("/api/traces/a1", params={"start": 2, "end": 1}).status_code == 400
