from __future__ import annotations

import gc
import re
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.semconv._incubating.metrics import cpython_metrics, process_metrics

from obsdeck.names import metric_name
from obsdeck.telemetry import runtime

from .conftest import serving, until

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Sink

APP = """
from fastapi import FastAPI
from obsdeck import instrument
app = instrument(FastAPI())
"""
NAMES = {
    "process.cpu.time": "process_cpu_time_seconds_total",
    "process.memory.usage": "process_memory_usage_bytes",
    "process.memory.virtual": "process_memory_virtual_bytes",
    "process.thread.count": "process_thread_count",
    "process.unix.file_descriptor.count": "process_unix_file_descriptor_count",
    "cpython.gc.collections": "cpython_gc_collections_total",
    "cpython.gc.collected_objects": "cpython_gc_collected_objects_total",
    "cpython.gc.uncollectable_objects": "cpython_gc_uncollectable_objects_total",
    "obsdeck.event_loop.lag": "obsdeck_event_loop_lag_seconds",
    "obsdeck.event_loop.tasks": "obsdeck_event_loop_tasks",
}


def collected() -> dict[str, Any]:
    reader = InMemoryMetricReader()
    runtime.observe(MeterProvider([reader], shutdown_on_exit=False).get_meter("test"))
    data: Any = reader.get_metrics_data()
    return {metric.name: metric for metric in data.resource_metrics[0].scope_metrics[0].metrics}


def test_names_and_units_are_those_of_the_conventions() -> None:
    told = {
        value: vars(module)[f"create_{key.lower()}"]
        for module in (process_metrics, cpython_metrics)
        for key, value in vars(module).items()
        if key.isupper() and f"create_{key.lower()}" in vars(module)
    }
    meter = MeterProvider(shutdown_on_exit=False).get_meter("conventions")
    for name, metric in collected().items():
        if not name.startswith("obsdeck."):
            arguments = ([],) if name == "process.uptime" else ()
            assert told[name](meter, *arguments).unit == metric.unit, name


def test_the_garbage_collector_is_counted_by_generation() -> None:
    gc.collect()
    before = gc.get_stats()
    points = collected()["cpython.gc.collections"].data.data_points
    after = gc.get_stats()
    found = {point.attributes["cpython.gc.generation"]: point.value for point in points}
    assert set(found) == {0, 1, 2}
    for generation, value in found.items():
        assert before[generation]["collections"] <= value <= after[generation]["collections"]


@pytest.mark.parametrize("lifespan", ["on", "off"])
def test_page_and_otlp_show_the_same(sink: Sink, tmp_path: Path, lifespan: str) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "OTEL_SERVICE_NAME": "shop"}
    with serving(
        tmp_path, APP, "--lifespan", lifespan, **variables, OTEL_METRIC_EXPORT_INTERVAL="200"
    ) as service:
        service.get("/nowhere")
        until(lambda: NAMES.keys() <= sink.metrics.keys())
        page = until(lambda: "event_loop_lag_seconds_count" in (text := service.get("/metrics")[2]) and text)
        service.stop()
    families = set(re.findall(r"^# TYPE (\S+)", page, re.MULTILINE))
    assert set(NAMES.values()) <= families
    kinds = {"sum": ("updowncounter", "counter"), "gauge": ("gauge",), "histogram": ("histogram",)}
    for name, expected in NAMES.items():
        metric = sink.metrics[name]
        kind = kinds[metric.WhichOneof("data")][metric.sum.is_monotonic]
        assert metric_name(name, metric.unit, kind) == expected  # type: ignore[arg-type]


def test_switched_off_by_its_standard_name_the_page_is_as_prometheus_client_has_it(
    sink: Sink, tmp_path: Path
) -> None:
    with serving(
        tmp_path,
        APP,
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="system_metrics",
    ) as service:
        page = service.get("/metrics")[2]
        service.stop()
    assert "python_gc_collections_total" in page
    assert "event_loop" not in page
    assert "cpython_gc" not in page
    assert NAMES.keys() & sink.metrics.keys() == set()
