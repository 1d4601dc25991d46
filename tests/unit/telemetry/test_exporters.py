"""Receivers that lie, over real sockets: what is exported, lost, said and counted."""

from __future__ import annotations

import contextlib
import gzip
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import certifi
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.trace import TracerProvider

from obsdeck.telemetry.encoding import SpanEncoder
from obsdeck.telemetry.exporters import spans
from obsdeck.telemetry.settings import read
from obsdeck.telemetry.tally import Tally

from .conftest import serving, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Answer = Callable[[socket.socket], None]

APP = """
from fastapi import FastAPI
from obsdeck import get_logger, instrument

app = instrument(FastAPI(title="till"))

@app.get("/x")
async def x():
    get_logger("till").info("counted")
    return "ok"
"""
# So quick that a flood would show within a test.
QUICK = {
    "OTEL_BSP_SCHEDULE_DELAY": "20",
    "OTEL_BLRP_SCHEDULE_DELAY": "20",
    "OTEL_METRIC_EXPORT_INTERVAL": "20",
    "OTEL_EXPORTER_OTLP_TIMEOUT": "0.1",
    "OBSDECK_SHUTDOWN_SECONDS": "0.5",
    "OTEL_SERVICE_NAME": "till",
}


class Liar:
    """Reads requests and answers each as the test says.

    Headers have the path and the client's port beside them, as `:path` and `:port`.
    """

    def __init__(self, *answers: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.moments: list[float] = []
        self._answers = list(answers)
        self._tls = tls
        self._connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def connections(self) -> int:
        return len(self._connections)

    def close(self) -> None:
        # Linux wakes up who waits when a socket is shut down, macOS when it is closed.
        for one in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        port = str(connection.getpeername()[1])
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._connections.append(connection)
            with connection, connection.makefile("rb") as stream:
                while line := stream.readline():
                    headers = dict(
                        line.decode().lower().rstrip().split(": ", 1)
                        for line in iter(stream.readline, b"\r\n")
                    ) | {":path": line.split()[1].decode(), ":port": port}
                    self.requests.append((headers, stream.read(int(headers["content-length"]))))
                    self.moments.append(time.monotonic())
                    (self._answers.pop(0) if len(self._answers) > 1 else self._answers[0])(connection)
        except (OSError, ValueError):
            return


@contextmanager
def lying(*answers: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Liar]:
    liar = Liar(*answers, tls=tls)
    try:
        yield liar
    finally:
        liar.close()


def says(status: str, body: bytes = b"", *headers: str) -> Answer:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers, "", ""]
    return lambda connection: connection.sendall("\r\n".join(lines).encode() + body)


def hangs(connection: socket.socket) -> None:
    connection.recv(1)


def resets(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 503 Busy\r\ncontent-length: 10\r\n\r\n")
    # No lingering: closing sends RST.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    raise OSError


def breaks_off(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 503 Busy\r\ncontent-length: 100\r\n\r\nhalf")
    raise OSError


def babbles(connection: socket.socket) -> None:
    connection.sendall(b"\x00\xff\r\n\r\n not http" * 10)
    raise OSError


def strange_headers(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 500 No\r\n: nameless\r\n\xff\xfe\r\nx\r\ncontent-length: 0\r\n\r\n")
    raise OSError


FAILURES: dict[str, Answer] = {
    "hangs": hangs,
    "500": says("500 Oh"),
    "429": says("429 Slow", b"", "retry-after: 3600"),
    "503": says("503 Busy", b"", "retry-after: soon"),
    "redirect": says("302 Found", b"", "location: http://127.0.0.1:9/login"),
    "web page": says("200 OK", b"<html>log in</html>", "content-type: text/html; charset=utf-8"),
    "resets": resets,
    "breaks off": breaks_off,
    "babbles": babbles,
    "strange headers": strange_headers,
}


@pytest.mark.parametrize("answer", FAILURES.values(), ids=FAILURES)
def test_whatever_the_receiver_does_requests_are_answered_and_one_line_is_said(
    tmp_path: Path, answer: Answer
) -> None:
    with (
        lying(answer) as liar,
        serving(tmp_path, APP, OTEL_EXPORTER_OTLP_ENDPOINT=liar.url, **QUICK) as service,
    ):
        # Three signals that failed again and again.
        until(lambda: service.get("/x")[0] == 200 and len(liar.requests) >= 20)
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(15)
    log = service.log.read_text()
    about = [line for line in log.splitlines() if not line.startswith("INFO: ")]
    assert [line[:6] for line in about] in (["Failed", "not ev"], ["Transi", "not ev"]), log
    assert re.search(r"within 0.5 s; dropped: .*the latest metrics", about[-1])


def test_what_waits_for_a_receiver_that_hangs_is_bounded(tmp_path: Path) -> None:
    few = {"OTEL_BSP_MAX_QUEUE_SIZE": "10", "OTEL_BLRP_MAX_QUEUE_SIZE": "10"}
    patient = QUICK | few | {"OTEL_EXPORTER_OTLP_TIMEOUT": "60"}
    with (
        lying(hangs) as liar,
        serving(tmp_path, APP, OTEL_EXPORTER_OTLP_ENDPOINT=liar.url, **patient) as service,
    ):
        for _ in range(100):
            assert service.get("/x")[0] == 200
        until(lambda: len(liar.requests) == 3)
        service.stop()
    dropped = re.search(r"dropped: .*?(\d+) spans, (\d+) log records", service.log.read_text())
    # A queue, and a batch on its way.
    assert dropped
    assert 10 <= int(dropped[1]) <= 20
    assert 10 <= int(dropped[2]) <= 20


@pytest.fixture
def span() -> Any:
    return SpanEncoder().encode(TracerProvider(shutdown_on_exit=False).get_tracer("t").start_span("one"))


def export(url: str, span: Any, tally: Tally | None = None, seconds: str = "5") -> str:
    settings = read({"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_TIMEOUT": seconds}, {}).settings
    exporter = spans(settings, tally or Tally())
    try:
        return exporter.export([span, span]).name
    finally:
        exporter.shutdown()


def test_a_receiver_that_asks_for_patience_gets_it(span: Any) -> None:
    busy, fine = says("429 Slow", b"", "retry-after: 1"), says("200 OK")
    with lying(busy, fine) as liar:
        assert export(liar.url, span) == "SUCCESS"
    first, second = liar.moments
    assert second - first >= 1


def test_more_patience_than_there_is_time_is_a_loss_at_once(span: Any) -> None:
    tally = Tally()
    with lying(says("503 Busy", b"", "retry-after: 60")) as liar:
        assert export(liar.url, span, tally) == "FAILURE"
    assert len(liar.requests) == 1
    assert (tally.lost, tally.sending) == (2, 0)


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\n\r\n")
    while True:
        connection.sendall(b"\x00" * 65536)


def cut_off(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
    raise OSError


@pytest.mark.parametrize(
    "answer",
    [
        endless,
        says("200 OK", b"\xff" * 100_000),
        says("200 OK", b"not protobuf", "content-type: text/plain"),
        says("200 OK", gzip.compress(bytes(10_000_000)), "content-encoding: gzip"),
        cut_off,
    ],
    ids=["endless", "long", "text", "bomb", "cut-off"],
)
def test_a_status_of_200_is_enough_whatever_follows(answer: Answer, span: Any) -> None:
    with lying(answer) as liar:
        assert export(liar.url, span, seconds="1") == "SUCCESS"
    assert len(liar.requests) == 1


def test_what_is_turned_down_of_a_batch_is_lost_and_said(span: Any, caplog: pytest.LogCaptureFixture) -> None:
    body = ExportTraceServiceResponse()
    body.partial_success.rejected_spans = 1
    body.partial_success.error_message = "too old\nfor me"
    tally = Tally()
    with lying(says("200 OK", body.SerializeToString(), "content-type: application/x-protobuf")) as liar:
        assert export(liar.url, span, tally) == "SUCCESS"
    assert tally.lost == 1
    assert caplog.messages == ["the receiver turned down some traces: 'too old\\nfor me'"]


def test_batches_taken_in_part_are_one_line_and_counted(tmp_path: Path) -> None:
    body = ExportTraceServiceResponse()
    body.partial_success.rejected_spans = 1
    answer = says("200 OK", body.SerializeToString(), "content-type: application/x-protobuf")
    with (
        lying(answer) as liar,
        serving(tmp_path, APP, OTEL_EXPORTER_OTLP_ENDPOINT=liar.url, **QUICK) as service,
    ):
        until(lambda: service.get("/x")[0] == 200 and len(liar.requests) >= 20)
        page = service.get("/metrics")[2]
        service.stop()
    log = service.log.read_text()
    assert {"traces", "metrics", "logs"} == set(re.findall(r'exporter_rejected_total{signal="(\w+)"}', page))
    assert log.count("the receiver turned down some") == 1


def test_connections_are_used_again_and_cookies_are_not_kept(span: Any) -> None:
    with lying(says("200 OK", b"", "set-cookie: a=b")) as liar:
        exporter = spans(read({"OTEL_EXPORTER_OTLP_ENDPOINT": liar.url}, {}).settings, Tally())
        for _ in range(5):
            exporter.export([span])
        exporter.shutdown()
    assert (liar.connections, len(liar.requests)) == (1, 5)
    assert all("cookie" not in headers for headers, _ in liar.requests)


def test_compression_and_headers_are_the_standards(span: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%2Cb%3D%20c,api-key=1")
    with lying(says("200 OK")) as liar:
        assert export(liar.url, span) == "SUCCESS"
    ((headers, body),) = liar.requests
    assert (headers["x-tenant"], headers["api-key"]) == ("a,b= c", "1")
    assert headers["content-encoding"] == "gzip"
    sent = ExportTraceServiceRequest.FromString(gzip.decompress(body))
    assert sent.resource_spans[0].scope_spans[0].spans[0].name == "one"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of 127.0.0.1, signed by itself, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    path = tmp_path / "certificate.pem"
    words = (
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=collector -addext subjectAltName=IP:127.0.0.1"
    )
    files = ["-keyout", f"{path}.key", "-out", str(path)]
    subprocess.run(["openssl", *words.split(), *files], check=True, capture_output=True)
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[Liar]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, f"{certificate}.key")
    with lying(says("200 OK"), tls=context) as liar:
        yield liar


def test_a_certificate_of_ones_own_is_trusted_if_named(
    secure: Liar, certificate: Path, span: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(certificate))
    assert export(secure.url, span) == "SUCCESS"
    assert len(secure.requests) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused_and_named(
    secure: Liar, span: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert export(secure.url, span, seconds="1") == "FAILURE"
    assert secure.requests == []
    (said,) = caplog.messages
    assert "certificate verify failed: self-signed certificate" in said
    assert said.endswith("OTEL_EXPORTER_OTLP_CERTIFICATE names the file of the authority to trust")


def test_a_certificate_file_that_is_missing_is_named(
    secure: Liar, span: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.pem")
    assert export(secure.url, span) == "FAILURE"
    assert "/nowhere/ca.pem" in caplog.text
