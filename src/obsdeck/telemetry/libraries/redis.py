"""Calls of redis, by `opentelemetry-instrumentation-redis`: commands, with `?` for each argument."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.redis import RedisInstrumentor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.trace import Span


def instrument() -> None:
    """Instrument all clients, unless the service has done so itself."""
    instrumentor = RedisInstrumentor()
    if not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.instrument(raise_exception_on_conflict=True, request_hook=_name)


def _name(span: Span, _client: Any, command: Sequence[Any], _options: dict[str, Any]) -> None:
    """Name the span by its command, also a search, which upstream would write with its documents."""
    if command and span.is_recording():
        operation = str(command[0])
        span.update_name(operation)
        span.set_attribute("db.operation.name", operation)
