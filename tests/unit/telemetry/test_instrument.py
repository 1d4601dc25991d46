from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from .conftest import plain, run, serving, until

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Sink

APP = """
import logging
from fastapi import FastAPI
from obsdeck import get_logger, instrument, meter, tracer

app = FastAPI(title="Shop Window")
sub = FastAPI()
app.mount("/sub", sub)
log = get_logger("shop")
sold = meter("shop").create_counter("shop.sold", unit="{item}")

@app.get("/before")
def before():
    with tracer("shop").start_as_current_span("pack"):
        log.info("packing %s", "now")
        sold.add(2)
    return "ok"

instrument(app)
instrument(app)

@app.get("/after")
def after():
    return "ok"

@sub.get("/s/{z}")
def inner(z: str):
    return z

@app.get("/fail")
def fail():
    raise ValueError("no luck")
"""


def test_three_signals_of_one_request_arrive_and_belong_together(sink: Sink, tmp_path: Path) -> None:
    with serving(tmp_path, APP, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, OTEL_SERVICE_NAME="shop") as service:
        assert service.get("/before")[0] == 200
        service.stop()
    child, server = sorted(sink.spans, key=lambda span: span.name, reverse=True)
    assert (server.name, child.name) == ("GET /before", "pack")
    assert child.parent_span_id == server.span_id
    record = sink.log("packing now")
    assert (record.trace_id, record.span_id) == (child.trace_id, child.span_id)
    assert record.severity_text == "INFO"
    assert sink.log('"GET /before HTTP/1.1" 200').trace_id == server.trace_id
    assert sink.metrics["shop.sold"].sum.data_points[0].as_int == 2
    points = [
        point
        for metric in sink.exports
        if metric.name == "http.server.request.duration"
        for point in metric.histogram.data_points
    ]
    assert [one.trace_id for point in points for one in point.exemplars] == [server.trace_id]
    assert "otel.sdk.processor.span.queue.size" in sink.metrics
    assert {one["service.name"] for one in sink.resources} == {"shop"}
    assert len({one["service.instance.id"] for one in sink.resources}) == 1


def test_nothing_is_counted_twice_wherever_the_route_is(sink: Sink, tmp_path: Path) -> None:
    paths = ("/before", "/after", "/sub/s/1", "/nowhere", "/sub/nowhere", "/fail")
    with serving(tmp_path, APP, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url) as service:
        for path in paths:
            service.get(path)
        service.stop()
    points = sink.metrics["http.server.request.duration"].histogram.data_points
    counted = {plain(point.attributes)["http.route"]: point.count for point in points}
    assert counted == dict.fromkeys(
        ("/before", "/after", "/sub/s/{z}", "__unknown__", "/sub/{path}", "/fail"), 1
    )
    assert len([span for span in sink.spans if span.kind == span.SPAN_KIND_SERVER]) == len(paths)
    assert {span.name for span in sink.spans if span.kind != span.SPAN_KIND_SERVER} == {"pack"}


def test_the_servers_line_about_an_exception_has_the_requests_trace(sink: Sink, tmp_path: Path) -> None:
    with serving(tmp_path, APP, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url) as service:
        service.get("/fail")
        service.stop()
    (span,) = sink.spans
    record = sink.log("Exception in ASGI application")
    assert record.trace_id == span.trace_id
    attributes = plain(record.attributes)
    assert attributes["exception.type"] == "ValueError"
    assert "no luck" in attributes["exception.stacktrace"]
    assert "color_message" not in attributes


def test_the_page_of_metrics_is_there_and_not_observed(sink: Sink, tmp_path: Path) -> None:
    with serving(tmp_path, APP, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url) as service:
        service.get("/before")
        _, headers, text = service.get("/metrics")
        _, open_headers, open_text = service.get(
            "/metrics", Accept="application/openmetrics-text; version=1.0.0"
        )
        service.stop()
    assert headers["content-type"].startswith("text/plain; version=")
    assert open_headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert open_text.endswith("# EOF\n")
    for page in (text, open_text):
        assert "shop_sold_total 2.0" in page
        assert "process_cpu_time_seconds_total" in page
        assert 'http_route="/before"' in page
        assert "otel_scope" not in page
    assert {span.name for span in sink.spans} == {"pack", "GET /before"}
    assert not [record for record in sink.logs if "/metrics" in record.body.string_value]


def test_a_service_without_a_name_gets_one_and_says_so_once(sink: Sink, tmp_path: Path) -> None:
    with serving(tmp_path, APP, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url) as service:
        service.get("/after")
        service.stop()
    assert {one["service.name"] for one in sink.resources} == {"shop-window"}
    assert service.log.read_text().count("this service has no name") == 1


def test_standard_variables_keep_their_meaning(sink: Sink, tmp_path: Path) -> None:
    with serving(
        tmp_path,
        APP,
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{sink.url}/v1/traces",
        OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20sesame",
        OTEL_RESOURCE_ATTRIBUTES="service.name=till,deployment.environment=prod,team=blue",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
    ) as service:
        service.get("/after")
        until(lambda: sink.spans)
        service.stop()
    assert {path for path, _, _ in sink.received} == {"/v1/traces"}
    assert {headers["authorization"] for _, headers, _ in sink.received} == {"Bearer sesame"}
    (resource, *_) = sink.resources
    assert (resource["service.name"], resource["team"]) == ("till", "blue")
    assert resource["deployment.environment.name"] == "prod"


def test_switched_off_it_costs_nothing_and_the_page_says_so() -> None:
    code = """
import sys
from fastapi import FastAPI
from obsdeck import instrument
app = FastAPI()
build = app.build_middleware_stack
instrument(app)
heavy = ("opentelemetry.sdk", "opentelemetry.exporter", "prometheus")
print([name for name in sys.modules if name.startswith(heavy)])
print(app.build_middleware_stack == build)
from tests.unit.telemetry.conftest import call
print(call(app, "/metrics").status, call(app, "/metrics").body.decode().splitlines()[-1])
"""
    assert run(code, OTEL_SDK_DISABLED="true").splitlines() == [
        "[]",
        "True",
        "200 obsdeck_metrics_fallback 1",
    ]


def test_strict_says_503_when_there_are_no_metrics() -> None:
    code = """
from fastapi import FastAPI
from obsdeck import instrument
from tests.unit.telemetry.conftest import call
app = instrument(FastAPI(), metrics_mode="strict")
reply = call(app, "/metrics")
print(reply.status, reply.body.decode())
"""
    assert run(code, OTEL_SDK_DISABLED="true").split("\n")[:2] == [
        "503 metrics are incomplete",
        "telemetry is switched off by OTEL_SDK_DISABLED",
    ]


WRONG = """
from fastapi import FastAPI
from obsdeck import instrument
from obsdeck.errors import UsageError
try:
    instrument(FastAPI(), shutdown_seconds=-1)
    print("started")
except UsageError as error:
    print(error.message, error.why, sep="\\n")
"""


def test_wrong_settings_are_all_named_and_the_service_starts_with_the_defaults() -> None:
    said = run(WRONG, OTEL_SDK_DISABLED="true", OTEL_TRACES_EXPORTER="carrier-pigeon")
    assert said.count("wrong settings") == 1
    for part in ("OTEL_TRACES_EXPORTER is 'carrier-pigeon'; allowed: otlp, none", "shutdown_seconds is '-1'"):
        assert part in said
    assert said.endswith("started\n")


def test_in_strict_mode_wrong_settings_stop_the_service() -> None:
    said = run(WRONG, OBSDECK_METRICS_MODE="strict", OTEL_TRACES_EXPORTER="carrier-pigeon")
    assert said.splitlines() == [
        "OTEL_TRACES_EXPORTER is 'carrier-pigeon'; allowed: otlp, none",
        "shutdown_seconds is '-1'; allowed: seconds above 0",
    ]


def test_a_set_up_that_fails_leaves_the_service_and_a_page_that_says_so() -> None:
    code = """
from fastapi import FastAPI
from obsdeck import instrument
from obsdeck.telemetry import providers
from tests.unit.telemetry.conftest import call
def broken(*arguments):
    raise RuntimeError("no threads left")
providers.connect = broken
app = FastAPI()
app.get("/x")(lambda: "served")
instrument(app)
print(call(app, "/x").body.decode(), call(app, "/metrics").body.decode().splitlines()[-1])
"""
    said = run(code)
    assert said.endswith('"served" obsdeck_metrics_fallback 1\n')
    assert said.count("telemetry could not be set up") == 1


def test_the_contrib_instrumentor_gives_way(sink: Sink, tmp_path: Path) -> None:
    source = APP.replace(
        "instrument(app)\ninstrument(app)",
        "from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor\n"
        "FastAPIInstrumentor.instrument_app(app)\ninstrument(app)",
    )
    with serving(tmp_path, source, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url) as service:
        service.get("/after")
        service.stop()
    assert [span.name for span in sink.spans] == ["GET /after"]
    assert "in place of opentelemetry-instrumentation-fastapi" in service.log.read_text()


def test_instrumented_while_it_starts_an_app_is_observed_too(sink: Sink, tmp_path: Path) -> None:
    source = """
from contextlib import asynccontextmanager
from fastapi import FastAPI
from obsdeck import instrument

@asynccontextmanager
async def lifespan(app):
    instrument(app)
    yield

app = FastAPI(lifespan=lifespan)
app.get("/x")(lambda: "ok")
"""
    with serving(tmp_path, source, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url) as service:
        service.get("/x")
        until(lambda: sink.spans)
        assert service.get("/metrics")[0] == 200
        service.stop()
    assert [span.name for span in sink.spans] == ["GET /x"]


def test_the_quickstart_sends_everything_that_its_dashboard_shows(
    sink: Sink, repository: Path, tmp_path: Path
) -> None:
    source = (repository / "examples" / "quickstart" / "app.py").read_text()
    assert len(source.splitlines()) < 60
    with serving(tmp_path, source, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url) as service:
        statuses = [service.get(path)[0] for path in ("/", "/items/3", "/slow", "/fail")]
        service.stop()
    assert statuses == [200, 200, 200, 500]
    assert {span.name for span in sink.spans} == {"GET /", "GET /items/{item_id}", "GET /slow", "GET /fail"}
    assert sink.log("item 3 was looked at").trace_id
    assert sink.metrics["quickstart.items.viewed"].sum.data_points[0].as_int == 1
    assert {one["service.name"] for one in sink.resources} == {"quickstart"}


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_console_lines_have_trace_ids_if_asked_for(sink: Sink, tmp_path: Path, log_format: str) -> None:
    with serving(
        tmp_path, APP, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, OBSDECK_LOG_FORMAT=log_format
    ) as service:
        service.get("/before")
        service.stop()
    trace_id = sink.log("packing now").trace_id.hex()
    (line,) = [line for line in service.log.read_text().splitlines() if "packing now" in line]
    if log_format == "json":
        assert json.loads(line)["trace_id"] == trace_id
    else:
        assert f"trace_id={trace_id}" in line


def test_without_a_format_the_console_stays_as_it_was(sink: Sink, tmp_path: Path) -> None:
    def console(source: str) -> list[str]:
        with serving(
            tmp_path, source, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, OTEL_SERVICE_NAME="x"
        ) as service:
            service.get("/before")
            service.stop()
        # Ports and process ids differ from run to run.
        lines = service.log.read_text().splitlines()
        return ["".join("#" if c.isdigit() else c for c in line).replace("##", "#") for line in lines]

    plainly = console(APP.replace("instrument(app)", ""))
    assert [len(line) > 0 for line in plainly]
    assert {line.replace("#", "") for line in console(APP)} == {line.replace("#", "") for line in plainly}
    assert len(sink.logs) > 3
