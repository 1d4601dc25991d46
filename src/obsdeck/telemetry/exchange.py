"""One request or websocket on its way through the app, and what its span and duration say in the end."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from opentelemetry.trace import StatusCode

from obsdeck.telemetry import exception, route

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.trace import Span
    from starlette.types import Message, Scope, Send

_SERVER_ERROR = 500


class Exchange:
    """One request or websocket on its way.

    Attributes:
        caller: Method and scheme, as labels write them.
        context: The context of the server span.
        started: `perf_counter` at the beginning.
        ended: `perf_counter` at the last part of the answer; 0 before.
        status: HTTP status; 0 before there is one.
    """

    __slots__ = (
        "_answered",
        "_error_type",
        "_note",
        "_on_answer",
        "_over",
        "_scope",
        "_send",
        "_span",
        "_trailers",
        "caller",
        "context",
        "ended",
        "started",
        "status",
    )

    def __init__(
        self,
        scope: Scope,
        send: Send,
        answered: Callable[[Exchange, str, str], None],
        *,
        span: Span,
        context: Context,
        caller: tuple[str, str],
    ) -> None:
        self._on_answer = answered
        self._scope = scope
        self._send = send
        self._span = span
        self._note = route.begin(scope)
        self._trailers = False
        self._answered = False
        self._error_type = ""
        self._over = False
        self.context = context
        self.caller = caller
        self.status = 0
        self.ended = 0.0
        self.started = perf_counter()

    async def send(self, message: Message) -> None:
        """Pass a message on to the client and take from it what it says about the answer."""
        kind = message["type"]
        if kind in {"http.response.start", "websocket.http.response.start"}:
            self.status = message["status"]
            self._trailers = message.get("trailers", False)
        elif kind == "websocket.accept":
            self.status = 101
        elif kind == "websocket.close" and not self.status:
            self.status = 403  # what a server answers to a handshake that the app turns down
        await self._send(message)
        if self._is_last(kind, message):
            self.ended = perf_counter()
            # With an error, the exception that explains it is still on its way out.
            if self.status < _SERVER_ERROR:
                self._answer(ends=self._scope["type"] == "http")

    def fail(self, error: BaseException, length: int) -> None:
        """The app has raised an exception."""
        self._error_type = exception.type_name(error)
        if self._span.is_recording():
            # Not `record_exception`, which asks the exception for its text and raises what that raises.
            self._span.add_event("exception", exception.attributes(error, length))

    def close(self) -> None:
        """The app is done."""
        self.ended = self.ended or perf_counter()
        if not self._error_type and self.status >= _SERVER_ERROR:
            self._error_type = str(self.status)
        elif not self._error_type and not self.status and self._scope["type"] == "http":
            self._error_type = "incomplete_response"
        if self._error_type and self._span.is_recording():
            self._span.set_attribute("error.type", self._error_type)
            self._span.set_status(StatusCode.ERROR)
        self._answer(ends=True)

    def _is_last(self, kind: str, message: Message) -> bool:
        match kind:
            case "http.response.body" | "websocket.http.response.body":
                return not (message.get("more_body", False) or self._trailers)
            case "http.response.trailers":
                return not message.get("more_trailers", False)
        return kind in {"http.response.pathsend", "websocket.accept", "websocket.close"}

    def _answer(self, *, ends: bool) -> None:
        template = route.end(self._scope, self._note)
        if not self._answered:
            self._answered = True
            self._on_answer(self, template, self._error_type)
        if ends and not self._over:
            self._over = True
            if self._span.is_recording():
                self._describe(template)
            self._span.end()

    def _describe(self, template: str) -> None:
        name = span_method(self._scope, self.caller[0])
        # A template is a good name; what no route served stays the bare method.
        self._span.update_name(name if template == route.UNKNOWN else f"{name} {template}")
        attributes: dict[str, str | int] = {"http.route": template}
        if self.status:
            attributes["http.response.status_code"] = self.status
        self._span.set_attributes(attributes)


def span_method(scope: Scope, method: str) -> str:
    """What the name of a server span begins with."""
    if scope["type"] == "websocket":
        return "WS"
    return "HTTP" if method == "_OTHER" else method
