"""One suite of behaviours for the embedded trace store and for a real Tempo.

The expectations were taken from Tempo 3.0.3. `OBSDECK_TEMPO_BIN` names a Tempo to run them against; the
store always runs. What the two must not agree on is in docs/reference/traceql.md.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from tests.unit.tracestore.conftest import SECOND, S, make_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

MILLISECOND = 10**6
PROTOBUF = {"content-type": "application/x-protobuf"}
BEGIN = (int(time.time()) - 60) * SECOND
UNSET, OK, ERROR = 0, 1, 2
UNSPECIFIED, INTERNAL, SERVER, CLIENT = 0, 1, 2, 3


def a_span(  # noqa: PLR0917 - a table reads best by position
    number: int,
    parent: int,
    service: str | None,
    name: str,
    duration: int,
    kind: int = INTERNAL,
    status: int = UNSET,
    attributes: Mapping[str, Any] | None = None,
    resource: Mapping[str, Any] | None = None,
) -> S:
    """Ids are small numbers, unique in all traces; durations are milliseconds."""
    return S(number, parent, name, service, 0, duration, status, kind, attributes or {}, resource or {})


PROD = {"both": "resource", "env": "prod"}
TRACES = {
    # A tree of two services.
    0xA1: [
        a_span(
            11,
            0,
            "front",
            "GET /",
            100,
            SERVER,
            UNSET,
            {"code": 200, "u": "x", "f": 1.5, "b": True, "both": "span"},
            PROD,
        ),
        a_span(12, 11, "front", "db", 50, CLIENT, ERROR, {"code": 500, "f": 2.0, "neg": -5}, PROD),
        a_span(
            13,
            12,
            "back",
            "work",
            20,
            INTERNAL,
            OK,
            {"u": "y", "list": ["a", "b"], "ints": [1, 2]},
            {"tags": ["p", "q"]},
        ),
        a_span(14, 11, "back", "other", 10, INTERNAL, UNSET, {"mixed": 1}),
        a_span(15, 14, "back", "leaf", 5, INTERNAL, UNSET, {"map": {"a": 1}, "bytes": b"abc"}),
    ],
    # One slow span.
    0xA2: [
        a_span(
            21,
            0,
            "solo",
            "GET /solo",
            1500,
            SERVER,
            UNSET,
            {"u": "xyz", "mixed": "1", "empty": "", "a b": "q"},
        )
    ],
    # Spans whose root never came.
    0xA3: [
        a_span(32, 31, "orphan", "lost", 7, INTERNAL, ERROR, {"u": "z", "mixed": 1.0}),
        a_span(33, 32, "orphan", "lost child", 3, INTERNAL, UNSET, {"mixed": True}),
    ],
    # Two roots, one of them of no service and without an attribute.
    0xA4: [
        a_span(41, 0, None, "nameless", 2, UNSPECIFIED),
        a_span(42, 0, "two", "root 2", 2, INTERNAL, UNSET, {"long": "B" * 1500}),
    ],
}
ALL = {trace: [span.id for span in spans] for trace, spans in TRACES.items()}


def request_of(trace: int, spans: Iterable[S]) -> ExportTraceServiceRequest:
    """The spans begin one after the other, a millisecond apart, and the traces a tenth of a second."""
    apart = [replace(span, start=number) for number, span in enumerate(spans)]
    return make_request(trace, apart, BEGIN + trace * SECOND // 10)


@dataclass(frozen=True)
class Backend:
    """A server that has the traces."""

    api: httpx.Client
    otlp: httpx.Client

    def search(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        answer = self.api.get("/api/search", params={"q": query, "spss": 50, "limit": 100, **parameters})
        assert answer.status_code == 200, answer.text
        return answer.json()["traces"]

    def matches(self, query: str, **parameters: Any) -> dict[int, list[int]]:
        """Trace ids with the ids of the spans that match."""
        found = {}
        for trace in self.search(query, **parameters):
            [spanset] = trace["spanSets"]
            ids = sorted(int(span["spanID"], 16) for span in spanset["spans"])
            assert spanset["matched"] == len(ids)
            found[int(trace["traceID"], 16)] = ids
        return found


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [bound.getsockname()[1] for bound in sockets]
    for bound in sockets:
        bound.close()
    return ports


def start_store(directory: Path) -> tuple[list[str], int, int]:
    [port] = free_ports(1)
    command = [sys.executable, "-m", "obsdeck.tracestore", "--data", str(directory / "data")]
    return [*command, "--listen", f"127.0.0.1:{port}"], port, port


def start_tempo(directory: Path) -> tuple[list[str], int, int]:
    http, grpc, otlp, gossip = free_ports(4)
    config = {
        "usage_report": {"reporting_enabled": False},
        "server": {
            "http_listen_address": "127.0.0.1",
            "http_listen_port": http,
            "grpc_listen_address": "127.0.0.1",
            "grpc_listen_port": grpc,
            "log_level": "warn",
        },
        "distributor": {"receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{otlp}"}}}}},
        "memberlist": {"bind_addr": ["127.0.0.1"], "bind_port": gossip},
        "storage": {
            "trace": {
                "backend": "local",
                "wal": {"path": f"{directory}/wal"},
                "local": {"path": f"{directory}/blocks"},
            }
        },
        "live_store": {
            "wal": {"path": f"{directory}/live-store/traces"},
            "shutdown_marker_dir": f"{directory}/live-store/shutdown-marker",
            "flush_check_period": "200ms",
            "max_trace_idle": "300ms",
            "max_trace_live": "1s",
        },
        "backend_scheduler": {"local_work_path": f"{directory}/scheduler"},
        "query_frontend": {"query_end_cutoff": "0s"},
    }
    # JSON is YAML.
    (directory / "tempo.yaml").write_text(json.dumps(config))
    return [os.environ["OBSDECK_TEMPO_BIN"], f"-config.file={directory}/tempo.yaml"], http, otlp


@pytest.fixture(
    scope="module", params=["store", pytest.param("tempo", marks=pytest.mark.tempo)], ids=["store", "tempo"]
)
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """Each server once for all tests, filled."""
    if request.param == "tempo" and not os.environ.get("OBSDECK_TEMPO_BIN"):
        pytest.skip("OBSDECK_TEMPO_BIN names no Tempo")
    directory = tmp_path_factory.mktemp(request.param)
    command, port, otlp_port = (start_tempo if request.param == "tempo" else start_store)(directory)
    environ = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environ)
    try:
        with (
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as api,
            httpx.Client(base_url=f"http://127.0.0.1:{otlp_port}", timeout=20) as otlp,
        ):
            filled = Backend(api, otlp)
            wait_until(lambda: is_ready(api), process, directory)
            for trace, spans in TRACES.items():
                body = request_of(trace, spans).SerializeToString()
                assert otlp.post("/v1/traces", content=body, headers=PROTOBUF).status_code == 200
            wait_until(lambda: filled.matches("{}") == ALL, process, directory)
            yield filled
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def is_ready(api: httpx.Client) -> bool:
    try:
        return api.get("/ready").status_code == 200
    except httpx.TransportError:
        return False


def wait_until(condition: Any, process: subprocess.Popen[bytes], directory: Path) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"it did not come up:\n{(directory / 'log').read_text()[-2000:]}")
        time.sleep(0.05)


QUERIES: list[tuple[str, dict[int, list[int]]]] = [
    ('{ resource.service.name = "front" }', {0xA1: [11, 12]}),
    ('{ .service.name = "front" }', {0xA1: [11, 12]}),
    ('{ span.service.name = "front" }', {}),
    (
        '{ resource.service.name != "front" }',
        {0xA1: [13, 14, 15], 0xA2: [21], 0xA3: [32, 33], 0xA4: [41, 42]},
    ),
    ('{ resource.service.name =~ "f.*|b.*" }', {0xA1: [11, 12, 13, 14, 15]}),
    ('{ .both = "span" }', {0xA1: [11]}),
    ('{ .both = "resource" }', {0xA1: [12]}),
    ('{ .both != "span" }', {0xA1: [12]}),
    ('{ .both != "resource" }', {0xA1: [11]}),
    ('{ .both != "neither" }', {0xA1: [11, 12]}),
    ('{ resource.both = "resource" }', {0xA1: [11, 12]}),
    ('{ span.u != "x" }', {0xA1: [13], 0xA2: [21], 0xA3: [32]}),
    ('{ span.absent != "x" }', {}),
    ("{ span.u != nil }", {0xA1: [11, 13], 0xA2: [21], 0xA3: [32]}),
    ("{ nil != span.u }", {0xA1: [11, 13], 0xA2: [21], 0xA3: [32]}),
    ("{ span.map != nil }", {}),
    ("{ span.bytes != nil }", {}),
    ('{ span.u =~ "x" }', {0xA1: [11]}),
    ('{ span.u =~ "x.*" }', {0xA1: [11], 0xA2: [21]}),
    ('{ span.u =~ "(?i)X" }', {0xA1: [11]}),
    ('{ span.u !~ "x" }', {0xA1: [13], 0xA2: [21], 0xA3: [32]}),
    ('{ span.absent !~ "x" }', {}),
    ('{ span.u =~ "" }', {}),
    ('{ span.empty = "" }', {0xA2: [21]}),
    ('{ span.empty != "" }', {}),
    ('{ span.empty =~ ".*" }', {0xA2: [21]}),
    ('{ span.u > "x" }', {0xA1: [13], 0xA2: [21], 0xA3: [32]}),
    ('{ span.u <= "y" }', {0xA1: [11, 13], 0xA2: [21]}),
    ('{ span.long =~ "B+" }', {0xA4: [42]}),
    ('{ span."a b" = "q" }', {0xA2: [21]}),
    ('{ ."a b" = "q" }', {0xA2: [21]}),
    ("{ span.code = 200 }", {0xA1: [11]}),
    ("{ span.code != 200 }", {0xA1: [12]}),
    ("{ span.code > 200 }", {0xA1: [12]}),
    ("{ span.code > 200.5 }", {}),
    ('{ span.code = "200" }', {}),
    ('{ span.code != "200" }', {}),
    ("{ span.f = 2 }", {}),
    ("{ span.f = 2.0 }", {0xA1: [12]}),
    ("{ span.f >= 1.5 }", {0xA1: [11, 12]}),
    ("{ span.f != 2.0 }", {0xA1: [11]}),
    ("{ span.neg < 0 }", {0xA1: [12]}),
    ("{ span.neg = -5 }", {0xA1: [12]}),
    ("{ span.b = true }", {0xA1: [11]}),
    ("{ span.b }", {0xA1: [11]}),
    ("{ span.b != false }", {0xA1: [11]}),
    ("{ span.b = false }", {}),
    ("{ span.mixed = 1 }", {0xA1: [14]}),
    ('{ span.mixed = "1" }', {0xA2: [21]}),
    ("{ span.mixed = 1.0 }", {0xA3: [32]}),
    ("{ span.mixed = true }", {0xA3: [33]}),
    ("{ span.mixed != 1 }", {}),
    ("{ span.mixed != nil }", {0xA1: [14], 0xA2: [21], 0xA3: [32, 33]}),
    ("{ span.code > 1s }", {}),
    ("{ span.u = error }", {}),
    ('{ span.list = "a" }', {0xA1: [13]}),
    ('{ span.list = "c" }', {}),
    ('{ span.list != "a" }', {0xA1: [13]}),
    ('{ span.list =~ "a|b" }', {0xA1: [13]}),
    ("{ span.ints > 1 }", {0xA1: [13]}),
    ('{ resource.tags = "p" }', {0xA1: [13]}),
    ("{ duration > 50ms }", {0xA1: [11], 0xA2: [21]}),
    ("{ duration >= 50ms }", {0xA1: [11, 12], 0xA2: [21]}),
    ("{ duration = 50ms }", {0xA1: [12]}),
    ("{ duration != 50ms }", {0xA1: [11, 13, 14, 15], 0xA2: [21], 0xA3: [32, 33], 0xA4: [41, 42]}),
    ("{ duration > 50000000 }", {0xA1: [11], 0xA2: [21]}),
    ("{ duration > 49999999.5 }", {0xA1: [11, 12], 0xA2: [21]}),
    ("{ duration >= 1s500ms }", {0xA2: [21]}),
    ("{ duration > .05s }", {0xA1: [11], 0xA2: [21]}),
    ("{ duration < 1d }", ALL),
    ("{ duration > -1s }", ALL),
    ('{ name = "db" }', {0xA1: [12]}),
    ("{ name = `db` }", {0xA1: [12]}),
    ('{ "db" = name }', {0xA1: [12]}),
    ('{ name != "db" }', {0xA1: [11, 13, 14, 15], 0xA2: [21], 0xA3: [32, 33], 0xA4: [41, 42]}),
    ('{ name =~ "d." }', {0xA1: [12]}),
    ('{ name =~ "d" }', {}),
    ('{ name > "n" }', {0xA1: [13, 14], 0xA4: [41, 42]}),
    ("{ name != nil }", ALL),
    ('{ span:name = "db" }', {0xA1: [12]}),
    ("{ status = error }", {0xA1: [12], 0xA3: [32]}),
    ("{ status != ok }", {0xA1: [11, 12, 14, 15], 0xA2: [21], 0xA3: [32, 33], 0xA4: [41, 42]}),
    ("{ span:status = unset }", {0xA1: [11, 14, 15], 0xA2: [21], 0xA3: [33], 0xA4: [41, 42]}),
    ("{ kind = server }", {0xA1: [11], 0xA2: [21]}),
    ("{ kind != internal }", {0xA1: [11, 12], 0xA2: [21], 0xA4: [41]}),
    ("{ span:kind = unspecified }", {0xA4: [41]}),
    ('{ rootName = "GET /" }', {0xA1: [11, 12, 13, 14, 15]}),
    ('{ rootName != "GET /" }', {0xA2: [21], 0xA3: [32, 33], 0xA4: [41, 42]}),
    ('{ rootServiceName = "two" }', {0xA4: [41, 42]}),
    ('{ rootServiceName =~ "<.*" }', {}),
    ("{ traceDuration > 100ms }", {0xA2: [21]}),
    ("{ traceDuration < 10ms }", {0xA3: [32, 33], 0xA4: [41, 42]}),
    ("{ trace:duration >= 100ms }", {0xA1: [11, 12, 13, 14, 15], 0xA2: [21]}),
    ('{ trace:rootName = "GET /" }', {0xA1: [11, 12, 13, 14, 15]}),
    ('{ trace:rootService = "front" }', {0xA1: [11, 12, 13, 14, 15]}),
    ("{ true }", ALL),
    ("{ false }", {}),
    ("{ 1 = 2 }", {}),
    ("{ span.u = span.u }", {0xA1: [11, 13], 0xA2: [21], 0xA3: [32]}),
    ("{ .both = resource.both }", {0xA1: [12]}),
    ("{ span.u = resource.both }", {}),
    ('{ span.u = "x" || span.u = "y" }', {0xA1: [11, 13]}),
    ('{ span.u = "x" && name = "GET /" }', {0xA1: [11]}),
    ('{ span.u = "x" || span.u = "y" && name = "none" }', {}),
    ('{ span.u = "y" && name = "none" || span.u = "x" }', {0xA1: [11]}),
    ('{ span.u = "x" || (span.u = "y" && name = "none") }', {0xA1: [11]}),
    ('{ .code > 100 && resource.service.name = "front" }', {0xA1: [11, 12]}),
    ('{ .both = "span" && .env = "prod" }', {0xA1: [11]}),
    ('{ .code > 100 || name = "leaf" }', {0xA1: [11, 12, 15]}),
    ("{ !true }", {}),
    ('{ span.u = "x" } && { name = "db" }', {0xA1: [11, 12]}),
    ('{ span.u = "x" } && { name = "none" }', {}),
    ('{ span.u = "x" } || { name = "none" }', {0xA1: [11]}),
    ('{ span.u = "x" } || { span.u = "xyz" } && { name = "none" }', {}),
    ('{ name = "none" } && { span.u = "x" } || { span.u = "xyz" }', {0xA2: [21]}),
    ('{ span.u = "x" } && ({ name = "db" } || { name = "leaf" })', {0xA1: [11, 12, 15]}),
    ('{ name = "GET /" } > { }', {0xA1: [12, 14]}),
    ('{ name = "GET /" } > { name = "db" }', {0xA1: [12]}),
    ('{ name = "GET /" } >> { }', {0xA1: [12, 13, 14, 15]}),
    ('{ name = "GET /" } >> { name = "leaf" }', {0xA1: [15]}),
    ('{ name = "leaf" } < { }', {0xA1: [14]}),
    ('{ name = "leaf" } << { }', {0xA1: [11, 14]}),
    ('{ name = "db" } ~ { }', {0xA1: [14]}),
    ("{ } > { }", {0xA1: [12, 13, 14, 15]}),
    ("{ } >> { }", {0xA1: [12, 13, 14, 15]}),
    ("{ } < { }", {0xA1: [11, 12, 14]}),
    ("{ } << { }", {0xA1: [11, 12, 14]}),
    ("{ } ~ { }", {0xA1: [12, 14], 0xA4: [41, 42]}),
    ('{ name = "lost" } > { name = "lost child" }', {}),
    ('{ name = "lost" } ~ { name = "lost child" }', {}),
    ('{ name = "nameless" } ~ { }', {0xA4: [42]}),
    ('{ name = "GET /" } > { name = "other" } > { name = "leaf" }', {0xA1: [15]}),
    ('{ name = "GET /" } >> { name = "other" } && { name = "db" }', {0xA1: [12, 14]}),
    ('({ name = "db" } || { name = "other" }) > { }', {0xA1: [13, 15]}),
    ('{ name = "GET /" } >> ({ name = "leaf" } || { name = "work" })', {0xA1: [13, 15]}),
    ("{ } | count() > 1", {0xA1: [11, 12, 13, 14, 15], 0xA3: [32, 33], 0xA4: [41, 42]}),
    ("{ } | count() = 2", {0xA3: [32, 33], 0xA4: [41, 42]}),
    ("{ } | count() != 2", {0xA1: [11, 12, 13, 14, 15], 0xA2: [21]}),
    ("{ } | count() < 2", {0xA2: [21]}),
    ("{ } | count() > 1.5", {0xA1: [11, 12, 13, 14, 15], 0xA3: [32, 33], 0xA4: [41, 42]}),
    ("{ } | count() > 1 | count() < 4", {0xA3: [32, 33], 0xA4: [41, 42]}),
    ("{ status = error } | count() > 0", {0xA1: [12], 0xA3: [32]}),
    ("{ } | avg(duration) > 36ms", {0xA1: [11, 12, 13, 14, 15], 0xA2: [21]}),
    ("{ } | avg(duration) > 37ms", {0xA2: [21]}),
    ("{ } | avg(duration) = 37ms", {0xA1: [11, 12, 13, 14, 15]}),
    ("{ } | max(duration) >= 100ms", {0xA1: [11, 12, 13, 14, 15], 0xA2: [21]}),
    ("{ } | min(duration) < 3ms", {0xA4: [41, 42]}),
    ("{ } | sum(duration) = 185ms", {0xA1: [11, 12, 13, 14, 15]}),
    ("{ } | avg(span.code) = 350", {0xA1: [11, 12, 13, 14, 15]}),
    ("{ } | max(span.code) = 500", {0xA1: [11, 12, 13, 14, 15]}),
    ("{ } | min(.code) < 300", {0xA1: [11, 12, 13, 14, 15]}),
    ("{ } | sum(.code) = 700", {0xA1: [11, 12, 13, 14, 15]}),
    ("{ } | sum(span.f) = 3.5", {0xA1: [11, 12, 13, 14, 15]}),
    ("{ } | sum(span.u) > 0", {}),
    ('{ } | { name = "db" }', {0xA1: [12]}),
    ('{ name = "db" || name = "leaf" } | { name = "db" } | count() = 1', {0xA1: [12]}),
    ("{ } | select(span.u)", ALL),
    ('({ } | count() > 3) || ({ name = "root 2" })', {0xA1: [11, 12, 13, 14, 15], 0xA4: [42]}),
    ('({ span.u = "x" } | count() > 0) && ({ name = "db" } | count() > 0)', {0xA1: [11, 12]}),
    ("count() > 1", {0xA1: [11, 12, 13, 14, 15], 0xA3: [32, 33], 0xA4: [41, 42]}),
]


@pytest.mark.parametrize(("query", "matches"), QUERIES, ids=[query for query, _ in QUERIES])
def test_a_query_matches(backend: Backend, query: str, matches: dict[int, list[int]]) -> None:
    assert backend.matches(query) == matches


@pytest.mark.parametrize(
    "query",
    [
        "{",
        "}",
        "{ } |",
        "{ } { }",
        "{ } | count()",
        "{ } | select()",
        "{ .a = }",
        "{ nil }",
        "{ foo = 1 }",
        "{ name = 'db' }",
        '{ name = "db }',
        '{ name = "\\d" }',
        '{ name =~ "(" }',
        '{ name =~ "(?=d)db" }',
        '{ duration > "1s" }',
        "{ status = 2 }",
        "{ status > ok }",
        '{ kind = "server" }',
        "{ kind = error }",
        "{ name = nil }",
        "{ resource.service.name = nil }",
        "{ .u =~ 1 }",
        "{ .u =~ .v }",
        "{ name }",
        "{ 1 }",
        "{ } | avg(name) > 1",
        "{ } | count() > count()",
        "{ parent.a = 1 }",
    ],
)
def test_what_is_no_query_is_a_bad_request(backend: Backend, query: str) -> None:
    answer = backend.api.get("/api/search", params={"q": query})
    assert answer.status_code == 400
    assert "invalid TraceQL query" in answer.text


def plain(value: dict[str, Any]) -> Any:
    """A JSON AnyValue as a Python value."""
    [(kind, content)] = value.items()
    if kind == "arrayValue":
        return [plain(item) for item in content["values"]]
    return int(content) if kind == "intValue" else content


def by_key(attributes: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    return sorted(((item["key"], plain(item["value"])) for item in attributes), key=str)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("{ .u = `x` }", {11: ("", [("u", "x")])}),
        ('{ name = "db" }', {12: ("db", [])}),
        ('{ name = "GET /" || span.code = 500 }', {11: ("GET /", []), 12: ("", [("code", 500)])}),
        (
            '{ .both != "neither" }',
            {11: ("", [("both", "resource"), ("both", "span")]), 12: ("", [("both", "resource")])},
        ),
        ("{ status = error && kind = client }", {12: ("", [("kind", "client"), ("status", "error")])}),
        ("{ span.f > 1.0 }", {11: ("", [("f", 1.5)]), 12: ("", [("f", 2.0)])}),
        ("{ span.b }", {11: ("", [("b", True)])}),
        ('{ span.list = "a" }', {13: ("", [("list", "a")])}),
        ('{ span.list =~ ".*" }', {13: ("", [("list", ["a", "b"])])}),
        (
            '{ name = "work" && duration > 1ms && traceDuration > 1ms && rootName = "GET /" }',
            {13: ("work", [])},
        ),
        (
            '{ name = "db" } | select(span.f, resource.service.name, status)',
            {12: ("db", [("f", 2.0), ("service.name", "front"), ("status", "error")])},
        ),
        ('{ span.u = "y" } | select(name, span.absent)', {13: ("work", [("u", "y")])}),
    ],
)
def test_a_match_shows_what_the_query_mentions(
    backend: Backend, query: str, shown: dict[int, tuple[str, list[tuple[str, Any]]]]
) -> None:
    [trace] = [trace for trace in backend.search(query) if trace["traceID"] == "a1"]
    assert {
        int(span["spanID"], 16): (span.get("name", ""), by_key(span.get("attributes", [])))
        for span in trace["spanSets"][0]["spans"]
    } == shown


@pytest.mark.parametrize(
    ("query", "aggregates"),
    [
        ("{ } | count() > 4", [("count()", 5)]),
        ("{ } | avg(duration) = 37ms", [("avg(duration)", "37ms")]),
        ("{ } | max(duration) = 1.5s", [("max(duration)", "1.5s")]),
        ("{ } | avg(span.code) = 350", [("avg(span.code)", 350)]),
        ("{ } | sum(.code) = 700", [("sum(.code)", 700)]),
        ("{ } | count() = 5 | min(duration) = 5ms", [("count()", 5), ("min(duration)", "5ms")]),
    ],
)
def test_a_match_shows_its_aggregates(
    backend: Backend, query: str, aggregates: list[tuple[str, Any]]
) -> None:
    [trace] = backend.search(query)
    assert by_key(trace["spanSets"][0]["attributes"]) == aggregates


def test_a_match_describes_its_trace(backend: Backend) -> None:
    traces = {trace["traceID"]: trace for trace in backend.search("{ }", spss=2)}
    whole = traces["a1"]
    start = BEGIN + 0xA1 * SECOND // 10
    assert (whole["rootServiceName"], whole["rootTraceName"]) == ("front", "GET /")
    assert (whole["startTimeUnixNano"], whole["durationMs"]) == (str(start), 100)
    assert whole["serviceStats"] == {"front": {"spanCount": 2, "errorCount": 1}, "back": {"spanCount": 3}}
    assert whole["spanSet"] == whole["spanSets"][0]
    assert (whole["spanSet"]["matched"], len(whole["spanSet"]["spans"])) == (5, 2)
    first = min(whole["spanSet"]["spans"], key=lambda span: span["spanID"])
    assert (first["spanID"], first["durationNanos"]) == ("000000000000000b", "100000000")
    assert traces["a3"]["rootServiceName"] == "<root span not yet received>"
    assert "rootTraceName" not in traces["a3"]
    assert traces["a4"]["serviceStats"] == {"": {"spanCount": 1}, "two": {"spanCount": 1}}


def test_spans_per_spanset_is_three_by_default(backend: Backend) -> None:
    answer = backend.api.get("/api/search", params={"q": "{ }"}).json()
    [trace] = [trace for trace in answer["traces"] if trace["traceID"] == "a1"]
    assert (len(trace["spanSets"][0]["spans"]), trace["spanSets"][0]["matched"]) == (3, 5)


def test_no_more_traces_than_asked_for(backend: Backend) -> None:
    assert len(backend.search("{ }", limit=2)) == 2


def test_a_search_looks_where_it_is_told(backend: Backend) -> None:
    begin = BEGIN // SECOND
    assert backend.matches("{ }", start=begin - 600, end=begin + 600) == ALL
    assert backend.matches("{ }", start=begin - 600, end=begin - 300) == {}


def test_a_search_without_a_query_gives_traces_without_spans(backend: Backend) -> None:
    traces = backend.api.get("/api/search").json()["traces"]
    assert {trace["traceID"] for trace in traces} == {"a1", "a2", "a3", "a4"}
    assert not any("spanSets" in trace for trace in traces)


@pytest.mark.parametrize(
    ("parameters", "traces"),
    [
        ({"tags": "service.name=front"}, {"a1"}),
        ({"tags": "service.name=front name=db"}, {"a1"}),
        ({"tags": 'u="xyz"'}, {"a2"}),
        ({"tags": "u=absent"}, set()),
        ({"minDuration": "90ms"}, {"a1", "a2"}),
        ({"maxDuration": "50ms"}, {"a3", "a4"}),
    ],
)
def test_the_older_search_by_tags(backend: Backend, parameters: dict[str, str], traces: set[str]) -> None:
    answer = backend.api.get("/api/search", params=parameters)
    assert {trace["traceID"] for trace in answer.json()["traces"]} == traces


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/ready", 200),
        ("/api/echo", 200),
        ("/api/status/buildinfo", 200),
        ("/metrics", 200),
        ("/nowhere", 404),
        ("/api/traces/abc", 404),
        ("/api/v2/traces/abc", 200),
        ("/api/traces/xyz", 400),
        ("/api/v2/traces/xyz", 400),
        (f"/api/v2/traces/{'1' * 33}", 400),
        ("/api/v2/traces/a1?start=x", 400),
        ("/api/v2/traces/a1?start=10&end=5", 400),
        ("/api/search?q={}&limit=0", 400),
        ("/api/search?q={}&limit=x", 400),
        ("/api/search?q={}&limit=1000000", 400),
        ("/api/search?q={}&spss=x", 400),
        ("/api/search?q={}&start=5&end=3", 400),
        ("/api/search?q={}&start=5", 400),
        ("/api/search?q={}&tags=a=b", 400),
        ("/api/search?minDuration=x", 400),
        ("/api/v2/search/tags?scope=nope", 400),
        ("/api/v2/search/tags?start=x&end=1", 400),
        ("/api/v2/search/tag/nope/values", 400),
        ("/api/v2/search/tag/service.name/values", 400),
        ("/api/v2/search/tag/resource./values", 400),
    ],
)
def test_answers_have_the_same_status(backend: Backend, path: str, status: int) -> None:
    assert backend.api.get(path).status_code == status


def sent_spans(trace: int) -> dict[bytes, Span]:
    return {
        span.span_id: span
        for resource_spans in request_of(trace, TRACES[trace]).resource_spans
        for span in resource_spans.scope_spans[0].spans
    }


@pytest.mark.parametrize("trace", TRACES)
def test_a_trace_by_its_id_is_what_was_sent(backend: Backend, trace: int) -> None:
    bare = backend.api.get(f"/api/traces/{trace:x}", headers={"accept": "application/protobuf"})
    wrapped = backend.api.get(f"/api/v2/traces/{trace:032x}", headers={"accept": "application/protobuf"})
    assert wrapped.content.startswith(b"\x0a")
    assert bare.content in wrapped.content
    found = {}
    for resource_spans in TracesData.FromString(bare.content).resource_spans:
        names = {item.key: item.value.string_value for item in resource_spans.resource.attributes}
        for scope_spans in resource_spans.scope_spans:
            assert scope_spans.scope.name == "tests"
            for span in scope_spans.spans:
                [sent] = [sent for sent in TRACES[trace] if sent.id == int.from_bytes(span.span_id, "big")]
                assert names.get("service.name") == sent.service
                found[span.span_id] = span
    assert found == sent_spans(trace)


def test_a_trace_by_its_id_in_json(backend: Backend) -> None:
    bare = backend.api.get("/api/traces/a1").json()["batches"]
    wrapped = backend.api.get("/api/v2/traces/a1").json()["trace"]["resourceSpans"]
    assert sorted(bare, key=str) == sorted(wrapped, key=str)
    spans = [span for group in bare for scope in group["scopeSpans"] for span in scope["spans"]]
    [database] = [span for span in spans if span["name"] == "db"]
    assert base64.b64decode(database["traceId"]) == (0xA1).to_bytes(16, "big")
    assert base64.b64decode(database["spanId"]) == (12).to_bytes(8, "big")
    assert base64.b64decode(database["parentSpanId"]) == (11).to_bytes(8, "big")
    assert (database["kind"], database["status"]["code"]) == ("SPAN_KIND_CLIENT", "STATUS_CODE_ERROR")
    assert database["startTimeUnixNano"] == str(BEGIN + 0xA1 * SECOND // 10 + MILLISECOND)
    assert by_key(database["attributes"]) == [("code", 500), ("f", 2), ("neg", -5)]


def test_an_unknown_trace_of_the_second_version_is_empty(backend: Backend) -> None:
    assert backend.api.get("/api/v2/traces/abc").json()["trace"] == {}


def scopes(backend: Backend, **parameters: Any) -> dict[str, list[str]]:
    answer = backend.api.get("/api/v2/search/tags", params=parameters)
    return {scope["name"]: sorted(scope["tags"]) for scope in answer.json()["scopes"]}


SPAN_TAGS = sorted({key for spans in TRACES.values() for span in spans for key in span.attributes})
RESOURCE_TAGS = ["both", "env", "service.name", "tags"]


def test_tags_by_scope(backend: Backend) -> None:
    found = scopes(backend)
    assert found["span"] == SPAN_TAGS
    assert found["resource"] == RESOURCE_TAGS
    assert {"name", "duration", "status", "kind", "rootName", "span:name"} <= set(found["intrinsic"])
    assert scopes(backend, scope="span") == {"span": SPAN_TAGS}
    assert scopes(backend, scope="resource") == {"resource": RESOURCE_TAGS}
    assert list(scopes(backend, scope="intrinsic")) == ["intrinsic"]
    assert scopes(backend, scope="event") == {}


@pytest.mark.parametrize(
    ("query", "tags"),
    [
        ('{ name = "db" }', ["code", "f", "neg"]),
        ('{ resource.service.name = "back" }', ["bytes", "ints", "list", "map", "mixed", "u"]),
        ("{ status = error }", ["code", "f", "mixed", "neg", "u"]),
        ("{ name = ", SPAN_TAGS),
    ],
)
def test_tags_of_a_filter(backend: Backend, query: str, tags: list[str]) -> None:
    assert scopes(backend, scope="span", q=query) == {"span": tags}


def test_tags_of_the_first_version(backend: Backend) -> None:
    names = backend.api.get("/api/search/tags").json()["tagNames"]
    assert sorted(names) == sorted({*SPAN_TAGS, *RESOURCE_TAGS})


def values(backend: Backend, tag: str, **parameters: Any) -> list[tuple[str, str]]:
    answer = backend.api.get(f"/api/v2/search/tag/{tag}/values", params=parameters)
    assert answer.status_code == 200, answer.text
    return sorted((value["type"], value.get("value", "")) for value in answer.json()["tagValues"])


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        (
            "resource.service.name",
            [("string", name) for name in ("", "back", "front", "orphan", "solo", "two")],
        ),
        (".service.name", [("string", name) for name in ("", "back", "front", "orphan", "solo", "two")]),
        ("span.code", [("int", "200"), ("int", "500")]),
        ("span.f", [("float", "1.5"), ("float", "2.0")]),
        ("span.b", [("bool", "true")]),
        (".both", [("string", "resource"), ("string", "span")]),
        ("span.mixed", [("bool", "true"), ("float", "1.0"), ("int", "1"), ("string", "1")]),
        ("span.list", [("string", "a"), ("string", "b")]),
        ("span.map", []),
        ("span.absent", []),
        ('span."a b"', [("string", "q")]),
        ("rootName", [("string", name) for name in ("", "GET /", "GET /solo", "root 2")]),
        ("rootServiceName", [("string", name) for name in ("", "front", "solo", "two")]),
        ("status", [("keyword", name) for name in ("error", "ok", "unset")]),
        ("duration", []),
    ],
)
def test_values_of_a_tag(backend: Backend, tag: str, found: list[tuple[str, str]]) -> None:
    assert values(backend, tag) == found


def test_names_and_kinds_are_values_too(backend: Backend) -> None:
    names = sorted(span.name for spans in TRACES.values() for span in spans)
    assert values(backend, "name") == [("string", name) for name in names]
    assert ("keyword", "server") in values(backend, "span:kind")


@pytest.mark.parametrize(
    ("tag", "query", "found"),
    [
        ("span.u", '{ resource.service.name = "back" }', ["y"]),
        ("span.u", '{ name = "db" }', []),
        ("name", '{ resource.service.name = "back" }', ["leaf", "other", "work"]),
        ("resource.service.name", '{ span.u = "x" }', ["front"]),
        ("resource.service.name", "{ status = error }", ["front", "orphan"]),
        ("name", "{ duration > 60ms }", ["GET /", "GET /solo"]),
        ("span.u", '{ name = "work" || name = "lost" }', ["y", "z"]),
        ("span.u", '{ name = "db" } && { name = "leaf" }', ["x", "xyz", "y", "z"]),
        ("span.u", "{ name = ", ["x", "xyz", "y", "z"]),
    ],
)
def test_values_of_a_filter(backend: Backend, tag: str, query: str, found: list[str]) -> None:
    assert [value for _, value in values(backend, tag, q=query)] == found


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("service.name", ["", "back", "front", "orphan", "solo", "two"]),
        ("u", ["x", "xyz", "y", "z"]),
        ("code", ["200", "500"]),
        ("mixed", ["1", "1.0", "true"]),
        ("absent", []),
    ],
)
def test_values_of_the_first_version(backend: Backend, tag: str, found: list[str]) -> None:
    assert sorted(backend.api.get(f"/api/search/tag/{tag}/values").json()["tagValues"]) == found


# The tests below add traces, so they come last.


def wait_for(backend: Backend, trace: int) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = backend.api.get(f"/api/v2/traces/{trace:x}").json()["trace"]
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"trace {trace:x} did not arrive")


def test_gzip_comes_in(backend: Backend) -> None:
    body = request_of(0xB1, [a_span(91, 0, "zipped", "zip", 1)]).SerializeToString()
    answer = backend.otlp.post(
        "/v1/traces", content=gzip.compress(body), headers=PROTOBUF | {"content-encoding": "gzip"}
    )
    assert answer.status_code == 200
    assert ExportTraceServiceResponse.FromString(answer.content).partial_success.rejected_spans == 0
    assert wait_for(backend, 0xB1)


def test_json_comes_in(backend: Backend) -> None:
    span = {
        "traceId": f"{0xB2:032x}",
        "spanId": f"{92:016x}",
        "name": "json",
        "kind": 2,
        "startTimeUnixNano": str(BEGIN),
        "endTimeUnixNano": str(BEGIN + 1),
        "attributes": [{"key": "n", "value": {"intValue": "7"}}],
    }
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    answer = backend.otlp.post("/v1/traces", json=document)
    assert answer.status_code == 200
    [found] = wait_for(backend, 0xB2)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert (found["name"], found["kind"], by_key(found["attributes"])) == (
        "json",
        "SPAN_KIND_SERVER",
        [("n", 7)],
    )


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"garbage", PROTOBUF, 400),
        (b"{", {"content-type": "application/json"}, 400),
        (b"", {"content-type": "text/plain"}, 415),
        (b"no gzip", PROTOBUF | {"content-encoding": "gzip"}, 400),
    ],
)
def test_what_cannot_be_taken_in_is_refused(
    backend: Backend, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert backend.otlp.post("/v1/traces", content=body, headers=headers).status_code == status
