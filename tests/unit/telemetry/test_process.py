from __future__ import annotations

import resource
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from obsdeck.telemetry import process

from .conftest import run

if TYPE_CHECKING:
    import pytest


def measured() -> dict[str, Any]:
    """The value of each instrument, or its values by mode."""
    reader = InMemoryMetricReader()
    process.observe(MeterProvider([reader], shutdown_on_exit=False).get_meter("test"))
    data: Any = reader.get_metrics_data()
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    points = {metric.name: list(metric.data.data_points) for metric in metrics}
    return {
        name: {point.attributes["cpu.mode"]: point.value for point in found}
        if name == "process.cpu.time"
        else found[0].value
        for name, found in points.items()
    }


def test_every_instrument_has_a_value_that_can_be_true() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = measured()
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert before.ru_utime <= found["process.cpu.time"]["user"] <= after.ru_utime
    assert before.ru_stime <= found["process.cpu.time"]["system"] <= after.ru_stime
    # The peak: in KiB on Linux, in bytes on macOS.
    peak = after.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    assert peak / 10 < found["process.memory.usage"] <= peak * 1.1
    assert found["process.memory.virtual"] > found["process.memory.usage"]
    assert found["process.thread.count"] >= threading.active_count()
    assert ("process.uptime" in found) is (sys.platform != "darwin")
    assert found.get("process.uptime", 1) > 0


COUNTS = """
import os
import threading
from tests.unit.telemetry.test_process import measured
names = ("process.thread.count", "process.unix.file_descriptor.count")
held, done = threading.Event(), threading.Event()
thread = threading.Thread(target=lambda: (held.set(), done.wait()))
before = measured()
with open(os.devnull):
    thread.start()
    held.wait()
    during = measured()
done.set()
print([during[name] - before[name] for name in names])
# Not the threads: the system may still be ending one that has been joined.
print(measured()[names[1]] - before[names[1]])
"""


def test_files_and_threads_are_counted_as_they_come_and_go() -> None:
    assert run(COUNTS) == "[1, 1]\n0\n"


def test_what_the_system_does_not_tell_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_proc(*_arguments: Any) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "read_text", no_proc)
    found = measured()
    assert "process.memory.usage" not in found
    assert {"process.cpu.time", "process.unix.file_descriptor.count"} <= set(found)
