"""What an instrumented app sends, captured in memory: a plugin for pytest, for the tests of services.

    pytest_plugins = ["obsdeck.testing"]  # in the conftest.py beside pytest's configuration

The plugin sets the process's providers before any test module is imported, so that `obsdeck.instrument`
finds them and adds no exporter: nothing leaves the process. Ids are counted and the clock goes by steps,
so that a test can write down what it expects. Only this module needs pytest; services never import it.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk import metrics as sdk
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics.export import AggregationTemporality, Gauge, InMemoryMetricReader, Sum
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import format_span_id, format_trace_id

from obsdeck.telemetry import exchange
from obsdeck.telemetry.logs import OtlpHandler

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opentelemetry._logs import LogRecord
    from opentelemetry.sdk.metrics.export import Metric as SdkMetric
    from opentelemetry.sdk.trace import ReadableSpan

_SUMMED = (sdk.Counter, sdk.UpDownCounter, sdk.Histogram, sdk.ObservableCounter, sdk.ObservableUpDownCounter)


@dataclass(frozen=True)
class Signal:
    """What every signal has.

    Attributes:
        name: A span's or instrument's name, a log record's message.
        attributes: Its attributes.
    """

    name: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Span(Signal):
    """A finished span.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        parent_id: The parent's `span_id`; empty for none.
        start: Seconds on the stepped clock.
        seconds: How long it took, on the same clock.
        failed: Whether its status is an error.
    """

    trace_id: str
    span_id: str
    parent_id: str
    start: float
    seconds: float
    failed: bool


@dataclass(frozen=True)
class Metric(Signal):
    """One series of an instrument, with what was measured since the test began.

    Attributes:
        value: A counter's increase, a gauge's last value, the sum of a histogram's measurements.
        count: How many measurements a histogram has; 0 for the others.
    """

    value: float
    count: int


@dataclass(frozen=True)
class Log(Signal):
    """A log record; its name is its message.

    Attributes:
        severity: As OpenTelemetry names it: `INFO`, `WARN`, `ERROR`, `FATAL`.
        trace_id: 32 hexadecimal digits, zeros for none.
        span_id: 16 hexadecimal digits, zeros for none.
    """

    severity: str
    trace_id: str
    span_id: str


S = TypeVar("S", bound=Signal)


class Clock:
    """Begins at 0 with each test; every reading is a millisecond after the one before."""

    def __init__(self) -> None:
        self._now = 0
        self._lock = Lock()

    def advance(self, seconds: float = 0.001) -> int:
        """Let time pass, as in a slow call that a test stands in for; the time after it in nanoseconds."""
        with self._lock:
            self._now += round(seconds * 1e9)
            return self._now

    def read(self) -> float:
        """The time in seconds, after a step."""
        return self.advance() / 1e9


class _CountedIds(IdGenerator):
    """1, 2, 3 and so on, for traces and for spans."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self._traces, self._spans = count(1), count(1)

    def generate_trace_id(self) -> int:
        return next(self._traces)

    def generate_span_id(self) -> int:
        return next(self._spans)


class Captured:
    """What was recorded since the test began.

    Attributes:
        clock: What spans and durations of requests are timed by.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self._ids = _CountedIds()
        self._spans = InMemorySpanExporter()
        self._records = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        # Differences, because counters of a process cannot be set back between its tests.
        self._reader = InMemoryMetricReader(dict.fromkeys(_SUMMED, AggregationTemporality.DELTA))
        self._series: dict[str, Metric] = {}
        uncounted = metrics.NoOpMeterProvider()
        self._traces = TracerProvider(
            ALWAYS_ON, id_generator=self._ids, shutdown_on_exit=False, meter_provider=uncounted
        )
        self._traces.add_span_processor(SimpleSpanProcessor(self._spans))
        self._meters = sdk.MeterProvider([self._reader], shutdown_on_exit=False)
        self._logs = LoggerProvider(shutdown_on_exit=False, meter_provider=uncounted)
        self._logs.add_log_record_processor(SimpleLogRecordProcessor(self._records))
        self.handler = OtlpHandler(self._logs, length=4096)

    @property
    def spans(self) -> tuple[Span, ...]:
        """Finished spans, in the order they ended: children before their parents."""
        return tuple(_span(span) for span in self._spans.get_finished_spans())

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Every series that was measured."""
        for metric in self._collected():
            for found in _series(metric):
                key = f"{found.name} {sorted(found.attributes.items())}"
                before = None if isinstance(metric.data, Gauge) else self._series.get(key)
                self._series[key] = _sum(before, found) if before else found
        return tuple(self._series.values())

    @property
    def logs(self) -> tuple[Log, ...]:
        """Log records at INFO or above, oldest first."""
        return tuple(_log(one.log_record) for one in self._records.get_finished_logs())

    def install(self) -> bool:
        """Become the process's providers; False if somebody else's are."""
        trace.set_tracer_provider(self._traces)
        metrics.set_meter_provider(self._meters)
        _logs.set_logger_provider(self._logs)
        found = (trace.get_tracer_provider(), metrics.get_meter_provider(), _logs.get_logger_provider())
        return found == (self._traces, self._meters, self._logs)

    def forget(self) -> None:
        """Begin anew: no signals, first ids, clock at 0."""
        self._spans.clear()
        self._records.clear()
        self._collected()
        self._series.clear()
        self._ids.restart()
        self.clock = Clock()

    def _collected(self) -> list[SdkMetric]:
        data = self._reader.get_metrics_data()
        return [
            metric
            for of_resource in (data.resource_metrics if data else ())
            for scope in of_resource.scope_metrics
            for metric in scope.metrics
        ]


def _span(span: ReadableSpan) -> Span:
    start, end = span.start_time or 0, span.end_time or 0
    parent = format_span_id(span.parent.span_id) if span.parent else ""
    trace_id, span_id = format_trace_id(span.context.trace_id), format_span_id(span.context.span_id)
    failed = span.status.status_code is trace.StatusCode.ERROR
    attributes = dict(span.attributes or {})
    return Span(span.name, attributes, trace_id, span_id, parent, start / 1e9, (end - start) / 1e9, failed)


def _series(metric: SdkMetric) -> Iterator[Metric]:
    single = isinstance(metric.data, Sum | Gauge)
    for point in metric.data.data_points:
        value, measured = (point.value, 0) if single else (round(point.sum, 9), point.count)  # type: ignore[union-attr]
        yield Metric(metric.name, dict(point.attributes or {}), value, measured)


def _sum(before: Metric, after: Metric) -> Metric:
    return replace(after, value=round(before.value + after.value, 9), count=before.count + after.count)


def _log(record: LogRecord) -> Log:
    trace_id, span_id = format_trace_id(record.trace_id or 0), format_span_id(record.span_id or 0)
    attributes = dict(record.attributes or {})
    return Log(str(record.body), attributes, record.severity_text or "", trace_id, span_id)


_CAPTURED = pytest.StashKey[Captured]()


def pytest_configure(config: pytest.Config) -> None:
    """Set the providers before test modules import the app; refuse if somebody else has set them."""
    # Settings of the shell, or of a CI that switches telemetry off, are not what is tested.
    exporters = ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER")
    os.environ.update(dict.fromkeys(exporters, "none"), OTEL_SDK_DISABLED="false")
    captured = Captured()
    if not captured.install():
        raise pytest.UsageError(
            "telemetry cannot be captured: this process has OpenTelemetry providers already; "
            'name "obsdeck.testing" first in pytest_plugins of the topmost conftest.py'
        )
    config.stash[_CAPTURED] = captured


@pytest.fixture
def captured(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[Captured]:
    """The signals of this test alone."""
    found = pytestconfig.stash[_CAPTURED]
    found.forget()
    # The SDK has no clock that could be set.
    for module in ("opentelemetry.sdk.trace", "obsdeck.telemetry.spans"):
        monkeypatch.setattr(f"{module}.time_ns", found.clock.advance)
    monkeypatch.setattr(exchange, "perf_counter", found.clock.read)
    root = logging.getLogger()
    level = root.level
    root.setLevel(min(level, logging.INFO))
    root.addHandler(found.handler)
    yield found
    root.removeHandler(found.handler)
    root.setLevel(level)


def assert_signal(signals: Iterable[S], name: str, attributes: Mapping[str, Any] | None = None) -> S:
    """Exactly one of the signals has this name and these attributes, whatever others it has.

    Args:
        signals: `captured.spans`, `captured.metrics` or `captured.logs`.
        name: Its name; a log record's message.
        attributes: What it must have.

    Returns:
        The signal.

    Raises:
        AssertionError: None or several have; it lists what was captured.
    """
    __tracebackhide__ = True
    every = list(signals)
    wanted = (attributes or {}).items()
    found = [one for one in every if one.name == name and wanted <= one.attributes.items()]
    if len(found) != 1:
        listed = "".join(f"\n  {one.name!r} {dict(one.attributes)}" for one in every) or " nothing"
        raise AssertionError(
            f"{len(found)} signals are {name!r} with {dict(wanted)}, not 1; captured:{listed}"
        )
    return found[0]
