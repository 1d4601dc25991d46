"""The embedded trace store: spans per second taken in with none lost, and the time of searches.

    python benchmarks/tracestore.py [--spans 1000000] [--data DIR]

A store is started as its own process on an empty directory. Spans come as OTLP/HTTP protobuf requests of
500 spans in 50 traces, about ten attributes each, over four connections; what a sender does to make a
request is not timed. What arrived is counted back through the search API, trace by trace, not taken from
the sender's word. Then each query of the mix runs several times. Nothing is asserted: the figures are
printed with what they mean.
"""

from __future__ import annotations

import argparse
import http.client
import json
import math
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

SPANS_PER_TRACE = 10
TRACES_PER_REQUEST = 50
SPANS_PER_REQUEST = SPANS_PER_TRACE * TRACES_PER_REQUEST
CONNECTIONS = 4
REQUESTS_AT_A_TIME = 100
ROUNDS = 5
SECOND = 10**9

SERVICES = [
    "gateway",
    "orders",
    "pricing",
    "stock",
    "payments",
    "accounts",
    "mail",
    "search",
    "cart",
    "audit",
]
ROUTES = [
    f"/api/v1/{noun}/{{id}}" for noun in ("orders", "users", "items", "carts", "prices", "refunds", "mails")
]
RARE = "needle-7"

QUERIES = {
    "everything": "{}",
    "equal service": '{ resource.service.name = "payments" }',
    "rare service": '{ resource.service.name = "nightly-report" }',
    "equal attribute": '{ span.http.route = "/api/v1/orders/{id}" }',
    "unscoped attribute": '{ .http.request.method = "DELETE" }',
    "rare value": f'{{ span.customer.note = "{RARE}" }}',
    "unique value": '{ span.request.id = "request-123456" }',
    "numeric compare": "{ span.http.response.status_code >= 500 }",
    "numeric, few": "{ span.order.amount > 9999.0 }",
    "regular expression": '{ span.http.route =~ "/api/v1/(users|carts)/.*" }',
    "regular expression, unique values": '{ span.request.id =~ "request-9999.." }',
    "name": '{ name = "charge card" }',
    "duration": "{ duration > 900ms }",
    "duration, few": "{ duration > 4s }",
    "status": "{ status = error }",
    "status and service": '{ status = error && resource.service.name = "accounts" }',
    "three conditions": '{ kind = client && span.http.request.method = "POST" && duration > 300ms }',
    "either": '{ span.user.id = "user-77" || span.user.id = "user-78" }',
    "not equal": '{ span.http.request.method != "GET" }',
    "root and trace duration": '{ rootServiceName = "gateway" && traceDuration > 4s }',
    "child": '{ resource.service.name = "gateway" } > { status = error }',
    "descendant": '{ rootName =~ ".*orders.*" } >> { resource.service.name = "payments" && status = error }',
    "ancestor": '{ status = error } << { resource.service.name = "gateway" }',
    "sibling": '{ name = "charge card" } ~ { status = error }',
    "descendant, never": '{ resource.service.name = "mail" } >> { span.http.route = "/api/v1/orders/{id}" }',
    "both in a trace": '{ resource.service.name = "mail" } && { status = error }',
    "count": "{ status = error } | count() > 3",
    "average": '{ resource.service.name = "orders" } | avg(duration) > 800ms',
    "select": "{ status = error } | select(span.http.route, resource.service.name)",
    "no such value": '{ span.http.route = "/nowhere" }',
    "no such key": "{ span.not.there = 1 }",
    "no match of two": '{ resource.service.name = "mail" && rootName = "SELECT" }',
}


def make_request(number: int, rng: random.Random, now: int) -> bytes:
    """One export of a few dozen traces, their spans grouped by service as an exporter sends them."""
    request = ExportTraceServiceRequest()
    scopes = {}
    for name in [*SERVICES, "nightly-report"]:
        resource_spans = request.resource_spans.add()
        for key, value in (
            ("service.name", name),
            ("service.instance.id", f"{name}-{number % 3}"),
            ("host.name", "box"),
        ):
            resource_spans.resource.attributes.add(key=key).value.string_value = value
        scope_spans = resource_spans.scope_spans.add()
        scope_spans.scope.name = "benchmark"
        scopes[name] = scope_spans
    for _ in range(TRACES_PER_REQUEST):
        add_trace(scopes, rng, number, now)
    for resource_spans in list(request.resource_spans):
        if not resource_spans.scope_spans[0].spans:
            request.resource_spans.remove(resource_spans)
    return request.SerializeToString()


def add_trace(scopes: dict[str, object], rng: random.Random, number: int, now: int) -> None:
    """A random tree of ten spans."""
    trace_id = rng.randbytes(16)
    ids = [rng.randbytes(8) for _ in range(SPANS_PER_TRACE)]
    start = now - rng.randrange(SECOND)
    for index, span_id in enumerate(ids):
        # "mail" is only ever a leaf, so that one query of the mix matches nothing at some cost.
        parent = rng.randrange(min(index, SPANS_PER_TRACE // 2)) if index else None
        name = "gateway" if index == 0 else rng.choice(SERVICES)
        if index == 0 and rng.random() < 1e-4:
            name = "nightly-report"
        if name == "mail" and index < SPANS_PER_TRACE // 2:
            name = "cart"
        span = scopes[name].spans.add(  # type: ignore[attr-defined]
            trace_id=trace_id,
            span_id=span_id,
            parent_span_id=ids[parent] if parent is not None else b"",
            name=rng.choice(["charge card", "SELECT", "render"]) if index > 6 else rng.choice(ROUTES),
            kind=rng.choice([1, 2, 3]),
            start_time_unix_nano=start + index * 1_000_000,
            end_time_unix_nano=start + index * 1_000_000 + int(rng.expovariate(1 / 2e8)),
        )
        if rng.random() < 0.02:
            span.status.code = 2
        add_attributes(span, rng, number * SPANS_PER_REQUEST + index)


def add_attributes(span: Span, rng: random.Random, number: int) -> None:
    """Ten attributes: few values, many values, one unique, numbers of both kinds, a boolean."""
    texts = {
        "http.request.method": rng.choices(["GET", "POST", "PUT", "DELETE"], [80, 14, 5, 1])[0],
        "http.route": rng.choice(ROUTES),
        "url.path": f"/api/v1/items/{rng.randrange(20_000)}",
        "server.address": f"10.0.0.{rng.randrange(50)}",
        "user.id": f"user-{rng.randrange(50_000)}",
        "request.id": f"request-{rng.randrange(10**6)}",
        "customer.note": RARE if rng.random() < 1e-5 else "none",
    }
    for key, text in texts.items():
        span.attributes.add(key=key).value.string_value = text
    span.attributes.add(key="http.response.status_code").value.int_value = rng.choices(
        [200, 404, 500], [90, 8, 2]
    )[0]
    span.attributes.add(key="order.amount").value.double_value = rng.random() * 10_000
    span.attributes.add(key="cache.hit").value.bool_value = number % 3 == 0


class Store:
    """A trace store in its own process."""

    def __init__(self, data: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "obsdeck.tracestore",
            "--data",
            str(data),
            "--listen",
            f"127.0.0.1:{self.port}",
        ]
        started = time.perf_counter()
        self.process = subprocess.Popen([*command, "--max-size", "8GB"], stderr=subprocess.DEVNULL)
        while not self._ready():
            time.sleep(0.005)
        self.ready_seconds = time.perf_counter() - started
        self.rss_at_rest = self.rss()

    def _ready(self) -> bool:
        try:
            return self.get("/ready")[0] == 200
        except OSError:
            if self.process.poll() is not None:
                raise SystemExit("the trace store ended") from None
            return False

    def get(self, path: str, **parameters: str | int) -> tuple[int, bytes]:
        """Status and body of a GET."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("GET", f"{path}?{urllib.parse.urlencode(parameters)}")
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body

    def rss(self) -> float:
        """Resident memory now, in megabytes."""
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    def stop(self) -> float:
        """End the store; the seconds it took."""
        started = time.perf_counter()
        self.process.terminate()
        self.process.wait(30)
        return time.perf_counter() - started


def take_in(store: Store, spans: int, rng: random.Random) -> tuple[float, float]:
    """Send that many spans; seconds it took and the largest memory seen."""
    seconds, peak = 0.0, 0.0
    requests = math.ceil(spans / SPANS_PER_REQUEST)
    connections = [
        http.client.HTTPConnection("127.0.0.1", store.port, timeout=120) for _ in range(CONNECTIONS)
    ]

    def send(connection: http.client.HTTPConnection, bodies: list[bytes]) -> None:
        for body in bodies:
            connection.request("POST", "/v1/traces", body, {"content-type": "application/x-protobuf"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"refused: {answer.status}")

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for first in range(0, requests, REQUESTS_AT_A_TIME):
            numbers = range(first, min(first + REQUESTS_AT_A_TIME, requests))
            bodies = [make_request(number, rng, time.time_ns()) for number in numbers]
            started = time.perf_counter()
            list(pool.map(send, connections, [bodies[n::CONNECTIONS] for n in range(CONNECTIONS)]))
            seconds += time.perf_counter() - started
            peak = max(peak, store.rss())
    return seconds, peak


def count_back(store: Store) -> int:
    """How many spans the search finds, over all traces."""
    _, body = store.get("/api/search", q="{}", limit=262_144, spss=1)
    return sum(trace["spanSet"]["matched"] for trace in json.loads(body)["traces"])


def time_searches(store: Store) -> list[float]:
    """Milliseconds of every search of the mix, each query several times in turn."""
    times: dict[str, list[float]] = {name: [] for name in QUERIES}
    found: dict[str, int] = {}
    for _ in range(ROUNDS):
        for name, query in QUERIES.items():
            started = time.perf_counter()
            status, body = store.get("/api/search", q=query)
            times[name].append((time.perf_counter() - started) * 1000)
            if status != 200:
                raise SystemExit(f"{query}: {status} {body.decode()}")
            found[name] = len(json.loads(body)["traces"])
    print(f"{'search':34} {'traces':>6} {'median ms':>10} {'max ms':>8}")
    for name, taken in times.items():
        print(f"{name:34} {found[name]:6} {statistics.median(taken):10.1f} {max(taken):8.1f}")
    return sorted(milliseconds for taken in times.values() for milliseconds in taken)


def percentile(ordered: list[float], share: float) -> float:
    return ordered[math.ceil(share * len(ordered)) - 1]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path, help="keep the store here, and search it again if it is filled")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tracestore-") as scratch:
        data = options.data or Path(scratch)
        filled = data.exists() and any(data.glob("*.db"))
        store = Store(data)
        try:
            print(f"ready after {store.ready_seconds * 1000:.0f} ms, {store.rss_at_rest:.0f} MB")
            if not filled:
                seconds, peak = take_in(store, options.spans, random.Random(7))
                sent = math.ceil(options.spans / SPANS_PER_REQUEST) * SPANS_PER_REQUEST
                print(f"{sent} spans in {seconds:.1f} s: {sent / seconds:.0f} spans/s, up to {peak:.0f} MB")
                held = count_back(store)
                print(f"counted back: {held}, lost: {sent - held}")
            size = sum(file.stat().st_size for file in data.iterdir())
            print(f"on disk: {size / 1e6:.0f} MB in {len(list(data.glob('*.db')))} blocks")
            taken = time_searches(store)
            median, p95 = statistics.median(taken), percentile(taken, 0.95)
            print(f"{len(taken)} searches: median {median:.0f} ms, p95 {p95:.0f} ms, max {taken[-1]:.0f} ms")
            print(f"memory after the searches: {store.rss():.0f} MB")
        finally:
            print(f"ended {store.stop() * 1000:.0f} ms after SIGTERM")


if __name__ == "__main__":
    main()
