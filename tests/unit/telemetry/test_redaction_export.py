from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, StatusCode, TraceFlags

from obsdeck.telemetry import bridges, console
from obsdeck.telemetry.redaction import batches, series
from obsdeck.telemetry.redaction.pipeline import scrubbing
from obsdeck.telemetry.redaction.redactor import LENGTH, Redactor, redactor
from obsdeck.telemetry.redaction.rules import Rules

from .conftest import plain, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Sink

LIMITS = SpanLimits(
    max_span_attributes=3, max_events=1, max_links=1, max_event_attributes=1, max_link_attributes=1
)


class Spans:
    """A provider whose spans are scrubbed, and what came of them."""

    def __init__(self, resource: Resource | None = None) -> None:
        self.scrub = batches.spans(Redactor(Rules()))
        self._exporter = InMemorySpanExporter()
        self._provider = TracerProvider(resource=resource, span_limits=LIMITS, shutdown_on_exit=False)
        self._provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = self._provider.get_tracer("t")

    def last(self) -> tuple[ReadableSpan, ReadableSpan]:
        """The last span as it was, and scrubbed."""
        span = self._exporter.get_finished_spans()[-1]
        return span, self.scrub(span)


@pytest.fixture
def records() -> Iterator[Any]:
    """Emits a record; gives it as it was, and scrubbed."""
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    scrub = batches.records(Redactor(Rules()))

    def emit(**fields: Any) -> tuple[Any, Any]:
        provider.get_logger("t").emit(LogRecord(**fields))
        record = exporter.get_finished_logs()[-1]
        return record, scrub([record])[0]

    yield emit
    provider.shutdown()


def test_a_span_without_secrets_is_passed_on_as_it_is() -> None:
    spans = Spans()
    spans.tracer.start_span("GET /items/{id}", attributes={"url.path": "/items/1", "n": 1}).end()
    original, scrubbed = spans.last()
    assert scrubbed is original


def test_a_false_alarm_makes_no_copy() -> None:
    spans = Spans()
    span = spans.tracer.start_span(
        "GET", attributes={"url.full": "http://127.0.0.1:80/?page=2", "l": ["a=b"]}
    )
    span.add_event("x", {"y": "z=1"})
    span.end()
    original, scrubbed = spans.last()
    assert scrubbed is original


def test_a_copy_is_the_span_but_for_the_secrets_and_the_note() -> None:
    spans = Spans()
    parent = spans.tracer.start_span("parent")
    linked = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))
    links = [Link(linked, {"a": 1}), Link(linked, {"a": 1, "token": "hunter2"})]
    attributes = {f"k{number}": number for number in range(5)} | {"password": "hunter2"}
    span = spans.tracer.start_span("call ?token=hunter2", attributes=attributes, links=links)
    span.add_event("first")
    span.add_event("second", {"a": 1, "secret": "hunter2"})
    span.end()
    parent.end()
    original = spans._exporter.get_finished_spans()[0]
    scrubbed = spans.scrub(original)
    assert dict(original.attributes or {})["password"] == "hunter2"
    assert scrubbed.name == "call ?token=REDACTED"
    assert dict(scrubbed.attributes or {}) == {
        "k3": 3,
        "k4": 4,
        "password": "REDACTED",
        "obsdeck.redacted": ("password", "secret", "token"),
    }
    for name in ("context", "parent", "kind", "start_time", "end_time", "instrumentation_scope", "resource"):
        assert getattr(scrubbed, name) is getattr(original, name)
    for name in ("dropped_attributes", "dropped_events", "dropped_links"):
        assert getattr(scrubbed, name) == getattr(original, name) > 0
    for one, was in ((scrubbed.events[0], original.events[0]), (scrubbed.links[0], original.links[0])):
        assert one.dropped_attributes == was.dropped_attributes == 1
        assert "hunter2" not in str(dict(one.attributes or {}))
    assert scrubbed.events[0].timestamp == original.events[0].timestamp


def test_a_resource_is_scrubbed_once_and_stays_the_same_for_all() -> None:
    spans = Spans(Resource({"process.command_args": ("serve", "--token", "hunter2"), "team": "blue"}))
    spans.tracer.start_span("a").end()
    spans.tracer.start_span("b").end()
    first, second = map(spans.scrub, spans._exporter.get_finished_spans())
    assert first.resource is second.resource
    assert dict(first.resource.attributes) == {
        "process.command_args": ("serve", "--token", "REDACTED"),
        "team": "blue",
        "obsdeck.redacted": ("token",),
    }


def test_a_log_record_without_secrets_is_passed_on_as_it_is(records: Any) -> None:
    original, scrubbed = records(body="packing 5", attributes={"order": 5, "path": "/a"})
    assert scrubbed is original


def test_a_log_record_is_the_same_but_for_the_secrets_and_the_note(records: Any) -> None:
    original, scrubbed = records(
        body={"password": "hunter2", "n": [1, "token=hunter2"]},
        event_name="login?code=hunter2",
        attributes={"order": 5, "who": "Bearer hunter2"},
        severity_text="INFO",
        timestamp=7,
    )
    record = scrubbed.log_record
    assert original.log_record.body["password"] == "hunter2"
    assert record.body == {"password": "REDACTED", "n": [1, "token=REDACTED"]}
    assert record.event_name == "login?code=REDACTED"
    assert dict(record.attributes) == {
        "order": 5,
        "who": "Bearer REDACTED",
        "obsdeck.redacted": ("bearer", "code", "password", "token"),
    }
    assert (record.severity_text, record.timestamp) == ("INFO", 7)


def test_a_body_that_is_too_long_to_look_at_is_cut(records: Any) -> None:
    _, scrubbed = records(body="x" * 10_000_000)
    assert len(scrubbed.log_record.body) < LENGTH + 40
    assert scrubbed.log_record.body.endswith(" characters cut off)")
    assert scrubbed.log_record.attributes["obsdeck.redacted"] == ("cut_off",)


def test_a_name_and_a_status_that_are_too_long_to_look_at_are_cut() -> None:
    spans = Spans()
    span = spans.tracer.start_span("=" * 2 * LENGTH)
    span.set_status(StatusCode.ERROR, "=" * 2 * LENGTH)
    span.add_event("=" * 2 * LENGTH)
    span.end()
    _, scrubbed = spans.last()
    texts = (scrubbed.name, scrubbed.status.description or "", scrubbed.events[0].name)
    assert all(len(text) < LENGTH + 40 for text in texts)
    assert dict(scrubbed.attributes or {})["obsdeck.redacted"] == ("cut_off",)


def test_the_name_of_an_event_is_enough_for_a_second_look(records: Any) -> None:
    _, scrubbed = records(body="packing", event_name="login?code=hunter2")
    assert scrubbed.log_record.event_name == "login?code=REDACTED"


def test_what_is_harmless_in_a_text_is_not_therefore_harmless_in_a_query() -> None:
    spans = Spans()
    spans.tracer.start_span("a", attributes={"said": "code=5"}).end()
    assert dict(spans.last()[1].attributes or {}) == {"said": "code=5"}
    spans.tracer.start_span("b", attributes={"url.query": "code=5"}).end()
    assert dict(spans.last()[1].attributes or {})["url.query"] == "code=REDACTED"


class Metrics:
    """A meter whose series are scrubbed."""

    def __init__(self) -> None:
        cumulative = AggregationTemporality.CUMULATIVE
        self._reader = InMemoryMetricReader({Counter: cumulative, Histogram: cumulative})
        views = [View(instrument_name="kept", attribute_keys={"a"})]
        provider = MeterProvider([self._reader], views=views, shutdown_on_exit=False)
        self.meter = provider.get_meter("t")
        self.scrub = series.points(Redactor(Rules()))

    def collected(self) -> tuple[Any, Any]:
        """The one metric as it was, and scrubbed."""
        data = self._reader.get_metrics_data()
        assert data is not None
        both = [one.resource_metrics[0].scope_metrics[0].metrics[0] for one in (data, self.scrub(data))]
        return both[0], both[1]


def test_a_metric_without_secrets_is_passed_on_as_it_is() -> None:
    metrics = Metrics()
    metrics.meter.create_counter("calls").add(1, {"route": "/a"})
    original, scrubbed = metrics.collected()
    assert scrubbed is original


def test_series_that_differ_in_a_secret_stay_apart() -> None:
    metrics = Metrics()
    counter = metrics.meter.create_counter("calls")
    for number in range(3):
        counter.add(number + 1, {"url": f"/?token=hunter{number}", "n": 1})
    counter.add(7, {"url": "/", "n": 1})
    for _ in range(2):
        _, scrubbed = metrics.collected()
        assert [(point.attributes["url"], point.value) for point in scrubbed.data.data_points] == [
            ("/?token=REDACTED", 1),
            ("/?token=REDACTED 2", 2),
            ("/?token=REDACTED 3", 3),
            ("/", 7),
        ]


def test_an_exemplar_has_no_secrets_either() -> None:
    metrics, spans = Metrics(), Spans()
    with spans.tracer.start_as_current_span("s"):
        metrics.meter.create_histogram("kept").record(1, {"a": "b", "password": "hunter2"})
    original, scrubbed = metrics.collected()
    assert dict(original.data.data_points[0].exemplars[0].filtered_attributes) == {"password": "hunter2"}
    assert dict(scrubbed.data.data_points[0].exemplars[0].filtered_attributes) == {"password": "REDACTED"}


def test_switched_off_an_exporter_stays_what_it_is() -> None:
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    assert scrubbing(exporter, batches.records, redactor(None)) is exporter
    assert "export" not in vars(exporter)


def record(message: str, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("shop", logging.WARNING, __file__, 1, message, ("hunter2",), None)
    vars(made).update(extra)
    try:
        raise ValueError("password=hunter2")  # noqa: TRY301
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


@pytest.mark.parametrize(
    "formatter",
    [
        console.JsonLines(Redactor(Rules())),
        console.TextLines(Redactor(Rules())),
        console.Scrubbed(logging.Formatter("%(message)s %(url)s"), Redactor(Rules())),
    ],
)
def test_a_console_line_has_no_secrets(formatter: logging.Formatter) -> None:
    line = formatter.format(record("GET /?token=%s", url="/?code=hunter2", api_key="hunter2"))
    assert "hunter2" not in line
    assert line.count("REDACTED") >= 3


def test_console_handlers_keep_their_format_and_are_scrubbed_once() -> None:
    root, handler = logging.getLogger(), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("mine: %(message)s"))
    before, last_resort = list(root.handlers), getattr(logging.lastResort, "formatter", None)
    root.addHandler(handler)
    try:
        console.scrub(Redactor(Rules()))
        formatter = handler.formatter
        console.scrub(Redactor(Rules()))
        assert handler.formatter is formatter
        assert formatter is not None
        assert formatter.format(record("token=%s")).startswith("mine: token=REDACTED\nTraceback")
    finally:
        root.handlers = before
        if logging.lastResort is not None:
            logging.lastResort.setFormatter(last_resort)


def test_colours_between_a_name_and_its_value_hide_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    structlog.configure([structlog.dev.ConsoleRenderer(colors=True)])
    try:
        bridges.attach(None, Redactor(Rules()))
        structlog.get_logger().warning("logged in", password="hunter2", user={"api_key": "hunter2"})
        said = capsys.readouterr().out
    finally:
        structlog.reset_defaults()
    assert "\x1b[" in said
    assert "hunter2" not in said
    assert said.count("REDACTED") == 2


SERVICE = """
import logging
from fastapi import FastAPI
from obsdeck import instrument
from tests.unit.telemetry.conftest import call
logging.basicConfig()
def mask(name, secret):
    if name == "broken":
        raise LookupError(secret)
    return f"<{name} of {len(secret)}>"
app = instrument(FastAPI(), service_name="shop", redact=ARGUMENT)
logging.warning("password=hunter2 iban=DE12 broken=hunter2 /?code=hunter2")
"""


@pytest.mark.parametrize(
    ("argument", "variable", "body"),
    [
        ("None", "", "password=REDACTED iban=DE12 broken=hunter2 /?code=REDACTED"),
        ("None", "+iban,-code", "password=REDACTED iban=REDACTED broken=hunter2 /?code=hunter2"),
        ("'-password'", "+iban", "password=hunter2 iban=DE12 broken=hunter2 /?code=REDACTED"),
        ("False", "on", "password=hunter2 iban=DE12 broken=hunter2 /?code=hunter2"),
        ("mask", "+iban", "password=<password of 7> iban=<iban of 4> broken=hunter2 /?code=<code of 7>"),
        ("['+broken', mask]", "", "password=<password of 7> iban=DE12 broken=REDACTED /?code=<code of 7>"),
        ("None", "wrong", "password=REDACTED iban=DE12 broken=hunter2 /?code=REDACTED"),
    ],
)
def test_a_service_decides_by_argument_or_variable(
    sink: Sink, argument: str, variable: str, body: str
) -> None:
    code = SERVICE.replace("ARGUMENT", argument)
    said = run(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, OBSDECK_REDACT=variable)
    assert f"WARNING:root:{body}" in said.splitlines()
    exported = sink.log("password=")
    assert exported.body.string_value == body
    assert ("obsdeck.redacted" in plain(exported.attributes)) == (argument != "False")


def test_a_tool_that_exports_besides_gets_what_it_always_got(sink: Sink) -> None:
    foreign = (
        "from opentelemetry import trace\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import SimpleSpanProcessor\n"
        "from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter\n"
        "theirs, provider = InMemorySpanExporter(), TracerProvider()\n"
        "provider.add_span_processor(SimpleSpanProcessor(theirs))\n"
        "trace.set_tracer_provider(provider)\n"
    )
    use = (
        "trace.get_tracer('x').start_span('work', attributes={'password': 'hunter2'}).end()\n"
        "print(theirs.get_finished_spans()[0].attributes['password'])\n"
    )
    said = run(foreign + SERVICE.replace("ARGUMENT", "None") + use, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert said.splitlines()[-1] == "hunter2"
    assert [plain(span.attributes)["password"] for span in sink.spans] == ["REDACTED"]
