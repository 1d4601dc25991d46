"""The ways to observe one small app, and the server that runs one of them.

    python benchmarks/overhead/variants.py KEY        serve it; prints "PORT SECONDS MEGABYTES"

SECONDS is what importing and setting up took, MEGABYTES what the process holds before the first request.
All peers export what they can to the same receiver and keep a page of metrics where they have one.
"""

from __future__ import annotations

import time

BEGAN = time.perf_counter()

import logging  # noqa: E402 - the clock starts before the imports
import socket  # noqa: E402
import sys  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from typing import Any  # noqa: E402

NO_LOGS = {"OTEL_LOGS_EXPORTER": "none"}
NO_TRACES = {"OTEL_TRACES_EXPORTER": "none"}
ONE_PERCENT = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}


@dataclass(frozen=True)
class Variant:
    """One way to observe the app.

    Attributes:
        name: For the table.
        setup: The function of this file that sets it up.
        environment: Variables for its process.
        logs: Whether the route logs a line per request.
    """

    name: str
    setup: str
    environment: dict[str, str] = field(default_factory=dict)
    logs: bool = False


VARIANTS = {
    "bare": Variant("bare FastAPI", "bare"),
    "metrics": Variant("**obsdeck**, metrics only", "obsdeck", NO_LOGS | NO_TRACES),
    "instrumentator": Variant("prometheus-fastapi-instrumentator, metrics only", "instrumentator"),
    "starlette": Variant("starlette_exporter, metrics only", "starlette"),
    "native-metrics": Variant("FastAPI's own, metrics only", "native_metrics"),
    "sampled": Variant("**obsdeck**, metrics, logs, 1 % of traces", "obsdeck", ONE_PERCENT),
    "native-sampled": Variant("FastAPI's own, metrics, 1 % of traces", "native", ONE_PERCENT),
    "all": Variant("**obsdeck**, metrics, logs, all traces", "obsdeck"),
    "logs": Variant("**obsdeck**, the same and a log line per request", "obsdeck", logs=True),
    "native": Variant("FastAPI's own, metrics, all traces", "native"),
    "native-default": Variant("FastAPI's own with its operation spans", "native_default"),
    "contrib": Variant("contrib without send and receive spans, metrics, all traces", "contrib"),
    "contrib-default": Variant("contrib as it comes, metrics, all traces", "contrib_default"),
    "logfire": Variant("logfire, all traces, no exporter", "logfire"),
}


def bare(_app: Any) -> None:
    """Nothing."""


def obsdeck(app: Any) -> None:
    """Ours, as the documentation says."""
    from obsdeck import instrument

    instrument(app, service_name="overhead")


def instrumentator(app: Any) -> None:
    """As its README says."""
    from prometheus_fastapi_instrumentator import Instrumentator

    Instrumentator().instrument(app).expose(app)


def starlette(app: Any) -> None:
    """As its README says."""
    from starlette_exporter import PrometheusMiddleware, handle_metrics

    app.add_middleware(PrometheusMiddleware)
    app.add_route("/metrics", handle_metrics)


def native_metrics(app: Any) -> None:
    """FastAPI's own telemetry without traces."""
    _meters()
    app._telemetry.update(tracing=False, operation_spans=False, logs=False)


def native(app: Any) -> None:
    """FastAPI's own telemetry with one span per request."""
    _meters()
    _tracers()
    app._telemetry.update(operation_spans=False, logs=False)


def native_default(app: Any) -> None:
    """FastAPI's own telemetry as it comes."""
    _meters()
    _tracers()
    app._telemetry.update(logs=False)


def contrib(app: Any) -> None:
    """The contrib instrumentor with one span per request."""
    _contrib(app, exclude_spans=["send", "receive"])


def contrib_default(app: Any) -> None:
    """The contrib instrumentor as it comes."""
    _contrib(app)


def logfire(app: Any) -> None:
    """As its documentation says, without its exporter."""
    import logfire as library

    library.configure(send_to_logfire=False, console=False)
    app._telemetry.update(tracing=False, metrics=False, logs=False)
    library.instrument_fastapi(app)


def _contrib(app: Any, **options: Any) -> None:
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

    _meters()
    _tracers()
    app._telemetry.update(tracing=False, metrics=False, logs=False)
    FastAPIInstrumentor.instrument_app(app, **options)


def _meters() -> None:
    from opentelemetry import metrics
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    readers = [PrometheusMetricReader(), PeriodicExportingMetricReader(OTLPMetricExporter())]
    metrics.set_meter_provider(MeterProvider(readers))


def _tracers() -> None:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def build(variant: Variant) -> Any:
    """The app, observed."""
    from fastapi import FastAPI

    app = FastAPI()
    log = logging.getLogger("overhead")

    @app.get("/items/{item_id}")
    async def item(item_id: int) -> dict[str, int]:
        if variant.logs:
            log.warning("item %d", item_id)
        return {"item": item_id}

    globals()[variant.setup](app)
    return app


def main() -> None:
    """Serve the variant that was asked for."""
    import uvicorn

    app = build(VARIANTS[sys.argv[1]])
    seconds = time.perf_counter() - BEGAN
    import psutil

    listening = socket.create_server(("127.0.0.1", 0))
    megabytes = psutil.Process().memory_info().rss / 1e6
    print(listening.getsockname()[1], seconds, megabytes, flush=True)
    # The console of a log line per request would be what is measured.
    logging.getLogger().addHandler(logging.NullHandler())
    config = uvicorn.Config(
        app, access_log=False, log_level="error", loop="uvloop", http="httptools", timeout_keep_alive=3600
    )
    uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    main()
