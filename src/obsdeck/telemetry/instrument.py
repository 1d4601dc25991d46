"""`instrument(app)`: everything of a service that is observed, in one call.

Traces, metrics and logs are the process's: the first app that is instrumented connects them (`connection`).
What an app has for itself is its middleware, its page of metrics and its lifespan.
"""

from __future__ import annotations

import logging
import os
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from anyio import to_thread

from obsdeck.telemetry import connection, page
from obsdeck.telemetry.redaction import rules
from obsdeck.telemetry.settings import Reading, Settings, read

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping

    from fastapi import FastAPI
    from starlette.types import ASGIApp

    from obsdeck.telemetry.connection import Connection
    from obsdeck.telemetry.page import Answer

App = TypeVar("App", bound="FastAPI")

_logger = logging.getLogger("obsdeck")
_instrumented: WeakSet[FastAPI] = WeakSet()


def instrument(
    app: App,
    *,
    service_name: str | None = None,
    endpoint: str | None = None,
    metrics_mode: str | None = None,
    metrics_path: str | None = None,
    excluded_paths: Iterable[str] | None = None,
    read_only_prefix: str | None = None,
    log_format: str | None = None,
    latency_buckets: Iterable[float] | None = None,
    shutdown_seconds: float | None = None,
    redact: rules.Redact | None = None,
) -> App:
    """Observe a FastAPI app: traces, metrics and logs by OTLP, and a page of metrics.

    Call it once, where the app is made; before or after routes and middleware are added, and again, makes
    no difference. Every argument has a variable of the environment, which it overrides; see
    `obsdeck.telemetry.settings` for both and for the defaults.

    Args:
        app: The app.
        service_name: `service.name` of everything it sends (`OTEL_SERVICE_NAME`).
        endpoint: Base URL of the OTLP/HTTP receiver (`OTEL_EXPORTER_OTLP_ENDPOINT`).
        metrics_mode: `fail-open` or `strict` (`OBSDECK_METRICS_MODE`).
        metrics_path: Where the page of metrics is (`OBSDECK_METRICS_PATH`).
        excluded_paths: What is not observed, each with everything below it (`OBSDECK_EXCLUDED_PATHS`).
        read_only_prefix: Where only reading is allowed (`OBSDECK_READ_ONLY_PREFIX`).
        log_format: `json` or `text` console lines (`OBSDECK_LOG_FORMAT`).
        latency_buckets: Upper bounds of `http.server.request.duration` (`OBSDECK_LATENCY_BUCKETS`).
        shutdown_seconds: How long the end may wait for the receiver (`OBSDECK_SHUTDOWN_SECONDS`).
        redact: `on`, `off`, names with `-` or `+`, what gives replacements, or both (`OBSDECK_REDACT`).

    Returns:
        The same app.

    Raises:
        UsageError: In strict mode, with every setting that is wrong. In fail-open mode the service starts
            with the defaults in their place and logs them once.
    """
    if app in _instrumented:
        return app
    redacted, callback = rules.divided(redact)
    reading = read(
        os.environ,
        {
            "service_name": service_name,
            "endpoint": endpoint,
            "metrics_mode": metrics_mode,
            "metrics_path": metrics_path,
            "excluded_paths": None if excluded_paths is None else tuple(excluded_paths),
            "read_only_prefix": read_only_prefix,
            "log_format": log_format,
            "latency_buckets": None if latency_buckets is None else tuple(latency_buckets),
            "shutdown_seconds": shutdown_seconds,
            "redact": redacted,
        },
    )
    _start(app, replace(_judged(reading), redact=rules.with_callback(reading.settings.redact, callback)))
    return app


def _start(app: FastAPI, settings: Settings) -> None:
    _instrumented.add(app)
    _guard(app, settings)
    page.add(app, settings.metrics_path, _observe(app, settings))


def _judged(reading: Reading) -> Settings:
    """The settings, if the service may start with them."""
    if reading.settings.metrics_mode == "strict":
        reading.raise_faults()
    elif reading.faults:
        _logger.warning("wrong settings, defaults used instead: %s", "; ".join(reading.faults))
    return reading.settings


def _guard(app: FastAPI, settings: Settings) -> None:
    """Comes before the observer, which is then around it: what is refused has its span like the rest."""
    if settings.read_only_prefix:
        from obsdeck.telemetry import guard  # noqa: PLC0415

        guard.add(app, settings.read_only_prefix)


def _observe(app: FastAPI, settings: Settings) -> Callable[[str], Answer]:
    """Start observing; returns what answers at the page's path."""
    if settings.sdk_disabled:
        return _without_metrics(settings, "telemetry is switched off by OTEL_SDK_DISABLED")
    try:
        process = connection.connected(settings, app.title)
        _switch_off_others(app)
        _wrap(app, settings, process)
        _join_lifespan(app, process)
    except Exception as error:
        # A service without telemetry is better than none at all.
        _logger.exception("telemetry could not be set up")
        return _without_metrics(settings, f"telemetry could not be set up: {error!r}")
    return process.answer


def _without_metrics(settings: Settings, reason: str) -> Callable[[str], Answer]:
    if settings.metrics_mode == "strict":
        return lambda _accept: page.unavailable([reason])
    return lambda _accept: page.fallback()


def _switch_off_others(app: FastAPI) -> None:
    """One observer per request: FastAPI's own telemetry and the contrib instrumentor give way."""
    # FastAPI takes this only in its constructor; the dictionary is the one its telemetry reads.
    native: dict[str, object] | None = getattr(app, "_telemetry", None)
    if native is not None:
        native.update(tracing=False, metrics=False, logs=False, auto_configure=False)
    if getattr(app, "_is_instrumented_by_opentelemetry", False):
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415

        _logger.warning("obsdeck observes this app in place of opentelemetry-instrumentation-fastapi")
        FastAPIInstrumentor.uninstrument_app(app)


def _wrap(app: FastAPI, settings: Settings, process: Connection) -> None:
    """Put the middleware around the whole app; `add_middleware` would leave error handling outside it."""
    from obsdeck.telemetry.handles import meter, tracer  # noqa: PLC0415
    from obsdeck.telemetry.middleware import HttpTelemetry  # noqa: PLC0415

    def observed(inner: ASGIApp) -> ASGIApp:
        # The first that happens in the app's event loop, with a lifespan or without.
        if process.loops:
            process.loops.watch()
        excluded = (*settings.excluded_paths, settings.metrics_path)
        return HttpTelemetry(
            inner,
            tracer=tracer("obsdeck"),
            meter=meter("obsdeck"),
            durations=process.durations,
            excluded=excluded,
            length=settings.attribute_length,
        )

    build = app.build_middleware_stack
    app.build_middleware_stack = lambda: observed(build())  # type: ignore[method-assign]
    if app.middleware_stack is not None:
        app.middleware_stack = observed(app.middleware_stack)


def _join_lifespan(app: FastAPI, process: Connection) -> None:
    """Flush when the app has ended: uvicorn kills the process before exit hooks run."""
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(started: FastAPI) -> AsyncIterator[Mapping[str, Any] | None]:
        try:
            async with inner(started) as state:
                process.attach_logs(complete=True)
                yield state
        finally:
            await to_thread.run_sync(process.ending.flush)

    app.router.lifespan_context = lifespan  # type: ignore[assignment]
