"""`http.server.request.duration`: the histogram that every request goes through.

An instrument of the SDK costs 12 us per request where two readers listen (`benchmarks/overhead`). Here a
request is counted once, in about one, and the readers get the sum when they collect. That holds for what
nearly everybody has: our own provider, cumulative temporality, explicit buckets, exemplars from sampled
traces. For any other wish the instrument does the counting; both give the same points.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from threading import Lock
from time import time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    ScopeMetrics,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import get_current_span

from obsdeck.telemetry.fork import in_child

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter
    from opentelemetry.trace import SpanContext

    Record = Callable[[float, Context], None]
    """Counts one request: its seconds, and the context whose span may become the exemplar."""

NAME = "http.server.request.duration"
DESCRIPTION = "Duration of HTTP server requests."
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds."""

SERIES = 2000
"""The SDK's own limit for an instrument; further series are counted together."""

_OVERFLOW = {"otel.metric.overflow": True}
_SCOPE = InstrumentationScope("obsdeck")
# What is not the default is the SDK's business.
_DEFAULTS = {
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "cumulative",
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION": "explicit_bucket_histogram",
    "OTEL_METRICS_EXEMPLAR_FILTER": "trace_based",
}


def are_ours(environ: Mapping[str, str]) -> bool:
    """Whether durations are counted here; else an instrument of the provider counts them."""
    return all(environ.get(name, "").strip().lower() in {"", usual} for name, usual in _DEFAULTS.items())


class Durations:
    """Durations counted here.

    Args:
        buckets: Upper bounds in seconds, rising.
    """

    def __init__(self, buckets: tuple[float, ...] = BUCKETS) -> None:
        self._buckets = buckets
        self._series: dict[frozenset[tuple[str, Any]], _Series] = {}
        self._begin()
        in_child(self._begin)

    def _begin(self) -> None:
        self._began = time_ns()
        self._lock = Lock()
        for series in self._series.values():
            series.begin(self._lock)

    def series(self, labels: dict[str, Any]) -> Record:
        """What counts the requests with these labels."""
        with self._lock:
            full = len(self._series) >= SERIES
            key = frozenset(labels.items())
            if full and key not in self._series:
                labels, key = _OVERFLOW, frozenset(_OVERFLOW.items())
            if key not in self._series:
                self._series[key] = _Series(labels, self._buckets, self._lock)
            return self._series[key].record

    def join(self, data: MetricsData, *, exemplars: bool) -> MetricsData:
        """What a reader has collected, and the durations with it.

        Args:
            data: Collected by the SDK.
            exemplars: Whether this reader takes the exemplars; each goes out once.
        """
        points = self._points(exemplars=exemplars)
        if not points or not data.resource_metrics:
            return data
        first, *others = data.resource_metrics
        histogram = Histogram(points, AggregationTemporality.CUMULATIVE)
        ours = ScopeMetrics(_SCOPE, [Metric(NAME, DESCRIPTION, "s", histogram)], "")
        scopes = [*first.scope_metrics, ours]
        return MetricsData([replace(first, scope_metrics=scopes), *others])

    def _points(self, *, exemplars: bool) -> list[HistogramDataPoint]:
        now = time_ns()
        with self._lock:
            points = [one.point(self._began, now, exemplars=exemplars) for one in self._series.values()]
        return [point for point in points if point.count]  # in a forked child, not all have begun


class InstrumentDurations:
    """Durations counted by an instrument of the SDK.

    Args:
        meter: Makes the instrument.
        buckets: Upper bounds in seconds, rising; an advice, which views and exponential histograms override.
    """

    def __init__(self, meter: Meter, buckets: tuple[float, ...] = BUCKETS) -> None:
        self._histogram = meter.create_histogram(
            NAME, unit="s", description=DESCRIPTION, explicit_bucket_boundaries_advisory=buckets
        )

    def series(self, labels: dict[str, Any]) -> Record:
        """What counts the requests with these labels."""
        record = self._histogram.record
        return lambda seconds, context: record(seconds, labels, context)


class _Series:
    """One series: counts per bucket, and for each the last request of a sampled trace."""

    __slots__ = ("_bounds", "_buckets", "_exemplars", "_labels", "_lock", "_max", "_min", "_sum")

    def __init__(self, labels: dict[str, Any], bounds: tuple[float, ...], lock: Lock) -> None:
        self._labels = labels
        self._bounds = bounds
        self.begin(lock)

    def begin(self, lock: Lock) -> None:
        """Start from zero."""
        self._lock = lock
        self._buckets = [0] * (len(self._bounds) + 1)
        self._exemplars: dict[int, tuple[float, int, SpanContext]] = {}
        self._sum, self._min, self._max = 0.0, float("inf"), 0.0

    def record(self, seconds: float, context: Context) -> None:
        span = get_current_span(context).get_span_context()
        bucket = bisect_left(self._bounds, seconds)
        with self._lock:
            self._buckets[bucket] += 1
            self._sum += seconds
            self._min = min(self._min, seconds)
            self._max = max(self._max, seconds)
            if span.trace_flags & 1:
                self._exemplars[bucket] = (seconds, time_ns(), span)

    def point(self, began: int, now: int, *, exemplars: bool) -> HistogramDataPoint:
        taken = []
        if exemplars:
            taken = [
                Exemplar({}, seconds, moment, span.span_id, span.trace_id)
                for seconds, moment, span in self._exemplars.values()
            ]
            self._exemplars.clear()
        return HistogramDataPoint(
            attributes=self._labels,
            start_time_unix_nano=began,
            time_unix_nano=now,
            count=sum(self._buckets),
            sum=self._sum,
            bucket_counts=tuple(self._buckets),
            explicit_bounds=self._bounds,
            min=self._min,
            max=self._max,
            exemplars=taken,
        )
