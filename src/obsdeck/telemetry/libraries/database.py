"""One call of a database: a client span and a duration, by the stable semantic conventions.

Values are kept out: of statements, and of error messages, which databases like to quote them in. An error is
told by its code (SQLSTATE) or its class.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING
from weakref import WeakSet

from opentelemetry.context import get_current
from opentelemetry.metrics import get_meter
from opentelemetry.trace import SpanKind, StatusCode, get_tracer, set_span_in_context

from obsdeck.telemetry import exception, plain
from obsdeck.telemetry.context import is_suppressed
from obsdeck.telemetry.libraries import sql

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import Histogram
    from opentelemetry.trace import Span

BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
"""Upper bounds of `db.client.operation.duration` in seconds, as the conventions recommend."""


@dataclass(frozen=True, slots=True)
class Server:
    """Which database is asked.

    Attributes:
        system: `db.system.name`.
        namespace: The database's name; empty for none.
        address: Host or socket; empty for none.
        port: 0 for none.
    """

    system: str
    namespace: str = ""
    address: str = ""
    port: int = 0

    def attributes(self) -> dict[str, str | int]:
        """Its attributes, for spans and durations alike."""
        named: dict[str, str | int] = {
            "db.system.name": self.system,
            "db.namespace": self.namespace,
            "server.address": self.address,
            "server.port": self.port,
        }
        return {key: value for key, value in named.items() if value}


class Call:
    """A call on its way; `end` must be called."""

    __slots__ = ("_attributes", "_context", "_duration", "_span", "_started")

    def __init__(self, span: Span, duration: Histogram, attributes: dict[str, str | int]) -> None:
        self._span = span
        self._duration = duration
        self._attributes = attributes
        # Its ids become the duration's exemplar.
        self._context: Context = set_span_in_context(span)
        self._started = perf_counter()

    def end(self, error: BaseException | None = None) -> None:
        """The database has answered, or the call has failed."""
        seconds = perf_counter() - self._started
        if error is not None:
            said = _of_error(error)
            self._attributes |= said
            self._span.set_attributes(said)
            self._span.set_status(StatusCode.ERROR)
        self._span.end()
        self._duration.record(seconds, self._attributes, self._context)


class Client:
    """Makes the calls of one library.

    Args:
        library: Its name.
    """

    def __init__(self, library: str) -> None:
        scope = f"obsdeck.{library}"
        self._tracer = get_tracer(scope)
        self._duration = get_meter(scope).create_histogram(
            "db.client.operation.duration",
            unit="s",
            description="Duration of database client operations.",
            explicit_bucket_boundaries_advisory=BUCKETS,
        )

    def begin(self, server: Server, statement: str) -> Call | None:
        """Begin a call; None where the request is not observed.

        Args:
            server: Who is asked.
            statement: What is asked, in SQL.
        """
        context = get_current()
        if is_suppressed(context):
            return None
        # What is no text is for the library to refuse.
        described = sql.describe(plain.text(statement), server.system)
        attributes = server.attributes()
        if described.operation:
            attributes["db.operation.name"] = described.operation
        told: dict[str, str | int] = {"db.query.summary": described.summary, "db.query.text": described.text}
        span = self._tracer.start_span(
            described.summary or server.system, context, SpanKind.CLIENT, attributes | told
        )
        return Call(span, self._duration, attributes)


_held: WeakSet[object] = WeakSet()


def hold(connection: object) -> None:
    """Note that the calls of a driver's connection are recorded by the library above it."""
    _held.add(connection)


def is_held(connection: object) -> bool:
    """Whether the library above records this connection's calls."""
    return connection in _held


def _of_error(error: BaseException) -> dict[str, str]:
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if isinstance(state, str) and state:
        return {"error.type": state, "db.response.status_code": state}
    return {"error.type": exception.type_name(error)}
