from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Metric, MetricsData
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from obsdeck.telemetry.durations import BUCKETS, NAME, SERIES, Durations, InstrumentDurations, are_ours

if TYPE_CHECKING:
    from collections.abc import Iterator

LABELS = {"http.request.method": "GET", "http.route": "/x"}


def traced(number: int, *, sampled: bool = True) -> Context:
    span = SpanContext(number, number, is_remote=False, trace_flags=TraceFlags(int(sampled)))
    return set_span_in_context(NonRecordingSpan(span), Context())


class Collected:
    """A meter provider with one instrument, and durations that join what its reader collects."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider([self.reader], shutdown_on_exit=False)
        self.provider.get_meter("app").create_counter("other").add(1)
        self.durations = Durations()

    def points(self, durations: Durations | None = None, *, exemplars: bool = True) -> list[Any]:
        data = self.reader.get_metrics_data()
        assert isinstance(data, MetricsData)
        if durations:
            data = durations.join(data, exemplars=exemplars)
        return [
            point
            for metric in self._metrics(data)
            if metric.name == NAME
            for point in metric.data.data_points
        ]

    def _metrics(self, data: MetricsData) -> Iterator[Metric]:
        for resource in data.resource_metrics:
            for scope in resource.scope_metrics:
                yield from scope.metrics


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 20) | st.sampled_from(BUCKETS), st.booleans()), min_size=1, max_size=20)
)
def test_both_ways_to_count_give_the_same_points(requests: list[tuple[float, bool]]) -> None:
    collected = Collected()
    instrument = InstrumentDurations(collected.provider.get_meter("obsdeck"))
    ways = [collected.durations.series(LABELS), instrument.series(LABELS)]
    for number, (seconds, sampled) in enumerate(requests, 1):
        for record in ways:
            record(seconds, traced(number, sampled=sampled))
    ((by_instrument,), (_, here)) = collected.points(), collected.points(collected.durations)
    exemplars = [
        {(one.trace_id, one.span_id, one.value) for one in point.exemplars} for point in (by_instrument, here)
    ]
    assert exemplars[0] == exemplars[1]
    apart = {"exemplars": [], "start_time_unix_nano": 0, "time_unix_nano": 0}
    assert replace(here, **apart, sum=pytest.approx(here.sum)) == replace(by_instrument, **apart)


def test_an_exemplar_goes_out_once_and_not_to_the_page() -> None:
    collected = Collected()
    collected.durations.series(LABELS)(0.3, traced(7))
    assert collected.points(collected.durations, exemplars=False)[0].exemplars == []
    ((exemplar,), rest) = (
        collected.points(collected.durations)[0].exemplars,
        collected.points(collected.durations)[0].exemplars,
    )
    assert exemplar.trace_id == 7
    assert rest == []


def test_series_beyond_the_limit_are_counted_together() -> None:
    collected = Collected()
    for number in range(SERIES + 10):
        collected.durations.series({"http.route": f"/{number}"})(0.1, Context())
    points = collected.points(collected.durations)
    assert len(points) == SERIES + 1
    (overflow,) = [point for point in points if point.attributes == {"otel.metric.overflow": True}]
    assert overflow.count == 10


def test_what_nobody_has_asked_yet_is_no_metric() -> None:
    collected = Collected()
    assert collected.points(collected.durations) == []


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_begins_at_zero_with_the_series_it_knows() -> None:
    collected = Collected()
    record = collected.durations.series(LABELS)
    record(0.1, traced(1))
    reading, writing = os.pipe()
    collected.durations._lock.acquire()  # as another thread may hold it at the moment of the fork
    child = os.fork()
    if child == 0:
        try:
            record(0.2, traced(2))
            (point,) = collected.points(collected.durations)
            os.write(writing, f"{point.count} {point.exemplars[0].trace_id}".encode())
        finally:
            os._exit(0)
    collected.durations._lock.release()
    os.close(writing)
    with os.fdopen(reading) as told:
        assert told.read() == "1 2"
    os.waitpid(child, 0)
    assert collected.points(collected.durations)[0].count == 1


@pytest.mark.parametrize(
    ("name", "value", "ours"),
    [
        ("OTEL_METRICS_EXEMPLAR_FILTER", "trace_based", True),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "always_off", False),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", " Cumulative ", True),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta", False),
        (
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            "base2_exponential_bucket_histogram",
            False,
        ),
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "", True),
    ],
)
def test_any_other_wish_is_the_sdks_business(name: str, value: str, *, ours: bool) -> None:
    assert are_ours({}) is True
    assert are_ours({name: value}) is ours
