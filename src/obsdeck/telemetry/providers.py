"""The three OpenTelemetry providers, and the parts of ours that export from them.

Where the application (or another tool) has set a provider already, ours are added to it and nothing of
it is replaced. The parts are kept, so that the end of the process can flush exactly what is ours.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from opentelemetry import _logs, metrics, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LogRecordLimits
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.resources import Resource

    from obsdeck.telemetry.settings import Settings


class Part(Protocol):
    """What exports one signal: a processor or a reader of the SDK."""

    def force_flush(self, timeout_millis: int = ...) -> object:
        """Export what is waiting."""

    def shutdown(self) -> object:
        """Export what is waiting and take nothing more."""


@dataclass(frozen=True)
class Pipelines:
    """What `connect` made.

    Attributes:
        parts: What exports each signal (`traces`, `metrics`, `logs`), as far as it is switched on.
        refused: Signals whose provider, set by somebody else, takes no parts.
    """

    parts: dict[str, Part]
    refused: tuple[str, ...]


def connect(settings: Settings, resource: Resource, page: MetricReader) -> Pipelines:
    """Connect the global providers to the receiver, making those that nobody has set.

    Args:
        settings: Where to send, how often, how much.
        resource: Who is speaking; a provider set by somebody else keeps its own.
        page: The reader behind `/metrics`.
    """
    # The SDK reads this one only from the environment, when a provider is made. Its own numbers
    # (queue full, export failed) are what tells a quiet service from a broken pipeline.
    os.environ.setdefault("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "true")
    # Metrics first: the other two count themselves with the meter provider they find.
    readers = [page]
    parts: dict[str, Part] = {}
    refused = []
    if settings.metrics_exporter == "otlp":
        parts["metrics"] = reader = _metric_reader(settings)
        readers.append(reader)
    if not _add_readers(resource, readers):
        refused.append("metrics")
    if settings.traces_exporter == "otlp":
        parts["traces"] = spans = _span_processor(settings)
        if not _add_spans(settings, resource, spans):
            refused.append("traces")
    if settings.logs_exporter == "otlp":
        parts["logs"] = records = _log_processor(settings)
        if not _add_logs(settings, resource, records):
            refused.append("logs")
    return Pipelines(parts, tuple(refused))


def _endpoint(settings: Settings, signal: str) -> str | None:
    """None lets the exporter read its signal's own variable, which is a full URL and wins."""
    if os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"):
        return None
    return f"{settings.endpoint}/v1/{signal}"


def _timeout(settings: Settings, signal: str) -> float | None:
    return None if os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_TIMEOUT") else settings.export_timeout


def _metric_reader(settings: Settings) -> PeriodicExportingMetricReader:
    exporter = OTLPMetricExporter(
        endpoint=_endpoint(settings, "metrics"), timeout=_timeout(settings, "metrics")
    )
    return PeriodicExportingMetricReader(exporter, export_interval_millis=settings.metric_interval)


def _span_processor(settings: Settings) -> BatchSpanProcessor:
    exporter = OTLPSpanExporter(endpoint=_endpoint(settings, "traces"), timeout=_timeout(settings, "traces"))
    return BatchSpanProcessor(
        exporter,
        max_queue_size=settings.span_queue,
        schedule_delay_millis=settings.span_delay,
        max_export_batch_size=min(512, settings.span_queue),
    )


def _log_processor(settings: Settings) -> BatchLogRecordProcessor:
    exporter = OTLPLogExporter(endpoint=_endpoint(settings, "logs"), timeout=_timeout(settings, "logs"))
    return BatchLogRecordProcessor(
        exporter,
        max_queue_size=settings.log_queue,
        schedule_delay_millis=settings.log_delay,
        max_export_batch_size=min(512, settings.log_queue),
    )


# `shutdown_on_exit=False`: the SDK's own exit hooks wait 30 s for a receiver that is gone.

# Counting each span and record as it is made (three measurements for each reader) costs more than making
# it. What the processors and exporters count, once per batch, tells all that is lost.
_UNCOUNTED = metrics.NoOpMeterProvider()


def _add_readers(resource: Resource, readers: Sequence[MetricReader]) -> bool:
    provider = metrics.get_meter_provider()
    if _is_unset(provider):
        metrics.set_meter_provider(MeterProvider(readers, resource, shutdown_on_exit=False))
        return True
    add = getattr(provider, "add_metric_reader", None)
    if add is None:
        return False
    for reader in readers:
        add(reader)
    return True


def _add_spans(settings: Settings, resource: Resource, processor: BatchSpanProcessor) -> bool:
    provider = trace.get_tracer_provider()
    if _is_unset(provider):
        limits = SpanLimits(
            max_attributes=settings.attribute_count, max_attribute_length=settings.attribute_length
        )
        provider = TracerProvider(
            resource=resource,
            shutdown_on_exit=False,
            span_limits=limits,
            meter_provider=_UNCOUNTED,
        )
        trace.set_tracer_provider(provider)
    add = getattr(provider, "add_span_processor", None)
    if add:
        add(processor)
    return add is not None


def _add_logs(settings: Settings, resource: Resource, processor: BatchLogRecordProcessor) -> bool:
    provider = _logs.get_logger_provider()
    if _is_unset(provider):
        limits = LogRecordLimits(
            max_attributes=settings.attribute_count, max_attribute_length=settings.attribute_length
        )
        provider = LoggerProvider(
            resource, shutdown_on_exit=False, log_record_limits=limits, meter_provider=_UNCOUNTED
        )
        _logs.set_logger_provider(provider)
    add = getattr(provider, "add_log_record_processor", None)
    if add:
        add(processor)
    return add is not None


def _is_unset(provider: object) -> bool:
    """Whether this is the API's stand-in for a provider that is still to come."""
    return type(provider).__module__.startswith("opentelemetry.") and "Proxy" in type(provider).__name__
