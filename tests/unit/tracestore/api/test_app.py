from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from obsdeck.tracestore.store import Store

PROTOBUF = {"content-type": "application/x-protobuf"}


def test_it_is_ready_and_echoes(client: httpx.Client) -> None:
    assert client.get("/ready").text.strip() == "ready"
    assert client.get("/api/echo").text.strip() == "echo"


def test_nobody_takes_it_for_a_release_of_tempo(client: httpx.Client) -> None:
    assert client.get("/api/status/buildinfo").json()["version"] == "obsdeck"


@pytest.mark.parametrize("path", ["/api/metrics/query_range?q={}|rate()", "/api/metrics/query?q={}|rate()"])
def test_traceql_metrics_are_said_to_be_tempos(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 400
    assert "metrics are not supported" in answer.text
    assert "Tempo" in answer.text


def test_an_unknown_path_is_not_found(client: httpx.Client) -> None:
    assert client.get("/nowhere").status_code == 404


def test_metrics_count_what_came_in_and_what_was_asked(
    client: httpx.Client, request_of: Callable[..., Any], span: Callable[..., Any]
) -> None:
    body = request_of(1, [span(1), span(2)]).SerializeToString()
    client.post("/v1/traces", content=body, headers=PROTOBUF)
    client.get("/api/search", params={"q": "{"})
    client.get("/nowhere")
    lines = client.get("/metrics").text.splitlines()
    assert 'tempo_distributor_spans_received_total{tenant="single-tenant"} 2' in lines
    assert f'tempo_distributor_bytes_received_total{{tenant="single-tenant"}} {len(body)}' in lines
    assert 'obsdeck_tracestore_requests_total{route="/v1/traces",status="200"} 1' in lines
    assert 'obsdeck_tracestore_requests_total{route="/api/search",status="400"} 1' in lines
    assert 'obsdeck_tracestore_requests_total{route="",status="404"} 1' in lines
    assert "obsdeck_tracestore_blocks 1" in lines
    [size] = [line for line in lines if line.startswith("obsdeck_tracestore_disk_bytes ")]
    assert int(size.split()[1]) > 10_000


def test_a_damaged_block_is_a_server_error_once(
    client: httpx.Client, store: Store, request_of: Callable[..., Any], span: Callable[..., Any]
) -> None:
    body = request_of(1, [span(1, attributes={"filling": "x" * 20_000})]).SerializeToString()
    client.post("/v1/traces", content=body, headers=PROTOBUF)
    writer = store._current
    assert writer is not None
    writer._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(writer.path.read_bytes())
    content[4096:] = b"\xff" * len(content[4096:])
    writer.path.write_bytes(content)
    answer = client.get("/api/search", params={"q": "{}"})
    assert answer.status_code == 500
    assert "block" in answer.text
    assert client.get("/api/search", params={"q": "{}"}).json()["traces"] == []
    assert client.post("/v1/traces", content=body, headers=PROTOBUF).status_code == 200
