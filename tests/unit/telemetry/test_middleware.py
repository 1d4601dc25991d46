from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import APIRouter, BackgroundTasks, FastAPI, HTTPException, WebSocket
from fastapi.responses import StreamingResponse
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from obsdeck.telemetry.durations import BUCKETS, Durations, InstrumentDurations
from obsdeck.telemetry.middleware import HttpTelemetry

from .conftest import call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Observed:
    """An app with the middleware around it, and what it recorded."""

    def __init__(self, app: FastAPI, *, counted_here: bool = True) -> None:
        self.app = app
        self._spans = InMemorySpanExporter()
        self._metrics = InMemoryMetricReader()
        self.traces = TracerProvider(shutdown_on_exit=False)
        self.traces.add_span_processor(SimpleSpanProcessor(self._spans))
        meters = MeterProvider([self._metrics], shutdown_on_exit=False)
        meter = meters.get_meter("test")
        self._durations = Durations() if counted_here else InstrumentDurations(meter)
        build = app.build_middleware_stack
        app.build_middleware_stack = lambda: HttpTelemetry(  # type: ignore[method-assign]
            build(),
            tracer=self.traces.get_tracer("test"),
            meter=meter,
            durations=self._durations,
            excluded=("/health", "/metrics"),
            length=2000,
        )

    @property
    def spans(self) -> list[Any]:
        return list(self._spans.get_finished_spans())

    @property
    def server(self) -> Any:
        (span,) = [span for span in self.spans if span.kind is SpanKind.SERVER]
        return span

    def points(self, name: str) -> list[Any]:
        data = self._metrics.get_metrics_data()
        if data and isinstance(self._durations, Durations):
            data = self._durations.join(data, exemplars=True)
        metrics = [
            metric
            for of_resource in (data.resource_metrics if data else ())
            for scope in of_resource.scope_metrics
            for metric in scope.metrics
        ]
        return [point for metric in metrics if metric.name == name for point in metric.data.data_points]

    @property
    def duration(self) -> Any:
        (point,) = self.points("http.server.request.duration")
        assert point.count == 1
        return point


@pytest.fixture
def app() -> FastAPI:
    return FastAPI()


@pytest.fixture(params=[True, False], ids=["counted here", "by an instrument"])
def observed(app: FastAPI, request: pytest.FixtureRequest) -> Observed:
    return Observed(app, counted_here=request.param)


def test_a_request_is_one_server_span_and_one_duration(app: FastAPI, observed: Observed) -> None:
    @app.get("/items/{item_id}")
    def item(item_id: int) -> int:
        return item_id

    assert call(app, "/items/7").body == b"7"
    assert observed.server.name == "GET /items/{item_id}"
    assert dict(observed.server.attributes) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/items/{item_id}",
        "url.scheme": "http",
        "url.path": "/items/7",
    }
    assert observed.duration.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/items/{item_id}",
        "url.scheme": "http",
    }
    assert observed.duration.explicit_bounds == BUCKETS
    assert len(observed.spans) == 1


def test_the_exemplar_of_a_duration_is_the_server_span(app: FastAPI, observed: Observed) -> None:
    class Tracing:
        """Another span is current while the answer is sent."""

        def __init__(self, inner: Any) -> None:
            self._inner = inner

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            with observed.traces.get_tracer("app").start_as_current_span("child"):
                await self._inner(scope, receive, send)

    app.add_middleware(Tracing)
    call(app, "/")
    (exemplar,) = observed.duration.exemplars
    assert exemplar.span_id == observed.server.context.span_id
    assert exemplar.trace_id == observed.server.context.trace_id


def test_active_requests_go_up_and_down(app: FastAPI, observed: Observed) -> None:
    seen = []

    @app.get("/")
    def root() -> None:
        seen.extend(observed.points("http.server.active_requests"))

    call(app, "/")
    (after,) = observed.points("http.server.active_requests")
    assert [(point.value, point.attributes) for point in (*seen, after)] == [
        (1, {"http.request.method": "GET", "url.scheme": "http"}),
        (0, {"http.request.method": "GET", "url.scheme": "http"}),
    ]


def test_a_routers_prefix_is_part_of_the_route(app: FastAPI, observed: Observed) -> None:
    inner, outer = APIRouter(prefix="/inner"), APIRouter(prefix="/outer/{tenant}")

    @inner.get("/x/{y}")
    def found(y: str) -> str:
        return y

    outer.include_router(inner)
    app.include_router(outer, prefix="/v1")
    assert call(app, "/v1/outer/a/inner/x/b").status == 200
    assert observed.duration.attributes["http.route"] == "/v1/outer/{tenant}/inner/x/{y}"


def test_a_mounted_sub_app_is_observed_once_with_the_template_of_its_mount(
    app: FastAPI, observed: Observed
) -> None:
    sub = FastAPI()

    @sub.get("/s/{z}")
    def found(z: str) -> str:
        return z

    app.mount("/t/{tenant}", sub)
    assert call(app, "/t/acme/s/1").status == 200
    assert observed.duration.attributes["http.route"] == "/t/{tenant}/s/{z}"
    assert observed.server.name == "GET /t/{tenant}/s/{z}"


def test_a_plain_starlette_route_has_its_template(app: FastAPI, observed: Observed) -> None:
    app.add_route("/plain/{x}", lambda _request: PlainTextResponse("ok"))
    call(app, "/plain/5")
    assert observed.duration.attributes["http.route"] == "/plain/{x}"


def test_an_app_inside_another_framework_takes_no_label_from_the_outer_path(
    app: FastAPI, observed: Observed
) -> None:
    @app.get("/x")
    def found() -> str:
        return "x"

    outer = Starlette(routes=[Mount("/{anything}", app)])
    assert call(outer, "/from-the-client/x").status == 200
    assert observed.duration.attributes["http.route"] == "/x"


def test_an_instrumented_sub_app_leaves_the_request_to_the_outer_one(
    app: FastAPI, observed: Observed
) -> None:
    sub = FastAPI()
    sub.add_route("/y", lambda _request: PlainTextResponse("ok"))
    inner = Observed(sub)
    app.mount("/sub", sub)
    call(app, "/sub/y")
    assert observed.duration.attributes["http.route"] == "/sub/y"
    assert inner.spans == []


def test_no_route_is_unknown_and_never_the_path(app: FastAPI, observed: Observed) -> None:
    for path in ("/wp-login.php", "/.env", "/a/b"):
        assert call(app, path).status == 404
    (point,) = observed.points("http.server.request.duration")
    assert point.count == 3
    assert point.attributes["http.route"] == "__unknown__"
    assert {span.name for span in observed.spans} == {"GET"}
    assert {span.status.status_code for span in observed.spans} == {StatusCode.UNSET}


def test_a_wrong_method_keeps_the_route(app: FastAPI, observed: Observed) -> None:
    app.add_route("/x", lambda _request: PlainTextResponse("ok"), methods=["GET"])
    assert call(app, "/x", method="POST").status == 405
    assert observed.duration.attributes["http.route"] == "/x"


def test_an_unknown_method_is_other(app: FastAPI, observed: Observed) -> None:
    @app.get("/x")
    def found() -> str:
        return "x"

    for method in ("BREW", "get", "x" * 1000):
        call(app, "/x", method=method)
    (point,) = observed.points("http.server.request.duration")
    assert point.attributes["http.request.method"] == "_OTHER"
    assert {span.name for span in observed.spans} == {"HTTP /x"}
    assert observed.spans[0].attributes["http.request.method_original"] == "BREW"


def test_an_unknown_scheme_is_no_label(app: FastAPI, observed: Observed) -> None:
    async def with_scheme(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "scheme": "gopher"}, receive, send)

    call(with_scheme, "/")
    assert observed.duration.attributes["url.scheme"] == "http"


def test_an_exception_is_on_the_span_and_its_class_in_the_metric(app: FastAPI, observed: Observed) -> None:
    @app.get("/fail")
    def fail() -> None:
        raise LookupError("nothing there")

    reply = call(app, "/fail")
    assert (reply.status, type(reply.error)) == (500, LookupError)
    assert observed.duration.attributes["error.type"] == "LookupError"
    assert observed.duration.attributes["http.response.status_code"] == 500
    assert observed.server.status.status_code is StatusCode.ERROR
    (event,) = observed.server.events
    assert event.attributes["exception.message"] == "nothing there"
    stack = event.attributes["exception.stacktrace"]
    assert len(stack) <= 2000
    assert stack.startswith("(")
    assert "in fail" in stack
    assert stack.endswith("LookupError: nothing there\n")


def test_an_exception_class_of_a_module_has_its_full_name(app: FastAPI, observed: Observed) -> None:
    @app.get("/fail")
    def fail() -> None:
        raise asyncio.QueueEmpty

    call(app, "/fail")
    assert observed.duration.attributes["error.type"] == "asyncio.queues.QueueEmpty"


class Hostile(Exception):  # noqa: N818
    """Allows nothing that is usual with an exception."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __setattr__(self, name: str, value: object) -> None:
        raise RuntimeError("no attributes")


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (Hostile(), "<Hostile whose text cannot be had>"),
        (ValueError("half \ud800"), "half \\ud800"),
        # Python itself fails to print this one.
        (SyntaxError("wrong", ("file", 1, "no number", "line")), "wrong (file, line 1)"),
    ],
    ids=["without text", "half a surrogate pair", "unprintable"],
)
def test_an_exception_that_is_hard_to_show_costs_nothing_of_its_span(
    app: FastAPI, observed: Observed, raised: Exception, message: str
) -> None:
    @app.get("/fail")
    def fail() -> None:
        raise raised

    assert call(app, "/fail").error is raised
    assert observed.server.status.status_code is StatusCode.ERROR
    (event,) = observed.server.events
    assert event.attributes["exception.message"] == message
    assert "raise raised" in event.attributes["exception.stacktrace"]
    assert "error.type" in observed.duration.attributes


def test_an_answer_of_5xx_is_an_error_by_its_number(app: FastAPI, observed: Observed) -> None:
    @app.get("/busy")
    def busy() -> None:
        raise HTTPException(503)

    call(app, "/busy")
    assert observed.duration.attributes["error.type"] == "503"
    assert observed.server.status.status_code is StatusCode.ERROR
    assert observed.server.events == ()


def test_an_answer_of_4xx_is_no_error_of_the_server(app: FastAPI, observed: Observed) -> None:
    @app.get("/gone")
    def gone() -> None:
        raise HTTPException(410)

    call(app, "/gone")
    assert "error.type" not in observed.duration.attributes
    assert observed.server.status.status_code is StatusCode.UNSET


def test_a_stream_is_measured_to_its_last_chunk(app: FastAPI, observed: Observed) -> None:
    counted = []

    @app.get("/stream")
    def stream() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            for number in range(5):
                counted.append(len(observed.points("http.server.request.duration")))
                yield b"%d" % number

        return StreamingResponse(chunks())

    assert call(app, "/stream").body == b"01234"
    assert counted == [0] * 5
    assert observed.duration.count == 1
    assert len(observed.spans) == 1


def test_a_stream_that_breaks_is_an_error(app: FastAPI, observed: Observed) -> None:
    @app.get("/stream")
    def stream() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"begin"
            raise OSError("disk gone")

        return StreamingResponse(chunks())

    call(app, "/stream")
    assert observed.duration.attributes["error.type"] in {"OSError", "ExceptionGroup"}
    assert observed.server.status.status_code is StatusCode.ERROR


def test_a_background_task_counts_to_the_trace_and_not_to_the_duration(
    app: FastAPI, observed: Observed
) -> None:
    finished = []

    def work() -> None:
        finished.extend(observed.spans)
        with observed.traces.get_tracer("app").start_as_current_span("work"):
            pass

    @app.get("/later")
    def later(tasks: BackgroundTasks) -> str:
        tasks.add_task(work)
        return "soon"

    call(app, "/later")
    assert [span.name for span in finished] == ["GET /later"]
    server, child = observed.spans
    assert child.context.trace_id == server.context.trace_id
    assert observed.duration.count == 1


def test_an_exception_in_a_background_task_does_not_touch_the_answer(
    app: FastAPI, observed: Observed
) -> None:
    def work() -> None:
        raise ValueError("too late")

    @app.get("/later")
    def later(tasks: BackgroundTasks) -> str:
        tasks.add_task(work)
        return "soon"

    assert isinstance(call(app, "/later").error, ValueError)
    assert observed.duration.attributes["http.response.status_code"] == 200
    assert "error.type" not in observed.duration.attributes


def test_an_app_that_answers_nothing_is_an_error(observed: Observed) -> None:
    async def silent(_scope: Any, _receive: Any, _send: Any) -> None:
        return None

    observed.app.router.routes.append(Route("/silent", _Asgi(silent)))
    call(observed.app, "/silent")
    assert observed.duration.attributes["error.type"] == "incomplete_response"


class _Asgi:
    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)


def test_the_route_survives_middleware_that_copies_the_scope(app: FastAPI, observed: Observed) -> None:
    class Copying:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self._inner(dict(scope), receive, send)

    app.add_middleware(Copying)

    @app.middleware("http")
    async def passes(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    @app.get("/x/{y}")
    def found(y: str) -> str:
        return y

    call(app, "/x/1")
    assert BaseHTTPMiddleware in {middleware.cls for middleware in app.user_middleware}
    assert observed.duration.attributes["http.route"] == "/x/{y}"


def _socket(app: FastAPI, *texts: str, code: int = 1000) -> Any:
    says = [{"type": "websocket.connect"}]
    says += [{"type": "websocket.receive", "text": text} for text in texts]
    says += [{"type": "websocket.disconnect", "code": code}]
    return call(app, "/ws/5", kind="websocket", incoming=says)


def _echo(app: FastAPI) -> None:
    @app.websocket("/ws/{n}")
    async def echo(socket: WebSocket, n: int) -> None:
        await socket.accept()
        while True:
            text = await socket.receive_text()
            if text == "fail":
                raise ValueError(n)
            await socket.send_text(text)


def test_a_websocket_is_one_span_and_the_duration_of_its_handshake(app: FastAPI, observed: Observed) -> None:
    _echo(app)
    _socket(app, "a", "b", "c")
    assert observed.server.name == "WS /ws/{n}"
    assert observed.server.status.status_code is StatusCode.UNSET
    assert observed.duration.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 101,
        "http.route": "/ws/{n}",
        "url.scheme": "http",
    }
    (active,) = observed.points("http.server.active_requests")
    assert active.value == 0


def test_an_exception_on_a_websocket_is_on_its_span(app: FastAPI, observed: Observed) -> None:
    _echo(app)
    _socket(app, "fail")
    assert observed.server.status.status_code is StatusCode.ERROR
    assert observed.server.attributes["error.type"] == "ValueError"
    assert len(observed.spans) == 1


def test_a_websocket_that_breaks_off_is_an_error_and_a_tab_that_is_closed_is_none(
    app: FastAPI, observed: Observed
) -> None:
    _echo(app)
    for code in (1001, 1005, 1006):
        _socket(app, code=code)
    assert [span.status.status_code.name for span in observed.spans] == ["UNSET", "UNSET", "ERROR"]


def test_a_websocket_turned_down_is_a_403(app: FastAPI, observed: Observed) -> None:
    @app.websocket("/ws/{n}")
    async def refuse(socket: WebSocket) -> None:
        await socket.close()

    _socket(app)
    assert observed.duration.attributes["http.response.status_code"] == 403


def test_the_trace_of_the_client_goes_on(app: FastAPI, observed: Observed) -> None:
    call(app, "/", headers=[(b"traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode())])
    assert f"{observed.server.context.trace_id:032x}" == TRACE
    assert f"{observed.server.parent.span_id:016x}" == "b7ad6b7169203331"


@pytest.mark.parametrize(
    "headers",
    [
        [(b"traceparent", b"\xff\x00garbage")],
        [(b"traceparent", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01")],
        [(b"traceparent", b"00-" + b"a" * 100_000)],
        [(b"tracestate", b"=" * 10_000), (b"traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode())],
        [(b"baggage", b"k=v," * 50_000)],
        [(b"baggage", b"%ff%00=;;;=,"), (b"baggage", b"\xff")],
        [(b"traceparent", f"00-{TRACE}-b7ad6b7169203331-01".encode())] * 2,
    ],
)
def test_hostile_context_is_no_error(
    app: FastAPI, observed: Observed, headers: list[tuple[bytes, bytes]]
) -> None:
    @app.get("/")
    def root() -> str:
        return "ok"

    assert call(app, "/", headers=headers).status == 200
    assert observed.duration.count == 1


def test_a_request_without_context_does_not_join_a_span_that_happens_to_be_current(
    app: FastAPI, observed: Observed
) -> None:
    with observed.traces.get_tracer("client").start_as_current_span("client"):
        call(app, "/")
    assert observed.server.parent is None


def test_an_excluded_path_is_silent_with_its_children_and_below(app: FastAPI, observed: Observed) -> None:
    @app.get("/health")
    @app.get("/health/live")
    def healthy() -> str:
        with observed.traces.get_tracer("app").start_as_current_span("database"):
            assert not trace.get_current_span().is_recording()
            return "ok"

    assert call(app, "/health").body == b'"ok"'
    assert call(app, "/health/live").body == b'"ok"'
    assert observed.spans == []
    assert observed.points("http.server.request.duration") == []
    assert not trace.get_current_span().get_span_context().is_valid


def test_a_path_that_only_begins_like_an_excluded_one_is_observed(app: FastAPI, observed: Observed) -> None:
    call(app, "/healthy-users")
    assert observed.duration.count == 1


def test_the_context_of_a_request_ends_with_it(app: FastAPI, observed: Observed) -> None:
    @app.get("/")
    def root() -> str:
        assert trace.get_current_span() is not trace.INVALID_SPAN
        return "ok"

    assert call(app, "/").error is None
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert len(observed.spans) == 1
