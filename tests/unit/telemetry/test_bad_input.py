"""What no client should send and no application should record, against real servers."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import pytest

from .conftest import plain, run, serving, until

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Service, Sink

APP = """
import asyncio
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from obsdeck import instrument, meter

app = instrument(FastAPI())

def fails(_options):
    raise ValueError("no such thing")

meter("till").create_observable_gauge("till.broken", [fails])

@app.get("/x")
async def x():
    return "ok"

@app.get("/stream")
async def stream():
    async def forever():
        while True:
            yield b"x" * 65536
            await asyncio.sleep(0)
    return StreamingResponse(forever())
"""
TRACE = b"traceparent: 00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01\r\n"
HEADERS = {
    "long traceparent": b"traceparent: 00-" + b"a" * 50_000 + b"\r\n",
    "bytes in traceparent": b"traceparent: \xff\xfe\x80\r\n",
    "control characters": b"traceparent: 00-\x1b[31m\x07\r\n",
    "folded traceparent": b"traceparent: 00-\r\n " + b"a" * 32 + b"\r\n",
    "many traceparents": TRACE * 90,
    "long tracestate": TRACE + b"tracestate: " + b"a=b," * 10_000 + b"\r\n",
    "strange tracestate": TRACE + b"tracestate: =,=;\xff==,,\t\r\n",
    "10,000 members of baggage": b"baggage: " + b",".join(b"k%d=v" % n for n in range(6_000)) + b"\r\n",
    "long member of baggage": b"baggage: " + b"k" * 5_000 + b"=v\r\n",
    "escapes in baggage": b"baggage: a=%0d%0aSet-Cookie:x,%ff=%,\xff=\xff;;;\r\n",
    "many headers of baggage": b"".join(b"baggage: k%d=v\r\n" % n for n in range(90)),
}
LINES = {
    "unknown method": b"FOO /x HTTP/1.1",
    "long method": b"F" * 5_000 + b" /x HTTP/1.1",
    "small letters": b"get /x HTTP/1.1",
    "method of bytes": b"G\xffT /x HTTP/1.1",
    "path of bytes": b"GET /\xff\xfe\x80 HTTP/1.1",
    "escapes in path": b"GET /%00%ff%0d%0aX:%20y/%e2%80%ae HTTP/1.1",
    "template in path": b"GET /{x}/%7Bx%7D/{0.__class__} HTTP/1.1",
    "no path": b"GET * HTTP/1.1",
    "another host's": b"GET http://elsewhere/x HTTP/1.1",
    "long path": b"GET /" + b"a/" * 20_000 + b" HTTP/1.1",
    "long query": b"GET /x?" + b"a=b&" * 10_000 + b" HTTP/1.1",
    "no request": b"\x16\x03\x01\x02\x00",
}


def exchange(service: Service, raw: bytes) -> bytes:
    """The first line of what the server answers; empty if it hangs up."""
    with socket.create_connection(("127.0.0.1", service.port), 20) as connection:
        connection.sendall(raw)
        with connection.makefile("rb") as stream:
            try:
                return stream.readline()
            except ConnectionResetError:
                return b""


@pytest.mark.parametrize("server", ["h11", "httptools"])
def test_no_request_is_answered_with_an_error_of_the_server_or_with_a_flood_of_lines(
    sink: Sink, tmp_path: Path, server: str
) -> None:
    if server == "httptools":
        pytest.importorskip("httptools")
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "OTEL_SERVICE_NAME": "till"}
    variables["OTEL_METRIC_EXPORT_INTERVAL"] = "50"
    with serving(tmp_path, APP, "--http", server, **variables) as service:
        requests = {name: b"GET /x HTTP/1.1\r\n" + lines for name, lines in HEADERS.items()}
        requests |= {name: line + b"\r\n" for name, line in LINES.items()}
        answers = {
            name: exchange(service, raw + b"host: till\r\nconnection: close\r\n\r\n")
            for name, raw in requests.items()
            for _ in range(3)
        }
        assert service.get("/x")[0] == 200
        assert "http_server_active_requests{" in service.get("/metrics")[2]
        service.stop()
    assert {
        name: answer for name, answer in answers.items() if not re.match(rb"HTTP/1.1 [24]|$", answer)
    } == {}
    log = service.log.read_text()
    # The callback's one, and no other.
    assert log.count("Traceback") == 1
    about = [
        line for line in log.splitlines() if not re.match(r"INFO: |WARNING: |Traceback|  |ValueError", line)
    ]
    assert len(about) == len(set(about)) < 12, about
    assert max(map(len, about)) < 6_000
    assert "\x1b" not in "".join(about)


def test_a_client_that_leaves_in_the_middle_of_a_stream_is_no_error(sink: Sink, tmp_path: Path) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    with serving(tmp_path, APP, **variables) as service:
        for _ in range(5):
            assert exchange(service, b"GET /stream HTTP/1.1\r\nhost: till\r\n\r\n").startswith(
                b"HTTP/1.1 200"
            )
        until(lambda: len(sink.spans) == 5)
        page = service.get("/metrics")[2]
        service.stop()
    assert {span.status.code for span in sink.spans} == {0}
    assert 'http_server_active_requests{http_request_method="GET",url_scheme="http"} 0.0' in page
    assert 'http_route="/stream"' in page
    assert "error_type" not in page.split("otel_sdk")[0]


JOB = """
import logging
from fastapi import FastAPI
from obsdeck import instrument, meter, tracer
logging.basicConfig(format="%(message)s")
app = instrument(FastAPI(), service_name="till")
count = meter("till").create_counter("till.count")
histogram = meter("till").create_histogram("till.size")
"""


def test_numbers_and_attributes_that_nothing_can_show_are_one_line_each(sink: Sink) -> None:
    code = JOB + (
        "values = [None, {}, {'a': {'b': object()}}, [1, 'a', None], object()]\n"
        "values += [b'\\xff', '\\ud800', 10**400]\n"
        "for _ in range(200):\n"
        "    for value in values:\n"
        "        count.add(1, {'key': value})\n"
        "        with tracer('till').start_as_current_span('span') as span:\n"
        "            span.set_attribute('key', value); span.add_event('e', {'key': value})\n"
        "for value in values: logging.getLogger('till').warning('said', extra={'key': value})\n"
        "logging.getLogger('till').warning('half \\ud800')\n"
        "for value in [float('nan'), float('inf'), -1.0] * 30_000:\n"
        "    histogram.record(value); count.add(value)\n"
        "print('done')\n"
    )
    said = run(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert "done" in said
    assert len(sink.spans) == 1600
    assert [record.body.string_value for record in sink.logs] == ["said"] * 8 + ["half \\ud800"]
    assert sink.metrics["till.count"].sum.data_points
    assert len(said.splitlines()) < 60, said


def test_what_cannot_be_encoded_costs_no_other_item_of_its_batch(sink: Sink) -> None:
    code = JOB + (
        "for name in ('fine', 'half \\ud800', 'fine'):\n"
        "    tracer('till').start_span(name).end()\n"
        "    logging.getLogger(name).warning('said')\n"
    )
    said = run(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert [span.name for span in sink.spans] == ["fine", "fine"]
    told = [record.body.string_value for record in sink.logs]
    assert [line for line in told if "cannot be encoded" not in line] == ["said", "said"]
    assert said.count("Failed to encode") == 1  # of the log record, by the SDK
    assert said.count("a span that cannot be encoded is dropped") == 1
    assert "dropped: 1 log records" in said


def test_a_flood_of_label_values_and_of_attributes_is_bounded(sink: Sink) -> None:
    code = JOB + (
        "for number in range(100_000): count.add(1, {'user': number})\n"
        "logging.getLogger('till').warning('much', extra={f'k{n}': 'x' * 10_000 for n in range(1000)})\n"
    )
    run(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    points = sink.metrics["till.count"].sum.data_points
    assert len(points) == 2001
    assert sum(point.as_int for point in points) == 100_000
    (overflow,) = [point for point in points if "otel.metric.overflow" in plain(point.attributes)]
    assert overflow.as_int == 98_000
    record = sink.log("much")
    assert len(record.attributes) == 128
    assert max(len(one.value.string_value) for one in record.attributes) == 4096
