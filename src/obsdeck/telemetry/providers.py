"""The three OpenTelemetry providers, and the parts of ours that export from them.

Where the application (or another tool) has set a provider already, ours are added to it and nothing of
it is replaced. The parts are kept, so that the end of the process can flush exactly what is ours.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider, LogRecordLimits
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from obsdeck.telemetry import exporters, fork
from obsdeck.telemetry.encoding import SpanEncoder
from obsdeck.telemetry.redaction import batches, series
from obsdeck.telemetry.redaction.pipeline import scrubbing
from obsdeck.telemetry.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.metrics.export import MetricsData
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan

    from obsdeck.telemetry.durations import Durations
    from obsdeck.telemetry.redaction.redactor import Redactor
    from obsdeck.telemetry.settings import Settings


_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Part:
    """What exports one signal: a processor or a reader of the SDK.

    Attributes:
        flush: Exports what is waiting.
        shutdown: Exports what is waiting and takes nothing more.
        tally: What its exporter has lost, and what it is sending.
        queued: How many spans or log records are waiting; 0 for metrics.
    """

    flush: Callable[[], object]
    shutdown: Callable[[], object]
    tally: Tally
    queued: Callable[[], int]


@dataclass(frozen=True)
class Pipelines:
    """What `connect` made.

    Attributes:
        parts: What exports each signal (`traces`, `metrics`, `logs`), as far as it is switched on.
        refused: Signals whose provider, set by somebody else, takes no parts.
    """

    parts: dict[str, Part]
    refused: tuple[str, ...]


def is_unset() -> bool:
    """Whether nobody has set a provider of metrics, so that `connect` will make it."""
    return _is_unset(metrics.get_meter_provider())


def connect(
    settings: Settings,
    resource: Resource,
    page: MetricReader,
    redactor: Redactor | None,
    durations: Durations | None,
) -> Pipelines:
    """Connect the global providers to the receiver, making those that nobody has set.

    Args:
        settings: Where to send, how often, how much.
        resource: Who is speaking; a provider set by somebody else keeps its own.
        page: The reader behind `/metrics`.
        redactor: Scrubs what is exported; None for nothing.
        durations: Counted beside the SDK, and exported with its metrics.
    """
    # The SDK reads this one only from the environment, when a provider is made. Its own numbers
    # (queue full, export failed) are what tells a quiet service from a broken pipeline.
    os.environ.setdefault("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "true")
    # Metrics first: the other two count themselves with the meter provider they find.
    readers = [page]
    parts: dict[str, Part] = {}
    refused = []
    if settings.metrics_exporter == "otlp":
        reader, parts["metrics"] = _metric_reader(settings, redactor, durations)
        readers.append(reader)
    if not _add_readers(resource, readers):
        refused.append("metrics")
    fork.begin_at_zero(metrics.get_meter_provider())
    if settings.traces_exporter == "otlp":
        spans, parts["traces"] = _span_processor(settings, redactor)
        if not _add_spans(settings, resource, spans):
            refused.append("traces")
    if settings.logs_exporter == "otlp":
        records, parts["logs"] = _log_processor(settings, redactor)
        if not _add_logs(settings, resource, records):
            refused.append("logs")
    return Pipelines(parts, tuple(refused))


class _Reader(PeriodicExportingMetricReader):
    """Exports what is counted beside the SDK together with what the SDK has collected."""

    durations: Durations | None = None

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        if self.durations:
            metrics_data = self.durations.join(metrics_data, exemplars=True)
        super()._receive_metrics(metrics_data, timeout_millis, **kwargs)


def _metric_reader(
    settings: Settings, redactor: Redactor | None, durations: Durations | None
) -> tuple[MetricReader, Part]:
    tally = Tally()
    exporter = scrubbing(exporters.points(settings, tally), series.points, redactor)
    reader = _Reader(exporter, export_interval_millis=settings.metric_interval)
    reader.durations = durations
    return reader, Part(reader.force_flush, reader.shutdown, tally, lambda: 0)


class _SpanProcessor(BatchSpanProcessor):
    """Scrubs and encodes each span when it ends; see `obsdeck.telemetry.encoding` for why so early."""

    def __init__(self, settings: Settings, redactor: Redactor | None, tally: Tally) -> None:
        super().__init__(
            exporters.spans(settings, tally),
            max_queue_size=settings.span_queue,
            schedule_delay_millis=settings.span_delay,
            max_export_batch_size=min(settings.span_batch, settings.span_queue),
        )
        self._scrubbed = batches.spans(redactor) if redactor else lambda span: span
        self._encoder = SpanEncoder()

    def on_end(self, span: ReadableSpan) -> None:
        if span.context and span.context.trace_flags.sampled:
            try:
                encoded = self._encoder.encode(self._scrubbed(span))
            except Exception as error:  # noqa: BLE001 - text that is no Unicode, numbers that are too large
                _logger.warning("a span that cannot be encoded is dropped: %r", error)
            else:
                self._batch_processor.emit(encoded)  # type: ignore[arg-type]


def _span_processor(settings: Settings, redactor: Redactor | None) -> tuple[BatchSpanProcessor, Part]:
    tally = Tally()
    processor = _SpanProcessor(settings, redactor, tally)
    return processor, _part(processor, tally)


def _log_processor(settings: Settings, redactor: Redactor | None) -> tuple[BatchLogRecordProcessor, Part]:
    tally = Tally()
    processor = BatchLogRecordProcessor(
        scrubbing(exporters.records(settings, tally), batches.records, redactor),
        max_queue_size=settings.log_queue,
        schedule_delay_millis=settings.log_delay,
        max_export_batch_size=min(settings.log_batch, settings.log_queue),
    )
    return processor, _part(processor, tally)


def _part(processor: BatchSpanProcessor | BatchLogRecordProcessor, tally: Tally) -> Part:
    # The SDK tells the length of its queue only as a metric.
    queue = processor._batch_processor._queue  # noqa: SLF001
    return Part(processor.force_flush, processor.shutdown, tally, lambda: len(queue))


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
