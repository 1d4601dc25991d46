from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from obsdeck.telemetry import guard
from obsdeck.telemetry.middleware import METHODS

from .conftest import call, plain, run, serving

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Reply, Sink

MUTATING = sorted(guard.KNOWN)


class App:
    """An app that takes whatever reaches it, and remembers what did."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(scope)
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
        elif scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"reached"})


@pytest.fixture
def app() -> App:
    return App()


def ask(app: App, path: str, method: str, prefix: str = "/api/", **more: Any) -> Reply:
    return call(guard.ReadOnly(app, prefix), path, method=method, **more)


def under(root: str, app: Any) -> Any:
    """The app as a server or proxy with this root path calls it."""

    async def rooted(scope: Any, receive: Any, send: Any) -> None:
        await app(scope | {"root_path": root}, receive, send)

    return rooted


@pytest.mark.parametrize("method", [*MUTATING, "PURGE", "post", "get", "Get", "GET ", ""])
def test_what_is_not_reading_is_refused_before_the_app_sees_it(app: App, method: str) -> None:
    reply = ask(app, "/api/orders", method)
    assert reply.status == 405
    assert (b"allow", b"GET, HEAD, OPTIONS") in reply.messages[0]["headers"]
    assert json.loads(reply.body) == {"detail": "Method Not Allowed"}
    assert app.seen == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_passes(app: App, method: str) -> None:
    assert ask(app, "/api/orders", method).body == b"reached"


@pytest.mark.parametrize("path", ["/", "/apis", "/api2/x", "/v1/api/x", "/apix/../y", "/orders", ""])
def test_everything_passes_beside_the_prefix(app: App, path: str) -> None:
    assert ask(app, path, "POST").body == b"reached"


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/x/",
        "//api/x",
        "/api//x",
        "///api",
        "/./api/x",
        "/api/../api/x",
        "/other/../api/x",
        "/../api/x",
        "/api/../other",
        "/API/x",
        "/Api/x",
        "/%61pi/x",
        "/api%2fx",
        "/%2561pi/x",
        "/other/%2e%2e/api/x",
        "\\api\\x",
        "/other/..\\api/x",
        "api/x",
    ],
)
def test_every_way_to_write_the_prefix_is_guarded(app: App, path: str) -> None:
    assert ask(app, path, "POST").status == 405
    assert app.seen == []


@pytest.mark.parametrize("prefix", ["/api/", "/api", "//api//", "/API/"])
def test_slashes_and_case_of_the_prefix_make_no_difference(app: App, prefix: str) -> None:
    assert ask(app, "/api/x", "DELETE", prefix).status == 405
    assert ask(app, "/apix", "DELETE", prefix).status == 200


@pytest.mark.parametrize("path", ["", "/", "/anything", "*"])
def test_the_prefix_of_a_single_slash_guards_everything(app: App, path: str) -> None:
    assert ask(app, path, "POST", "/").status == 405


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ("/proxy", "/proxy/api/x"),  # the server has put its root into the path
        ("/proxy", "/api/x"),  # a proxy has taken it off
        ("/api", "/api/x"),  # what the client asked for, though routes see /x
        ("/api", "/x"),
        ("/api/", "/x"),
        ("/ap", "/api/x"),  # no root of this path
    ],
)
def test_a_root_path_opens_no_way_around(app: App, root: str, path: str) -> None:
    reply = call(under(root, guard.ReadOnly(app, "/api/")), path, method="PUT")
    assert reply.status == 405
    assert app.seen == []


def test_a_root_path_beside_the_prefix_guards_nothing_more(app: App) -> None:
    assert call(under("/proxy", guard.ReadOnly(app, "/api/")), "/proxy/x", method="PUT").status == 200


def test_a_mounted_app_is_guarded_by_its_own_paths() -> None:
    inner = FastAPI()

    @inner.post("/orders")
    @inner.post("/api/orders")
    def order() -> str:
        return "reached"

    guard.add(inner, "/api/")
    outer = Starlette(routes=[Mount("/shop", inner)])
    assert call(outer, "/shop/api/orders", method="POST").status == 405
    assert call(outer, "/shop/orders", method="POST").status == 200


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "x-http-method", "X-Method-Override"])
def test_an_override_header_changes_nothing(app: App, name: str) -> None:
    headers = [(name.encode(), b"GET"), (b"x-other", b"1")]
    assert ask(app, "/api/x", "POST", headers=headers).status == 405
    assert ask(app, "/api/x", "GET", headers=[(name.encode(), b"DELETE"), (b"x-other", b"1")]).status == 200
    [scope] = app.seen
    assert scope["headers"] == [(b"x-other", b"1")]
    ask(app, "/other", "POST", headers=headers)
    assert app.seen[1]["headers"] == headers


def test_a_websocket_passes_because_its_handshake_is_a_get(app: App) -> None:
    reply = ask(app, "/api/feed", "GET", kind="websocket", incoming=[{"type": "websocket.connect"}])
    assert reply.messages == [{"type": "websocket.accept"}]


def test_a_lifespan_passes(app: App) -> None:
    ask(app, "/api/", "POST", kind="lifespan")
    assert [scope["type"] for scope in app.seen] == ["lifespan"]


def test_the_counter_knows_every_method_that_spans_know() -> None:
    assert guard.KNOWN | set(guard.SAFE) == METHODS


SOURCE = """
from fastapi import FastAPI
from obsdeck import instrument

app = FastAPI()

@app.api_route("/{path:path}", methods=["GET", "POST", "DELETE"])
def anything(path: str):
    return "reached"

instrument(app)
"""


def raw(port: int, line: str) -> bytes:
    """The status line of the answer to a request line that clients would not send."""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(f"{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        return connection.makefile("rb").readline()


def test_a_served_app_refuses_and_counts_like_any_other_request(sink: Sink, tmp_path: Path) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "OBSDECK_READ_ONLY_PREFIX": "/api/"}
    lines = ["POST /api/x", "DELETE /%61pi/x", "POST //api/x", "post /api/x", "PURGE /api/x?_method=GET"]
    with serving(tmp_path, SOURCE, "--http", "h11", **variables) as service:
        assert [raw(service.port, line).split()[1] for line in lines] == [b"405"] * 5
        assert service.get("/api/x")[0] == 200
        assert raw(service.port, "POST /orders").split()[1] == b"200"
        page = service.get("/metrics")[2]
        service.stop()
    assert 'obsdeck_guard_refused_total{http_request_method="POST"' in page
    points = sink.metrics["obsdeck.guard.refused"].sum.data_points
    counted = {plain(point.attributes)["http.request.method"]: point.as_int for point in points}
    assert counted == {"POST": 2, "DELETE": 1, "_OTHER": 2}
    refused = [plain(one.attributes) for one in sink.spans if one.name in {"POST", "DELETE", "HTTP"}]
    assert [one["http.response.status_code"] for one in refused] == [405] * 5
    durations = sink.metrics["http.server.request.duration"].histogram.data_points
    assert sum(one.count for one in durations if plain(one.attributes)["http.route"] == "__unknown__") == 5


@pytest.mark.parametrize(
    ("variables", "path", "status"),
    [
        ({"OTEL_SDK_DISABLED": "true", "OBSDECK_READ_ONLY_PREFIX": "/api/"}, "/api/x", "405"),
        ({"OTEL_SDK_DISABLED": "true", "OBSDECK_READ_ONLY_PREFIX": ""}, "/api/x", "200"),
        ({"OTEL_SDK_DISABLED": "true", "OBSDECK_READ_ONLY_PREFIX": "api"}, "/other", "405"),
        ({"OBSDECK_EXCLUDED_PATHS": "/api", "OBSDECK_READ_ONLY_PREFIX": "/api/"}, "/api/x", "405"),
    ],
    ids=["without telemetry", "unset", "a wrong prefix guards everything", "not observed"],
)
def test_the_guard_depends_on_its_setting_alone(variables: dict[str, str], path: str, status: str) -> None:
    code = f"""
import sys
sys.path.insert(0, "tests/unit/telemetry")
{SOURCE}
from conftest import call
print(call(app, {path!r}, method="POST").status)
"""
    nothing = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"), "none")
    assert run(code, **nothing, **variables).splitlines()[-1] == status
