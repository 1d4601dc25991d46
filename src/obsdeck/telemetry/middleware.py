"""One server span and one duration per HTTP request or websocket, by the stable semantic conventions.

A plain ASGI middleware around the whole of the app, its error handling included: this was measured the
cheapest way to observe FastAPI (`benchmarks/overhead`). Labels of metrics come from the service, never
from the client: known methods, route templates, statuses, exception classes.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from opentelemetry import propagate
from opentelemetry.context import Context, attach, detach
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.propagators.textmap import Getter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import set_span_in_context

from obsdeck.telemetry import route, spans
from obsdeck.telemetry.context import quiet, remember
from obsdeck.telemetry.exchange import Exchange, span_method
from obsdeck.telemetry.fork import in_child

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Tracer
    from starlette.types import ASGIApp, Receive, Scope, Send

    from obsdeck.telemetry.durations import Durations, InstrumentDurations, Record

METHODS = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "QUERY"})
"""Methods that are written as they are; others are `_OTHER`."""

# RFC 6455: closed normally, gone away (a page was left), closed without a status.
_NORMAL_CLOSES = frozenset({1000, 1001, 1005})
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}


class HttpTelemetry:
    """The middleware.

    Args:
        app: What is observed.
        tracer: Makes the server spans.
        meter: Makes `http.server.active_requests`.
        durations: Counts `http.server.request.duration`.
        excluded: Paths that are not observed, each with everything below it.
        length: Characters that an attribute may have.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        tracer: Tracer,
        meter: Meter,
        durations: Durations | InstrumentDurations,
        excluded: tuple[str, ...],
        length: int,
    ) -> None:
        self._app = app
        self._length = length
        self._start_span = spans.starter(tracer)
        self._excluded = frozenset(excluded)
        self._below = tuple(f"{path}/" for path in excluded if path != "/")
        self._durations = durations
        # Counted here and looked at when metrics are collected: two measurements less per request.
        self._active: dict[tuple[str, str], int] = {}
        self._lock = Lock()
        in_child(self._forget_active)
        meter.create_observable_up_down_counter(
            "http.server.active_requests",
            [self._observe_active],
            unit="{request}",
            description="Number of active HTTP server requests.",
        )
        ids = RandomIdGenerator()
        self._quiet = quiet(ids.generate_trace_id(), ids.generate_span_id())
        # Asked for at the first request: an application may choose its propagators after `instrument`.
        self._fields: frozenset[bytes] | None = None
        # Few and the same: looked up once per series instead of once per request.
        self._records: dict[tuple[tuple[str, str], str, int, str], Record] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Observe one request or websocket; anything else passes through."""
        if scope["type"] not in {"http", "websocket"} or route.is_observed(scope):
            await self._app(scope, receive, send)
        elif scope["path"] in self._excluded or scope["path"].startswith(self._below):
            await self._pass_quietly(scope, receive, send)
        else:
            await self._observe(scope, receive, send)

    async def _pass_quietly(self, scope: Scope, receive: Receive, send: Send) -> None:
        route.begin(scope)
        token = attach(self._quiet)
        try:
            await self._app(scope, receive, send)
        finally:
            detach(token)
            route.clear(scope)

    async def _observe(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope.get("method", "GET")  # a websocket's handshake is a GET
        method = method if method in METHODS else "_OTHER"
        scheme = _SCHEMES.get(scope.get("scheme", ""), "http")
        parent = self._parent(scope["headers"])
        span = self._start_span(span_method(scope, method), parent, _span_attributes(scope, method, scheme))
        context = set_span_in_context(span, parent)
        exchange = Exchange(scope, send, self.answered, span=span, context=context, caller=(method, scheme))
        self._count_active(exchange.caller, 1)
        token = attach(context)
        error: BaseException | None = None
        try:
            await self._app(scope, receive, exchange.send)
        except BaseException as raised:
            error = raised
            raise
        finally:
            if error is not None and not _is_normal_close(error):
                remember(error, span)
                exchange.fail(error, self._length)
            exchange.close()
            detach(token)
            route.clear(scope)

    def _parent(self, headers: list[tuple[bytes, bytes]]) -> Context:
        """The context that the client sent, empty for none."""
        if self._fields is None:
            fields = propagate.get_global_textmap().fields
            self._fields = frozenset(field.lower().encode("latin-1") for field in fields)
        for name, _ in headers:
            if name in self._fields:
                return propagate.extract(headers, _NOBODY, _HEADERS)
        return _NOBODY

    def _count_active(self, caller: tuple[str, str], change: int) -> None:
        with self._lock:
            self._active[caller] = self._active.get(caller, 0) + change

    def _forget_active(self) -> None:
        """Requests of the parent are no requests of a child that it forks."""
        self._active = {}
        self._lock = Lock()

    def _observe_active(self, _options: CallbackOptions) -> Iterable[Observation]:
        for (method, scheme), count in self._active.copy().items():
            yield Observation(count, {"http.request.method": method, "url.scheme": scheme})

    def answered(self, exchange: Exchange, template: str, error_type: str) -> None:
        """Record the duration of an exchange that has its answer, once."""
        key = (exchange.caller, template, exchange.status, error_type)
        record = self._records.get(key)
        if record is None:
            method, scheme = exchange.caller
            labels: dict[str, Any] = {
                "http.request.method": method,
                "url.scheme": scheme,
                "http.route": template,
            }
            if exchange.status:
                labels["http.response.status_code"] = exchange.status
            if error_type:
                labels["error.type"] = error_type
            self._records[key] = record = self._durations.series(labels)
        # With the server span's context: its ids become the exemplar.
        record(exchange.ended - exchange.started, exchange.context)
        self._count_active(exchange.caller, -1)


class _Headers(Getter[list[tuple[bytes, bytes]]]):
    """Headers of a scope for propagators; several of one name are one, joined as HTTP says."""

    def get(self, carrier: list[tuple[bytes, bytes]], key: str) -> list[str] | None:
        name = key.lower().encode("latin-1")
        values = [value.decode("latin-1") for header, value in carrier if header == name]
        return [",".join(values)] if values else None

    def keys(self, carrier: list[tuple[bytes, bytes]]) -> list[str]:
        return [header.decode("latin-1") for header, _ in carrier]


_HEADERS = _Headers()
_NOBODY = Context()


def _span_attributes(scope: Scope, method: str, scheme: str) -> dict[str, Any]:
    """What the conventions require of a server span, and no more.

    Each attribute more costs 3 us per request, most of it when it is encoded. The recommended ones say what
    the resource knows (the server's address) or what is nobody's business by default (the client's).
    """
    attributes = {"http.request.method": method, "url.scheme": scheme, "url.path": scope["path"]}
    if method == "_OTHER":
        attributes["http.request.method_original"] = scope["method"]
    return attributes


def _is_normal_close(error: BaseException) -> bool:
    """Starlette's WebSocketDisconnect, told by its code: the client left as clients do."""
    return type(error).__name__ == "WebSocketDisconnect" and getattr(error, "code", None) in _NORMAL_CLOSES
