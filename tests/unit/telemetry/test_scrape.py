from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import urllib.request
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from obsdeck.names import metric_name
from obsdeck.stack import install
from obsdeck.stack.environment import load_settings
from obsdeck.stack.home import find_home
from obsdeck.telemetry.scrape import Page, PageReader

from .conftest import serving, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4"


class Service:
    """A meter provider with the page on it."""

    def __init__(self, *views: View) -> None:
        self.reader = PageReader()
        self.provider = MeterProvider([self.reader], views=views, shutdown_on_exit=False)
        self.errors: Counter[str] = Counter()

    def meter(self, name: str = "app") -> Meter:
        return self.provider.get_meter(name)

    def page(self, accept: str = TEXT, *, strict: bool = False, partial: bool = False) -> Any:
        return Page(self.reader, strict=strict, partial=partial, errors=self.errors).answer(accept)

    def samples(self, name: str) -> list[tuple[dict[str, str], float]]:
        text = self.page().body.decode()
        return [
            ({key: value for key, value in sample.labels.items() if value}, sample.value)
            for family in parse_text(text)
            for sample in family.samples
            if sample.name == name
        ]


@pytest.fixture
def service() -> Service:
    return Service()


def test_every_kind_of_instrument_has_the_name_that_it_has_by_otlp(service: Service) -> None:
    def observe(value: float) -> Callable[[CallbackOptions], Iterator[Observation]]:
        return lambda _options: iter([Observation(value)])

    meter = service.meter()
    meter.create_counter("orders.placed", unit="{order}").add(1)
    meter.create_counter("bytes.sent.size", unit="By").add(2)
    meter.create_counter("requests.total.count").add(3)
    meter.create_up_down_counter("queue.length", unit="1").add(4)
    meter.create_gauge("cpu.utilization", unit="1").set(5)
    meter.create_histogram("wait", unit="s").record(6)
    meter.create_observable_counter("seen", [observe(7)], unit="s")
    meter.create_observable_gauge("ratio.of", [observe(8)], unit="1")
    meter.create_observable_up_down_counter("level..of_", [observe(9)])
    expected = {
        metric_name("orders.placed", "{order}", "counter"): 1,
        metric_name("bytes.sent.size", "By", "counter"): 2,
        metric_name("requests.total.count", "", "counter"): 3,
        metric_name("queue.length", "1", "updowncounter"): 4,
        metric_name("cpu.utilization", "1", "gauge"): 5,
        metric_name("wait", "s", "histogram") + "_sum": 6,
        metric_name("seen", "s", "counter"): 7,
        metric_name("ratio.of", "1", "gauge"): 8,
        metric_name("level..of_", "", "updowncounter"): 9,
    }
    assert {name: service.samples(name) for name in expected} == {
        name: [({}, value)] for name, value in expected.items()
    }
    assert service.errors == {}


def test_two_scopes_with_one_name_and_other_keys_keep_their_labels(service: Service) -> None:
    for name, labels in (("one", {"alpha": "1"}), ("two", {"beta": "2", "gamma": "3"})):
        service.meter(name).create_counter("shared", description=name).add(1, labels)
    assert service.samples("shared_total") == [({"alpha": "1"}, 1), ({"beta": "2", "gamma": "3"}, 1)]


def test_an_exponential_histogram_is_left_out_and_does_not_take_the_page_down() -> None:
    service = Service(View(instrument_type=Histogram, aggregation=ExponentialBucketHistogramAggregation()))
    service.meter().create_histogram("spread").record(1)
    service.meter().create_counter("fine").add(1)
    assert service.samples("fine_total") == [({}, 1)]
    assert service.samples("spread_count") == []
    assert service.errors["type"] == 2
    assert service.samples("obsdeck_scrape_errors_total") == [({"reason": "type"}, 3)]


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (lambda meter: meter("a").create_counter("x").add(1, {"...": 1}), "label"),
        (lambda meter: meter("a").create_counter("x").add(1, {"__name__": "y"}), "label"),
        (lambda meter: meter("a").create_histogram("x").record(1, {"le": "1"}), "label"),
        (lambda meter: [meter(n).create_counter("x").add(1, {"k": 1}) for n in "ab"], "duplicate"),
        (
            lambda meter: (meter("a").create_gauge("x").set(1), meter("b").create_histogram("x").record(1)),
            "conflict",
        ),
        (lambda meter: meter("a").create_gauge("process.open_fds").set(1), "conflict"),
    ],
)
def test_what_cannot_be_shown_is_counted_and_refused_in_strict_mode(
    service: Service, break_it: Callable[[Any], object], reason: str
) -> None:
    service.meter("fine").create_counter("fine").add(1)
    assert service.page(strict=True).status == 200
    break_it(service.meter)
    assert service.samples("fine_total") == [({}, 1)]
    assert set(service.errors) == {reason}
    refused = service.page(strict=True)
    assert refused.status == 503
    assert refused.content_type.startswith("text/plain")
    assert len(refused.body.splitlines()) == 2


def test_keys_that_become_one_label_are_joined_as_prometheus_does(service: Service) -> None:
    service.meter().create_counter("x").add(1, {"a.b": "dotted", "a_b": "lined"})
    assert service.samples("x_total") == [({"a_b": "dotted;lined"}, 1)]


def test_values_that_are_no_text_are_written_as_otlp_writes_them(service: Service) -> None:
    service.meter().create_counter("x").add(1, {"bool": True, "int": 1, "float": 1.5, "list": ["a", "b"]})
    ((labels, _),) = service.samples("x_total")
    assert labels["bool"] == "true"
    assert (labels["int"], labels["float"], labels["list"]) == ("1", "1.5", '["a","b"]')


@pytest.mark.parametrize(
    ("accept", "content_type", "parse"),
    [
        ("", "text/plain", parse_text),
        ("*/*", "text/plain", parse_text),
        ("text/html", "text/plain", parse_text),
        (
            f"{OPENMETRICS};q=0.5,text/plain;version=0.0.4;q=0.2",
            "application/openmetrics-text",
            parse_openmetrics,
        ),
    ],
)
def test_the_format_follows_what_is_accepted_and_parses(
    service: Service, accept: str, content_type: str, parse: Callable[[str], Iterator[Any]]
) -> None:
    service.meter().create_counter("odd", description='back\\slash "quote"\nline').add(1, {"k": 'v"\\\n'})
    page = service.page(accept)
    assert page.content_type.startswith(content_type)
    families = {family.name: family for family in parse(page.body.decode())}
    assert families["odd"].samples[0].labels == {"k": 'v"\\\n'}
    assert {"python_info", "process_resident_memory_bytes", "target"} & set(families)
    assert families["obsdeck_metrics_fallback"].samples[0].value == 0


def test_a_flood_of_label_values_ends_in_an_overflow_series(service: Service) -> None:
    counter = service.meter().create_counter("flood")
    for number in range(3000):
        counter.add(1, {"user": str(number)})
    samples = service.samples("flood_total")
    assert len(samples) == 2001
    assert [value for labels, value in samples if labels == {"otel_metric_overflow": "true"}] == [1000]


def test_a_callback_that_raises_costs_its_own_metric_only(service: Service) -> None:
    def broken(_options: CallbackOptions) -> Iterator[Observation]:
        raise ZeroDivisionError

    service.meter().create_observable_gauge("broken", [broken])
    service.meter().create_counter("fine").add(1)
    assert service.samples("fine_total") == [({}, 1)]
    assert service.samples("broken") == []


def test_a_collector_of_the_application_that_raises_costs_no_metric_of_ours(service: Service) -> None:
    class Broken:
        def collect(self) -> Iterator[Any]:
            raise ZeroDivisionError
            yield

        def describe(self) -> list[Any]:
            return []

    broken = Broken()
    REGISTRY.register(broken)
    try:
        service.meter().create_counter("fine").add(1)
        assert service.samples("fine_total") == [({}, 1)]
        assert set(service.errors) == {"collector"}
        assert service.page(strict=True).status == 503
    finally:
        REGISTRY.unregister(broken)


def test_if_nothing_can_be_read_a_gauge_says_so(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise TimeoutError("the SDK does not answer")

    monkeypatch.setattr(service.reader._collector, "_callback", broken)
    page = service.page()
    assert page.status == 200
    assert re.search("^obsdeck_metrics_fallback 1$", page.body.decode(), re.MULTILINE)
    assert "the page of metrics could not be made" in caplog.text
    assert b"does not answer" in service.page(strict=True).body


def test_what_the_application_counts_with_prometheus_client_is_shown(service: Service) -> None:
    gauge = Gauge("old_style_gauge", "Made with prometheus_client.")
    try:
        gauge.set(3)
        assert service.samples("old_style_gauge") == [({}, 3)]
    finally:
        REGISTRY.unregister(gauge)


def test_one_worker_of_several_says_so_and_is_refused_in_strict_mode(service: Service) -> None:
    assert b"obsdeck_metrics_partial 0.0" in service.page().body
    assert b"obsdeck_metrics_partial 1.0" in service.page(partial=True).body
    assert service.page(partial=True, strict=True).status == 503


def test_there_are_no_labels_of_scopes(service: Service) -> None:
    service.provider.get_meter("lib", "1.2", "https://example.org").create_counter("x").add(1)
    assert service.samples("x_total") == [({}, 1)]


LIVE = """
from fastapi import FastAPI
from obsdeck import instrument, meter
app = instrument(FastAPI(), service_name="pushed")
app.get("/x")(lambda: "ok")
live = meter("live")
live.create_gauge("cpu.utilization", unit="1").set(0.5)
live.create_counter("requests.total.count").add(1, {"a.b": "x", "1a": "y", "_p": True, "l": ["p", "q"]})
live.create_counter("bytes.sent.size", unit="By").add(5)
live.create_up_down_counter("level", unit="1").add(2)
live.create_histogram("wait", unit="s").record(0.3)
live.create_histogram("speed", unit="m/s").record(3)
"""
PROMETHEUS = """
global: {{scrape_interval: 500ms}}
scrape_configs: [{{job_name: scraped, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]
"""


@pytest.mark.stack
def test_a_live_prometheus_stores_the_same_series_from_the_page_and_by_otlp(tmp_path: Path) -> None:
    program = install.resolve("prometheus", load_settings(), find_home().cache).path
    if not program:
        pytest.skip("Prometheus is not there: obsdeck install prometheus")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    api = f"http://127.0.0.1:{port}/api/v1"
    push = {
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{api}/otlp/v1/metrics",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
    }
    quiet = {"OTEL_TRACES_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
    with serving(tmp_path, LIVE, **push, **quiet) as service:
        service.get("/x")
        (tmp_path / "prometheus.yml").write_text(PROMETHEUS.format(port=service.port))
        arguments = [
            "--web.enable-otlp-receiver",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=error",
        ]
        with subprocess.Popen([program, *arguments], cwd=tmp_path) as prometheus:
            try:
                until(lambda: _both_have_all(api), 60)
                with contextlib.suppress(pytest.fail.Exception):  # the difference says more than "in time"
                    until(lambda: _ours(api) == _series(api, "pushed"), 60)
                assert _ours(api) == _series(api, "pushed")
            finally:
                prometheus.terminate()


def _both_have_all(api: str) -> bool:
    # What the exporter counts about itself comes with its second export.
    wanted = {"speed_meters_per_second_count", "otel_sdk_exporter_metric_data_point_exported_total"}
    both = [{name for name, _ in _series(api, job)} for job in ("scraped", "pushed")]
    return all(wanted <= names and len(names) >= 20 for names in both)


def _ours(api: str) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    """What was scraped, less what only a page has."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    of_prometheus_client = {sample.name for family in registry.collect() for sample in family.samples}
    only_here = re.compile("obsdeck_metrics_|obsdeck_scrape_|up$|scrape_")
    return {
        line
        for line in _series(api, "scraped")
        if line[0] not in of_prometheus_client and not only_here.match(line[0])
    }


def _series(api: str, job: str) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    with (
        contextlib.suppress(OSError),
        urllib.request.urlopen(f"{api}/series?match[]={{job=%22{job}%22}}") as answer,
    ):
        found = json.load(answer)["data"]
        return {(one["__name__"], _labels(one)) for one in found if one["__name__"] != "target_info"}
    return set()


def _labels(one: dict[str, str]) -> tuple[tuple[str, str], ...]:
    if "le" in one:
        # Prometheus writes a whole bound as "1.0" when it scrapes it and as "1" when it takes it by OTLP.
        one["le"] = one["le"].removesuffix(".0")
    return tuple(sorted((key, one[key]) for key in one.keys() - {"__name__", "job", "instance"}))
