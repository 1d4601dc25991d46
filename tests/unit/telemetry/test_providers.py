from __future__ import annotations

from typing import TYPE_CHECKING

from .conftest import plain, run

if TYPE_CHECKING:
    from .conftest import Sink

FOREIGN = """
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

resource = Resource({"service.name": "theirs"})
spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
tracers, loggers = TracerProvider(resource=resource), LoggerProvider(resource)
meters = MeterProvider([reader], resource)
tracers.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(tracers)
metrics.set_meter_provider(meters)
_logs.set_logger_provider(loggers)
"""
USE = """
import logging
from fastapi import FastAPI
from obsdeck import instrument, meter, tracer
from tests.unit.telemetry.conftest import call
logging.basicConfig()
app = instrument(FastAPI(), service_name="ours")
tracer("job").start_span("work").end()
meter("job").create_counter("jobs").add(1)
logging.getLogger("job").warning("worked")
"""


def test_providers_that_are_set_already_are_added_to_and_kept(sink: Sink) -> None:
    said = run(
        FOREIGN
        + USE
        + """
assert trace.get_tracer_provider() is tracers
print([span.name for span in spans.get_finished_spans()])
print(reader.get_metrics_data() is not None)
print("jobs_total 1.0" in call(app, "/metrics").body.decode())
""",
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
    )
    assert said.splitlines() == ["WARNING:job:worked", "['work']", "True", "True"]
    assert [span.name for span in sink.spans] == ["work"]
    assert sink.metrics["jobs"].sum.data_points[0].as_int == 1
    assert sink.log("worked")
    assert {one["service.name"] for one in sink.resources} == {"theirs"}


def test_a_provider_that_takes_no_parts_is_left_alone_and_named(sink: Sink) -> None:
    code = (
        "from opentelemetry import trace\n"
        "trace.set_tracer_provider(trace.NoOpTracerProvider())\n"
        + USE
        + "print(call(app, '/metrics').status)"
    )
    said = run(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert "the provider of traces that is set takes no exporter" in said
    assert said.endswith("200\n")
    assert sink.spans == []
    assert "jobs" in sink.metrics


def test_attributes_are_limited_in_number_and_length(sink: Sink) -> None:
    code = USE + (
        "span = tracer('job').start_span('big', attributes={f'k{n:04}': 'x' * 100 for n in range(1000)})\n"
        "span.set_attribute('last', 'y' * 10_000_000)\n"
        "span.end()\n"
        "logging.getLogger('job').warning('big', extra={'body': 'z' * 10_000_000})\n"
    )
    run(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    (span,) = [span for span in sink.spans if span.name == "big"]
    assert len(span.attributes) == 128
    assert len(plain(span.attributes)["last"]) == 4096
    assert len(plain(sink.log("big").attributes)["body"]) == 4096


def test_the_sdk_counts_itself(sink: Sink) -> None:
    # The first flush is what the second one's metrics tell about.
    code = USE + "from obsdeck.telemetry import connection as module\nmodule._connection.ending.flush()\n"
    run(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert {
        "otel.sdk.processor.span.queue.size",
        "otel.sdk.processor.span.queue.capacity",
        "otel.sdk.exporter.span.exported",
        "otel.sdk.exporter.log.exported",
    } <= set(sink.metrics)


def test_numbers_that_are_none_are_no_trouble(sink: Sink) -> None:
    code = USE + (
        "histogram = meter('job').create_histogram('odd')\n"
        "for value in [float('nan'), float('inf')] * 500:\n"
        "    histogram.record(value)\n"
        "histogram.record(1)\n"
    )
    said = run(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert len(said.splitlines()) <= 3
    assert sink.metrics["odd"].histogram.data_points[0].count == 1
