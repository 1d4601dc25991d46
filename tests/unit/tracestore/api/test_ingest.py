"""Bodies of all sorts come in; what is refused says why in the sender's encoding."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket
import sqlite3
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from obsdeck.tracestore.api import ingest
from obsdeck.tracestore.otlp import OtlpError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import httpx

    from obsdeck.tracestore.store import Store

PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}
GZIP = {"content-encoding": "gzip"}


def post(client: httpx.Client, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    return client.post("/v1/traces", content=body, headers=headers if headers is not None else PROTOBUF)


def stored(client: httpx.Client) -> int:
    traces = client.get("/api/search", params={"q": "{}", "limit": 1000}).json()["traces"]
    return sum(trace["spanSet"]["matched"] for trace in traces)


@pytest.fixture
def body(request_of: Callable[..., Any], span: Callable[..., Any]) -> bytes:
    return request_of(1, [span(1), span(2)]).SerializeToString()


def test_protobuf_is_stored(client: httpx.Client, body: bytes) -> None:
    answer = post(client, body)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-protobuf")
    assert not ExportTraceServiceResponse.FromString(answer.content).HasField("partial_success")
    assert stored(client) == 2


def test_a_charset_beside_the_content_type_does_no_harm(client: httpx.Client, body: bytes) -> None:
    assert post(client, body, {"content-type": "Application/X-Protobuf; charset=utf-8"}).status_code == 200


def test_gzip_is_stored(client: httpx.Client, body: bytes) -> None:
    assert post(client, gzip.compress(body), PROTOBUF | GZIP).status_code == 200
    assert stored(client) == 2


def test_json_is_stored(client: httpx.Client) -> None:
    span = {
        "traceId": "ab" * 16,
        "spanId": "cd" * 8,
        "name": "work",
        "startTimeUnixNano": "1",
        "endTimeUnixNano": "2",
    }
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    answer = post(client, json.dumps(document), JSON)
    assert (answer.status_code, answer.json()) == (200, {})
    assert client.get(f"/api/traces/{'ab' * 16}").status_code == 200


def test_an_empty_request_is_fine(client: httpx.Client) -> None:
    assert post(client, b"").status_code == 200


def test_a_request_of_good_and_bad_spans_is_a_partial_success(
    client: httpx.Client, request_of: Callable[..., Any], span: Callable[..., Any]
) -> None:
    request = request_of(1, [span(1), span(2)])
    request.resource_spans[0].scope_spans[0].spans[0].trace_id = bytes(16)
    answer = post(client, request.SerializeToString())
    assert answer.status_code == 200
    success = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert success.rejected_spans == 1
    assert "trace id" in success.error_message
    assert stored(client) == 1
    assert (
        'tempo_discarded_spans_total{reason="invalid_span",tenant="single-tenant"} 1'
        in client.get("/metrics").text
    )


@pytest.mark.parametrize(
    ("body", "headers", "status", "why"),
    [
        (b"garbage", PROTOBUF, 400, "no OTLP trace request"),
        (b"{", JSON, 400, "no OTLP trace request in JSON"),
        (b"[]", JSON, 400, "JSON"),
        (b"", {"content-type": "text/plain"}, 415, "text/plain"),
        (b"", {}, 415, r"\(none\)"),
        (b"", PROTOBUF | {"content-encoding": "br"}, 415, "br"),
        (b"no gzip", PROTOBUF | GZIP, 400, "no gzip"),
        (gzip.compress(b"x" * 1000)[:-9], PROTOBUF | GZIP, 400, "ends too early"),
        (b"", PROTOBUF | GZIP, 400, "ends too early"),
        (zlib.compress(b"x"), PROTOBUF | GZIP, 400, "no gzip"),
        (b"x" * (ingest.MAX_BODY + 1), PROTOBUF, 413, "larger than"),
        (b" " * (ingest.MAX_JSON + 1), JSON, 413, "more than"),
        (gzip.compress(bytes(ingest.MAX_PROTOBUF + 1)), PROTOBUF | GZIP, 413, "more than"),
    ],
    ids=[
        *(
            "garbage",
            "half JSON",
            "JSON list",
            "text",
            "no type",
            "brotli",
            "no gzip",
            "short gzip",
            "no bytes",
        ),
        *("zlib", "oversize", "oversize JSON", "gzip bomb"),
    ],
)
def test_what_cannot_be_taken_in_is_refused(
    client: httpx.Client, body: bytes, headers: dict[str, str], status: int, why: str
) -> None:
    answer = post(client, body, headers)
    assert answer.status_code == status
    if headers.get("content-type") == JSON["content-type"]:
        message = answer.json()["message"]
    else:
        assert answer.headers["content-type"] == "application/x-protobuf"
        message = Status.FromString(answer.content).message
    assert re.search(why, message)
    assert stored(client) == 0


def test_only_bad_spans_is_a_bad_request(
    client: httpx.Client, request_of: Callable[..., Any], span: Callable[..., Any]
) -> None:
    request = request_of(1, [span(1)])
    request.resource_spans[0].scope_spans[0].spans[0].span_id = b"1"
    answer = post(client, request.SerializeToString())
    assert answer.status_code == 400
    assert "span id" in Status.FromString(answer.content).message


def test_a_get_is_no_way_to_send(client: httpx.Client) -> None:
    assert client.get("/v1/traces").status_code == 405


class Chunks:
    """A request whose body comes in given pieces."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks

    async def stream(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk


def test_a_bomb_is_never_inflated_beyond_the_limit() -> None:
    bomb = gzip.compress(bytes(10 * ingest.MAX_PROTOBUF))
    tracemalloc.start()
    try:
        with pytest.raises(OtlpError):
            asyncio.run(ingest._read(Chunks(bomb), ingest.MAX_PROTOBUF, zipped=True))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * ingest.MAX_PROTOBUF


def test_bombs_cost_no_memory_to_speak_of(client: httpx.Client, body: bytes) -> None:
    bomb = gzip.compress(bytes(200 * 2**20))
    # Two bytes make a span, four an attribute with an empty value: much memory if all were decoded at once.
    spans = b"\x12\x00" * 90_000
    many = b"\x0a" + varint(len(spans) + 4) + b"\x12" + varint(len(spans)) + spans
    before = psutil.Process().memory_info().rss
    for _ in range(3):
        assert post(client, bomb, PROTOBUF | GZIP).status_code == 413
        assert post(client, many).status_code == 400
    assert psutil.Process().memory_info().rss - before < 250 * 2**20
    assert post(client, body).status_code == 200


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def test_a_sender_that_never_ends_is_cut_off(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "BODY_SECONDS", 0.2)
    with socket.create_connection(("127.0.0.1", client.base_url.port)) as slow:
        headers = ("host: x", "content-type: application/x-protobuf", "content-length: 9")
        slow.settimeout(5)
        slow.sendall("\r\n".join(["POST /v1/traces HTTP/1.1", *headers, "", "x"]).encode())
        assert slow.recv(100).startswith(b"HTTP/1.1 408")


def test_a_full_disk_asks_the_sender_to_come_again(
    client: httpx.Client, store: Store, body: bytes, request_of: Callable[..., Any], span: Callable[..., Any]
) -> None:
    assert post(client, body).status_code == 200
    assert store._current is not None
    (pages,) = store._current._db.execute("PRAGMA page_count").fetchone()
    store._current._db.execute(f"PRAGMA max_page_count = {pages}")
    large = request_of(2, [span(1, attributes={"filling": "x" * 100_000})]).SerializeToString()
    answer = post(client, large)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "full" in Status.FromString(answer.content).message
    store._current._db.execute("PRAGMA max_page_count = 100000")
    assert post(client, large).status_code == 200
    assert stored(client) == 3


def test_a_failing_store_is_no_bad_request(
    client: httpx.Client, store: Store, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Iterator[None]:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(store, "_writer", fail)
    assert post(client, body).status_code == 503
