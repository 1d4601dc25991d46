"""The real collector with `sampling.yaml`: which traces are stored, and what RED metrics count."""

from __future__ import annotations

import gzip
import json
import os
import secrets
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from obsdeck.diagnose.canary import SERVICE as CANARY
from tests.conftest import Machine

from .test_servers_accept_the_files import OPS, program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# The test waits for what these decide, so they decide sooner.
SOON = (
    "--config=yaml:processors::tail_sampling::decision_wait_after_root_received: 200ms",
    "--config=yaml:connectors::span_metrics::metrics_flush_interval: 100ms",
)


class Backends:
    """Prometheus and Tempo in one: keeps the OTLP that a collector sends."""

    def __init__(self) -> None:
        self.spans: list[str] = []
        self.calls: dict[str, int] = {}
        kept = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                kept.take(self.path, gzip.decompress(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_arguments: Any) -> None:
                """The test's output is no place for an access log."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def take(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            self.spans += [
                span.name
                for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans
                for scope in of_resource.scope_spans
                for span in scope.spans
            ]
            return
        for of_resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            for metric in (metric for scope in of_resource.scope_metrics for metric in scope.metrics):
                for point in metric.sum.data_points if metric.name.endswith(".calls") else ():
                    names = {one.key: one.value.string_value for one in point.attributes}
                    self.calls[names["span.name"]] = point.as_int


@pytest.fixture
def backends() -> Iterator[Backends]:
    found = Backends()
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


@contextmanager
def collector(backends: Backends, folder: Path, percent: str) -> Iterator[str]:
    """A collector that samples; gives the address that takes spans."""
    otlp, grpc, health, metrics = Machine.free_ports(4)
    files = [f"--config={OPS / 'collector' / name}" for name in ("config.yaml", "sampling.yaml")]
    environ = {
        **os.environ,
        "OBSDECK_BIND": "127.0.0.1",
        "OBSDECK_OTLP_HTTP_PORT": str(otlp),
        "OBSDECK_OTLP_GRPC_PORT": str(grpc),
        "OBSDECK_COLLECTOR_HEALTH_PORT": str(health),
        "OBSDECK_COLLECTOR_METRICS_PORT": str(metrics),
        "OBSDECK_COLLECTOR_DATA": str(folder / "data"),
        "OBSDECK_TEMPO_OTLP_URL": backends.url,
        "OBSDECK_PROMETHEUS_URL": backends.url,
        "OBSDECK_TRACES_KEPT_PERCENT": percent,
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program("collector"), *files, *SOON], env=environ, stdout=log, stderr=log)
    try:
        until(lambda: process.poll() is not None or _is_ready(health))
        assert process.poll() is None, (folder / "log").read_text()
        yield f"http://127.0.0.1:{otlp}/v1/traces"
    finally:
        process.terminate()
        process.wait(30)


def _is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def until(condition: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail("this did not come true in time")
        time.sleep(0.05)


def send(url: str, name: str, *, seconds: float = 0.01, fails: bool = False, service: str = "till") -> None:
    """One trace of one span."""
    now = time.time_ns()
    span = {
        "traceId": secrets.token_hex(16),
        "spanId": secrets.token_hex(8),
        "name": name,
        "kind": 2,
        "startTimeUnixNano": str(now - int(seconds * 1e9)),
        "endTimeUnixNano": str(now),
        "status": {"code": 2} if fails else {},
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
    request = Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urlopen(request, timeout=10) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(("percent", "ordinary"), [("0", 0), ("100", 20)])
def test_errors_and_slow_traces_are_kept_and_every_span_is_counted(
    backends: Backends, tmp_path: Path, percent: str, ordinary: int
) -> None:
    with collector(backends, tmp_path, percent) as url:
        for _ in range(20):
            send(url, "ordinary")
        send(url, "slow", seconds=1.5)
        send(url, "fails", fails=True)
        send(url, "canary", service=CANARY)
        until(lambda: {"slow", "fails", "canary"} <= set(backends.spans))
        until(lambda: sum(backends.calls.values()) == 23)
        until(lambda: len(backends.spans) == ordinary + 3)
    assert sorted(backends.spans) == ["canary", "fails", *["ordinary"] * ordinary, "slow"]
    assert backends.calls == {"ordinary": 20, "slow": 1, "fails": 1, "canary": 1}
