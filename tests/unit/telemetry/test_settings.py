from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.errors import UsageError
from obsdeck.telemetry.settings import ARGUMENTS, VARIABLES, Settings, read

from .conftest import run

if TYPE_CHECKING:
    from .conftest import Sink


def setting(field: str, environ: dict[str, str] | None = None, **arguments: Any) -> Any:
    reading = read(environ or {}, arguments)
    assert reading.faults == ()
    return getattr(reading.settings, field)


def test_every_field_has_its_row_and_every_variable_once() -> None:
    assert [field.name for field in dataclasses.fields(Settings)] == list(ARGUMENTS)
    assert len(VARIABLES) == len(ARGUMENTS)
    assert all(row.meaning and row.allowed for row in VARIABLES.values())
    assert all(name.startswith(("OTEL_", "OBSDECK_")) for name in VARIABLES)


def test_without_anything_the_defaults_hold() -> None:
    settings = read({}, {}).settings
    assert settings.endpoint == "http://127.0.0.1:4318"
    assert (settings.metric_interval, settings.span_delay, settings.export_timeout) == (15_000, 1_000, 3)
    assert (settings.span_queue, settings.log_queue) == (8192, 8192)
    assert (settings.attribute_length, settings.attribute_count) == (4096, 128)
    assert settings.excluded_paths == ("/health", "/healthz", "/livez", "/readyz")
    assert settings.metrics_mode == "fail-open"
    assert settings.read_only_prefix == ""


def test_an_argument_wins_over_its_variable_and_that_over_the_default() -> None:
    environ = {"OBSDECK_METRICS_PATH": "/numbers"}
    assert setting("metrics_path", environ, metrics_path="/m") == "/m"
    assert setting("metrics_path", environ, metrics_path=None) == "/numbers"
    assert setting("metrics_path", {"OBSDECK_METRICS_PATH": " "}) == "/metrics"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read({}, {}).settings.endpoint = "x"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("field", "given", "value"),
    [
        ("endpoint", "https://collector.example:4318/", "https://collector.example:4318"),
        ("sdk_disabled", "TRUE", True),
        ("sdk_disabled", True, True),
        ("metrics_exporter", "prometheus", "none"),
        ("excluded_paths", ["/a/", "/b"], ("/a", "/b")),
        ("excluded_paths", "/a, /b,", ("/a", "/b")),
        ("excluded_paths", (), ()),
        ("read_only_prefix", "/api/", "/api/"),
        ("read_only_prefix", "", ""),
        ("shutdown_seconds", 0.5, 0.5),
        ("latency_buckets", (0.1, 1), (0.1, 1.0)),
        ("latency_buckets", "0.1, 1,10", (0.1, 1.0, 10.0)),
        ("log_format", "JSON", "json"),
        ("service_name", "Mein Dienst", "Mein Dienst"),
    ],
)
def test_a_value_is_read(field: str, given: object, value: object) -> None:
    assert setting(field, **{field: given}) == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://host:port"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1"),
        ("OTEL_SDK_DISABLED", "maybe"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "-5"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "nan"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "inf"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "1e3"),
        ("OBSDECK_METRICS_MODE", "lenient"),
        ("OBSDECK_METRICS_PATH", "metrics"),
        ("OBSDECK_METRICS_PATH", "/m?x=1"),
        ("OBSDECK_EXCLUDED_PATHS", "/a,b"),
        ("OBSDECK_LOG_FORMAT", "yaml"),
        ("OBSDECK_SHUTDOWN_SECONDS", "soon"),
        ("OBSDECK_LATENCY_BUCKETS", "1,1"),
        ("OBSDECK_LATENCY_BUCKETS", "0,1"),
        ("OBSDECK_LATENCY_BUCKETS", "1,inf"),
        ("OBSDECK_LATENCY_BUCKETS", "1,"),
    ],
)
def test_a_wrong_value_is_named_and_replaced_by_the_default(variable: str, text: str) -> None:
    reading = read({variable: text}, {})
    assert reading.settings == read({}, {}).settings
    assert reading.faults == (f"{variable} is {text!r}; allowed: {VARIABLES[variable].allowed}",)


@pytest.mark.parametrize("text", ["api", "true", "/api?", "/api/{version}/"])
def test_a_wrong_prefix_guards_everything_instead_of_nothing(text: str) -> None:
    reading = read({"OBSDECK_READ_ONLY_PREFIX": text}, {})
    assert reading.settings.read_only_prefix == "/"
    assert reading.faults[0].startswith(f"OBSDECK_READ_ONLY_PREFIX is {text!r}; allowed: a path")


def test_all_faults_are_in_one_error() -> None:
    reading = read({"OBSDECK_METRICS_MODE": "x", "OTEL_LOGS_EXPORTER": "y"}, {"endpoint": "z"})
    with pytest.raises(UsageError) as raised:
        reading.raise_faults()
    assert raised.value.exit_code == 2
    said = f"{raised.value.message}\n{raised.value.why}"
    assert [line.split(" ")[0] for line in said.splitlines()] == [
        "endpoint",
        "OTEL_LOGS_EXPORTER",
        "OBSDECK_METRICS_MODE",
    ]


def test_without_faults_nothing_is_raised() -> None:
    read({}, {}).raise_faults()


APP = """
from fastapi import FastAPI
from obsdeck import instrument, meter
from tests.unit.telemetry.conftest import call

app = instrument(FastAPI(), service_name="till")
size = meter("till").create_histogram("till.size")

@app.get("/x")
def x():
    size.record(3)

for _ in range(20):
    call(app, "/x")
call(app, "/x", headers=[(b"traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01")])
print(call(app, "/metrics").body.decode())
"""


def sampled(sink: Sink, **environ: str) -> tuple[int, int]:
    """Spans, and requests in the histogram, of 20 requests and one that a sampled trace has sent."""
    run(APP, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, **environ)
    (point,) = sink.metrics["http.server.request.duration"].histogram.data_points
    return len(sink.spans), point.count


@pytest.mark.parametrize(
    ("sampler", "argument", "spans"),
    [
        ("always_off", "", 0),
        ("traceidratio", "0", 0),
        ("parentbased_traceidratio", "0", 1),
        ("parentbased_always_off", "", 1),
        ("parentbased_traceidratio", "1", 21),
    ],
)
def test_samplers_keep_their_meaning_and_durations_are_never_sampled(
    sink: Sink, sampler: str, argument: str, spans: int
) -> None:
    variables = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": argument}
    assert sampled(sink, **variables) == (spans, 21)


def test_latency_buckets_are_those_that_are_set(sink: Sink) -> None:
    page = run(APP, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, OBSDECK_LATENCY_BUCKETS="0.5,60")
    (point,) = sink.metrics["http.server.request.duration"].histogram.data_points
    assert list(point.explicit_bounds) == [0.5, 60]
    bounds = re.findall(r'http_server_request_duration_seconds_bucket{.*le="([^"]+)"', page)
    assert bounds == ["0.5", "60.0", "+Inf"]


def test_exponential_histograms_go_by_otlp_and_the_page_stays_classic(sink: Sink) -> None:
    page = run(
        APP,
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION="base2_exponential_bucket_histogram",
    )
    for name in ("http.server.request.duration", "till.size"):
        (point,) = sink.metrics[name].exponential_histogram.data_points
        assert point.count == 21
    assert 'till_size_bucket{le="+Inf"} 21.0' in page
    assert re.search(r'http_server_request_duration_seconds_bucket{.*le="0.005"', page)
    assert re.search(r"http_server_request_duration_seconds_count{.*} 21.0", page)
    assert "obsdeck_scrape_errors_total{" not in page
