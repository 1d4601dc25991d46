"""gunicorn with uvicorn's worker: what its processes record arrives, however they end."""

from __future__ import annotations

import os
import re
import signal
import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from .conftest import plain, served, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Service, Sink

APP = """
import os
from fastapi import FastAPI
from obsdeck import get_logger, instrument, meter

app = instrument(FastAPI(title="till"))
count = meter("till").create_counter("till.count")
meter("till").create_counter("till.imported").add(1)

@app.get("/x")
async def x():
    count.add(1)
    get_logger("till").info("counted")
    return os.getpid()
"""
REQUESTS = 20
# Delays that no test waits for: what arrives was flushed at the end.
LATE = {
    "OTEL_BSP_SCHEDULE_DELAY": "600000",
    "OTEL_BLRP_SCHEDULE_DELAY": "600000",
    "OTEL_METRIC_EXPORT_INTERVAL": "600000",
}


@contextmanager
def gunicorn(folder: Path, workers: int, *arguments: str, **variables: str) -> Iterator[Service]:
    """Serve the app on a port that the system chooses, with all workers up."""
    command = ["-m", "gunicorn", "service:app", "-k", "uvicorn_worker.UvicornWorker", "-b", "127.0.0.1:0"]
    command = [sys.executable, *command, f"-w{workers}", "--no-control-socket", *arguments]
    with served(folder, APP, command, partial(_listening, workers=workers), **LATE, **variables) as service:
        yield service


def _listening(log: Path, workers: int) -> int:
    """The port once all workers serve it; 0 until then."""
    found = re.search(r"Listening at: http://127.0.0.1:(\d+) ", log.read_text())
    return int(found[1]) if found and said(log, "Application startup complete.") == workers else 0


def said(log: Path, text: str) -> int:
    return log.read_text().count(text)


def totals(sink: Sink, name: str) -> dict[str, int]:
    """The latest value of a counter, by the instance that sent it."""
    latest: dict[str, int] = {}
    for path, _, message in sink.received:
        for of_resource in message.resource_metrics if path == "/v1/metrics" else ():
            instance = plain(of_resource.resource.attributes)["service.instance.id"]
            for metric in (metric for scope in of_resource.scope_metrics for metric in scope.metrics):
                if metric.name == name:
                    latest[instance] = metric.sum.data_points[0].as_int
    return latest


def lines(sink: Sink, body: str) -> int:
    return sum(record.body.string_value == body for record in sink.logs)


def assert_exactly(sink: Sink, requests: int) -> None:
    spans = [span for span in sink.spans if span.name == "GET /x"]
    assert len({span.span_id for span in spans}) == len(spans) == requests
    assert sum(totals(sink, "till.count").values()) == requests
    assert lines(sink, "counted") == requests


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(("workers", "preload"), [(1, ()), (4, ()), (4, ("--preload",))])
def test_nothing_is_lost_when_gunicorn_is_stopped(
    sink: Sink, tmp_path: Path, by: signal.Signals, workers: int, preload: tuple[str, ...]
) -> None:
    with gunicorn(tmp_path, workers, *preload, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url) as service:
        for _ in range(REQUESTS):
            assert service.get("/x")[0] == 200
        assert sink.received == []
        assert f"obsdeck_metrics_partial {int(workers > 1)}.0" in service.get("/metrics")[2]
        # As a terminal does; gunicorn does not pass SIGINT on to workers in a way that uvicorn hears.
        (os.killpg if by is signal.SIGINT else os.kill)(service.process.pid, by)
        assert service.process.wait(30) == 0
    assert_exactly(sink, REQUESTS)


def test_nothing_is_lost_when_gunicorn_loads_the_app_anew(sink: Sink, tmp_path: Path) -> None:
    with gunicorn(tmp_path, 2, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url) as service:
        old = {service.get("/x")[2] for _ in range(REQUESTS)}
        service.process.send_signal(signal.SIGHUP)
        until(lambda: said(service.log, "Application startup complete.") == 4)
        until(lambda: said(service.log, "Finished server process") == 2)
        new = {service.get("/x")[2] for _ in range(REQUESTS)}
        assert not old & new
        service.stop()
    assert_exactly(sink, 2 * REQUESTS)


@pytest.mark.parametrize("preload", [(), ("--preload",)])
def test_nothing_is_lost_when_workers_are_replaced_after_some_requests(
    sink: Sink, tmp_path: Path, preload: tuple[str, ...]
) -> None:
    with gunicorn(
        tmp_path, 1, "--max-requests", "5", *preload, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url
    ) as service:
        served = []
        until(lambda: served.append(service.get("/x")[2]) or len(set(served)) == 3)
        service.stop()
    assert_exactly(sink, len(served))


def test_a_preloaded_worker_is_an_instance_that_begins_at_zero(sink: Sink, tmp_path: Path) -> None:
    with gunicorn(tmp_path, 2, "--preload", OTEL_EXPORTER_OTLP_ENDPOINT=sink.url) as service:
        served: set[str] = set()
        until(lambda: served.add(service.get("/x")[2]) or len(served) == 2)
        service.stop()
    # What was counted before the fork is the parent's, once.
    assert list(totals(sink, "till.imported").values()) == [1]
    workers = totals(sink, "till.count")
    assert len(workers) == 2
    assert not set(workers) & set(totals(sink, "till.imported"))


def test_gunicorns_own_lines_arrive_once_and_stay_on_its_console(sink: Sink, tmp_path: Path) -> None:
    arguments = ("--access-logfile", "-", "--preload")
    with gunicorn(tmp_path, 1, *arguments, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url) as service:
        service.get("/x")
        # Opens log files anew; this must not lose the way out.
        service.process.send_signal(signal.SIGUSR1)
        service.get("/x")
        service.stop()
    bodies = [record.body.string_value for record in sink.logs]
    access = [body for body in bodies if '"GET /x HTTP/1.1" 200' in body]
    assert len(access) == 2
    assert sum(body.startswith("Listening at: ") for body in bodies) == 1
    assert sum(body == "Application startup complete." for body in bodies) == 1
    assert service.log.read_text().count('"GET /x HTTP/1.1" 200') == 2


def test_in_strict_mode_the_page_of_one_worker_of_several_is_refused(sink: Sink, tmp_path: Path) -> None:
    strict = {"OBSDECK_METRICS_MODE": "strict", "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url}
    with gunicorn(tmp_path, 2, **strict) as service:
        status, _, page = service.get("/metrics")
        assert status == 503
        assert "one worker of several" in page
