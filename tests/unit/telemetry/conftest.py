"""A real OTLP receiver, real uvicorn processes, and a way to call an app in this process."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

from obsdeck.telemetry.logs import OtlpHandler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REQUESTS = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


def until(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """What the condition gives once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail("this did not come true in time")
        time.sleep(0.02)
    return found


def plain(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


class Sink:
    """An OTLP/HTTP receiver that keeps what it gets, decoded."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                message = REQUESTS[self.path]()
                message.ParseFromString(self.rfile.read(int(self.headers["content-length"])))
                sink.received.append((self.path, dict(self.headers), message))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                """The test's output is no place for an access log."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def _of(self, path: str) -> Iterator[Any]:
        return (message for to, _, message in list(self.received) if to == path)

    @property
    def spans(self) -> list[Any]:
        return [
            span
            for message in self._of("/v1/traces")
            for of_resource in message.resource_spans
            for scope in of_resource.scope_spans
            for span in scope.spans
        ]

    @property
    def logs(self) -> list[Any]:
        return [
            record
            for message in self._of("/v1/logs")
            for of_resource in message.resource_logs
            for scope in of_resource.scope_logs
            for record in scope.log_records
        ]

    def log(self, body: str) -> Any:
        """The one record with this body."""
        (record,) = [one for one in self.logs if body in one.body.string_value]
        return record

    @property
    def metrics(self) -> dict[str, Any]:
        """The latest state of each metric."""
        return {metric.name: metric for metric in self.exports}

    @property
    def exports(self) -> list[Any]:
        """Every state of every metric that came, oldest first."""
        return [
            metric
            for message in self._of("/v1/metrics")
            for of_resource in message.resource_metrics
            for scope in of_resource.scope_metrics
            for metric in scope.metrics
        ]

    @property
    def resources(self) -> list[dict[str, Any]]:
        found = []
        for _, _, message in list(self.received):
            for name in ("resource_spans", "resource_metrics", "resource_logs"):
                found += [plain(one.resource.attributes) for one in getattr(message, name, ())]
        return found


class Exported:
    """Our log handler, and the records that it has exported."""

    def __init__(self) -> None:
        self._exporter = InMemoryLogRecordExporter()
        provider = LoggerProvider(shutdown_on_exit=False)
        provider.add_log_record_processor(SimpleLogRecordProcessor(self._exporter))
        self.handler = OtlpHandler(provider, 2000)

    @property
    def records(self) -> list[Any]:
        return [data.log_record for data in self._exporter.get_finished_logs()]

    @property
    def bodies(self) -> list[str]:
        return [record.body for record in self.records]

    @property
    def record(self) -> Any:
        (one,) = self.records
        return one


@pytest.fixture
def sink() -> Iterator[Sink]:
    receiver = Sink()
    yield receiver
    receiver.stop()


@dataclass
class Service:
    """A uvicorn process that serves an app written into a file."""

    process: subprocess.Popen[str]
    port: int
    log: Path

    def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read().decode()
        finally:
            connection.close()

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(by)
        return self.process.wait(30)


def environment(**variables: str) -> dict[str, str]:
    """This environment without anybody's telemetry settings, and with these."""
    mine = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("OTEL_", "OBSDECK_", "FASTAPI_", "PYTHONWARNINGS"))
    }
    return mine | variables


def run(code: str, **variables: str) -> str:
    """The output of a Python program in a process of its own, errors and all."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[3],
        env=environment(**variables),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    return done.stdout


@contextmanager
def serving(
    folder: Path, source: str, *arguments: str, prefix: tuple[str, ...] = (), **variables: str
) -> Iterator[Service]:
    """Serve `source`, a module with `app` in it, on a port that the system chooses."""
    command = [*prefix, sys.executable, "-m", "uvicorn", "service:app", "--port", "0", *arguments]
    with served(folder, source, command, _listening, **variables) as service:
        yield service


@contextmanager
def served(
    folder: Path, source: str, command: list[str], listening: Callable[[Path], int], **variables: str
) -> Iterator[Service]:
    """Serve `source`, a module with `app` in it, by a command that is ended at last.

    `listening` tells from the path of its log on which port it serves; 0 until it does.
    """
    (folder / "service.py").write_text(source)
    log = folder / "service.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(**variables),
            text=True,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        port = until(lambda: process.poll() is not None or listening(log))
        assert port is not True, log.read_text()
        yield Service(process, port, log)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def _listening(log: Path) -> int:
    """The port once it takes connections (with workers, uvicorn names it long before); 0 until then."""
    found = re.search(r"running on http://127.0.0.1:(\d+) ", log.read_text())
    try:
        socket.create_connection(("127.0.0.1", int(found[1])), 1).close() if found else None
    except OSError:
        return 0
    return int(found[1]) if found else 0


@dataclass
class Reply:
    """What an app called in this process answered."""

    status: int = 0
    body: bytes = b""
    messages: list[dict[str, Any]] = field(default_factory=list)
    error: BaseException | None = None


def call(
    app: Any,
    path: str,
    *,
    method: str = "GET",
    kind: str = "http",
    headers: list[tuple[bytes, bytes]] = (),  # type: ignore[assignment]
    incoming: list[dict[str, Any]] | None = None,
) -> Reply:
    """One request (or websocket, with what the client says on it), through the real ASGI protocol."""
    scope: dict[str, Any] = {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "ws" if kind == "websocket" else "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": list(headers),
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
    }
    scope |= {"subprotocols": []} if kind == "websocket" else {"method": method}
    waiting = (
        incoming if incoming is not None else [{"type": "http.request", "body": b"", "more_body": False}]
    )
    reply = Reply()

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop(0)
        return await asyncio.Event().wait() or {}  # type: ignore[return-value]

    async def send(message: dict[str, Any]) -> None:
        reply.messages.append(message)
        reply.status = message.get("status", reply.status)
        reply.body += message.get("body", b"")

    async def main() -> None:
        try:
            await app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the reply says which
            reply.error = error

    asyncio.run(main())
    return reply


@pytest.fixture(scope="session")
def repository() -> Path:
    return Path(__file__).parents[3]
