"""Calls of httpx, by `opentelemetry-instrumentation-httpx`: spans, durations, and the trace passed on."""

from __future__ import annotations

from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor


def instrument() -> None:
    """Instrument the transports of all clients, unless the service has done so itself."""
    instrumentor = HTTPXClientInstrumentor()
    if not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.instrument(raise_exception_on_conflict=True)
