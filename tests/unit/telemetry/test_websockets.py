"""Websockets through a real server: one span each, and the duration of the handshake."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from .conftest import plain, serving, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Service, Sink

APP = """
from fastapi import FastAPI, WebSocket
from obsdeck import instrument

app = instrument(FastAPI())

@app.websocket("/ws/{n}")
async def echo(socket: WebSocket, n: int):
    await socket.accept()
    while (text := await socket.receive_text()) != "bye":
        if text == "fail":
            raise ValueError(n)
        await socket.send_text(text)
    await socket.close()

@app.websocket("/closed")
async def closed(socket: WebSocket):
    await socket.close()
"""


@pytest.fixture
def service(sink: Sink, tmp_path: Path) -> Iterator[Service]:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "OTEL_BSP_SCHEDULE_DELAY": "20"}
    with serving(tmp_path, APP, **variables) as found:
        yield found


def test_a_connection_is_one_span_however_much_is_said(sink: Sink, service: Service) -> None:
    with connect(f"ws://127.0.0.1:{service.port}/ws/7?token=secret") as socket:
        for _ in range(10):
            socket.send("hello")
            assert socket.recv() == "hello"
        # The handshake is over and its duration known; the connection goes on.
        page = service.get("/metrics")[2]
        socket.send("bye")
    (span,) = until(lambda: sink.spans)
    service.stop()
    assert span.name == "WS /ws/{n}"
    attributes = plain(span.attributes)
    assert attributes["http.route"] == "/ws/{n}"
    assert attributes["http.response.status_code"] == 101
    assert "secret" not in str(sink.received)
    assert 'http_response_status_code="101",http_route="/ws/{n}"' in page.replace("\\", "")
    assert 'http_server_active_requests{http_request_method="GET",url_scheme="http"} 0.0' in page
    # A connection of hours must not look like a request of hours.
    (point,) = sink.metrics["http.server.request.duration"].histogram.data_points
    assert point.count == 1
    assert point.sum < (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9


def test_an_exception_ends_the_span_with_an_error_and_the_next_connection_is_fine(
    sink: Sink, service: Service
) -> None:
    with connect(f"ws://127.0.0.1:{service.port}/ws/7") as socket:
        socket.send("fail")
        with pytest.raises(ConnectionClosed):
            socket.recv()
    (span,) = until(lambda: sink.spans)
    assert span.status.code == 2
    assert plain(span.attributes)["error.type"] == "ValueError"
    assert [event.name for event in span.events] == ["exception"]
    with connect(f"ws://127.0.0.1:{service.port}/ws/8") as socket:
        socket.send("hello")
        assert socket.recv() == "hello"


@pytest.mark.parametrize(("code", "status"), [(1000, 0), (1001, 0), (4000, 2)])
def test_a_client_that_leaves_is_an_error_only_if_it_says_so(
    sink: Sink, service: Service, code: int, status: int
) -> None:
    with connect(f"ws://127.0.0.1:{service.port}/ws/7") as socket:
        socket.close(code)
    (span,) = until(lambda: sink.spans)
    assert span.status.code == status


def test_a_client_that_breaks_off_ends_its_span(sink: Sink, service: Service) -> None:
    socket = connect(f"ws://127.0.0.1:{service.port}/ws/7")
    socket.socket.close()
    (span,) = until(lambda: sink.spans)
    # uvicorn says 1005, "no status", for this too; so it cannot be told from a tab that was closed.
    assert span.name == "WS /ws/{n}"


@pytest.mark.parametrize(("path", "route"), [("/closed", "/closed"), ("/nowhere", "__unknown__")])
def test_a_handshake_that_is_turned_down_is_a_403(
    sink: Sink, service: Service, path: str, route: str
) -> None:
    with pytest.raises(InvalidStatus):
        connect(f"ws://127.0.0.1:{service.port}{path}")
    (span,) = until(lambda: sink.spans)
    attributes = plain(span.attributes)
    assert (attributes["http.route"], attributes["http.response.status_code"]) == (route, 403)
