from __future__ import annotations

import logging
import signal
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from obsdeck.telemetry.providers import Part
from obsdeck.telemetry.shutdown import ONE_END, Ending
from obsdeck.telemetry.tally import Tally

from .conftest import run, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Sink

APP = """
from fastapi import FastAPI
from obsdeck import get_logger, instrument, meter

app = instrument(FastAPI(title="till"))
count = meter("till").create_counter("till.count")

@app.get("/x")
async def x():
    count.add(1)
    get_logger("till").info("counted")
    return "ok"
"""
REQUESTS = 20


def counted(sink: Sink) -> tuple[int, int, int]:
    """Spans, requests in the counter over all processes, log lines."""
    latest: dict[str, int] = {}
    for path, _, message in sink.received:
        if path != "/v1/metrics":
            continue
        for of_resource in message.resource_metrics:
            instance = next(
                one.value.string_value
                for one in of_resource.resource.attributes
                if one.key == "service.instance.id"
            )
            for scope in of_resource.scope_metrics:
                for metric in scope.metrics:
                    if metric.name == "till.count":
                        latest[instance] = metric.sum.data_points[0].as_int
    lines = [record for record in sink.logs if record.body.string_value == "counted"]
    return len(sink.spans), sum(latest.values()), len(lines)


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("arguments", [(), ("--workers", "4"), ("--lifespan", "off")])
def test_nothing_is_lost_when_uvicorn_is_stopped(
    sink: Sink, tmp_path: Path, by: signal.Signals, arguments: tuple[str, ...]
) -> None:
    # Delays that no test waits for: what arrives was flushed at the end.
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.url,
        "OTEL_BSP_SCHEDULE_DELAY": "600000",
        "OTEL_BLRP_SCHEDULE_DELAY": "600000",
        "OTEL_METRIC_EXPORT_INTERVAL": "600000",
    }
    with serving(tmp_path, APP, *arguments, **variables) as service:
        for _ in range(REQUESTS):
            assert service.get("/x")[0] == 200
        assert sink.received == []
        several = "--workers" in arguments
        assert f"obsdeck_metrics_partial {int(several)}.0" in service.get("/metrics")[2]
        service.stop(by)
    if "--lifespan" in arguments:
        # Nothing ever said that logging is configured, and the root logger had no handler.
        assert counted(sink)[:2] == (REQUESTS, REQUESTS)
    else:
        assert counted(sink) == (REQUESTS, REQUESTS, REQUESTS)


@contextmanager
def silent_receiver() -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def no_receiver() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    yield url


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("receiver", [silent_receiver, no_receiver])
def test_a_dead_receiver_does_not_hold_up_the_end(
    tmp_path: Path, receiver: object, by: signal.Signals
) -> None:
    with (
        receiver() as url,  # type: ignore[operator]
        serving(tmp_path, APP, OTEL_EXPORTER_OTLP_ENDPOINT=url, OBSDECK_SHUTDOWN_SECONDS="0.5") as service,
    ):
        for _ in range(REQUESTS):
            assert service.get("/x")[0] == 200
        service.process.send_signal(by)
        # The SDK alone takes more than 30 s for this.
        service.process.wait(15)
    said = service.log.read_text()
    assert said.count("not everything could be exported within 0.5 s") == 1
    assert said.count("Failed to export") + said.count("Transient error") <= 1


def test_a_script_without_a_server_loses_nothing_either(sink: Sink) -> None:
    code = """
from fastapi import FastAPI
from obsdeck import instrument, tracer
instrument(FastAPI())
tracer("job").start_span("job").end()
"""
    run(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, OTEL_BSP_SCHEDULE_DELAY="600000")
    assert [span.name for span in sink.spans] == ["job"]


def test_a_sigterm_that_the_application_handles_stays_its_own(sink: Sink) -> None:
    code = """
import signal
from fastapi import FastAPI
signal.signal(signal.SIGTERM, lambda number, frame: print("mine"))
from obsdeck import instrument
instrument(FastAPI(), service_name="x")
signal.raise_signal(signal.SIGTERM)
print("goes on")
"""
    assert run(code, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url).splitlines() == ["mine", "goes on"]


def part(answer: threading.Event, *, lost: int = 0, queued: int = 0) -> Part:
    """Takes until the event is set, and loses then what the test says."""
    tally = Tally()

    def export() -> None:
        answer.wait()
        tally.lost += lost

    return Part(export, export, tally, lambda: queued)


def now() -> threading.Event:
    event = threading.Event()
    event.set()
    return event


def test_parts_are_ended_at_once_and_what_is_dropped_is_said(caplog: pytest.LogCaptureFixture) -> None:
    never = threading.Event()
    late = part(never, queued=20)
    late.tally.sending = 5
    ending = Ending({"traces": late, "metrics": part(now(), lost=1), "logs": part(now(), lost=7)}, 0.05)
    assert not ending.flush()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().endswith("; dropped: 25 spans, the latest metrics, 7 log records")
    never.set()


def test_what_was_lost_before_the_end_is_not_said_again(caplog: pytest.LogCaptureFixture) -> None:
    before = part(now())
    before.tally.lost = 100
    assert Ending({"traces": before}, 5).flush()
    assert caplog.records == []


def test_who_did_not_answer_is_not_waited_for_twice(caplog: pytest.LogCaptureFixture) -> None:
    never = threading.Event()
    ending = Ending({"traces": part(never, queued=1)}, 0.05)
    ending.flush()
    ending.shutdown()
    assert len(caplog.records) == 1
    never.set()


def test_after_a_while_it_is_another_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = Ending({"traces": part(now(), lost=1)}, 5)
    ending.flush()
    moment = time.monotonic() + ONE_END
    monkeypatch.setattr("obsdeck.telemetry.shutdown.time.monotonic", lambda: moment)
    ending.flush()
    assert len(caplog.records) == 2
