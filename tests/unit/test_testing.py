from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "testing.md"
CONFTEST = 'pytest_plugins = ["obsdeck.testing"]\n'
APP = """
from fastapi import FastAPI
from fastapi.testclient import TestClient
from obsdeck import get_logger, instrument, meter, tracer
from obsdeck.testing import assert_signal

app = FastAPI()
instrument(app, service_name="shop")
client = TestClient(app, raise_server_exceptions=False)
sold = meter("shop").create_counter("shop.sold")
stock = meter("shop").create_gauge("shop.stock")
weight = meter("shop").create_histogram("shop.weight")
open_carts = meter("shop").create_up_down_counter("shop.carts")

@app.get("/items/{item}")
def item(item: str):
    return item

@app.get("/fail")
def fail():
    raise ValueError("no luck")
"""


def suite(folder: Path, tests: str, **variables: str) -> str:
    """The output of pytest with the plugin, in a process of its own: providers are set once in each."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_suite.py").write_text(APP + tests)
    return pytest_in(folder, **variables)


def pytest_in(folder: Path, **variables: str) -> str:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "OBSDECK_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder)],
        cwd=folder,
        env=environ | {"PYTHONPATH": str(folder)} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout


def assert_passed(output: str, tests: int) -> None:
    assert re.search(rf"= {tests} passed(, \d+ warnings?)? in ", output), output


def test_the_example_of_the_guide_works(tmp_path: Path) -> None:
    for name, code in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", GUIDE.read_text(), re.DOTALL):
        (tmp_path / name).write_text(code)
    assert_passed(pytest_in(tmp_path), tests=2)


def test_each_test_begins_anew(tmp_path: Path) -> None:
    tests = """
import pytest

@pytest.mark.parametrize("again", range(3))
def test_one(captured, again):
    assert (captured.spans, captured.logs) == ((), ())
    sold.add(2, {"kind": "gift"})
    weight.record(0.1)
    stock.set(7 + again)
    open_carts.add(1)
    assert client.get("/items/7").status_code == 200
    get_logger("shop").warning("low")
    (span,) = captured.spans
    assert (span.trace_id, span.span_id, span.parent_id, span.start) == (f"{1:032x}", f"{1:016x}", "", 0.001)
    assert assert_signal(captured.metrics, "shop.sold", {"kind": "gift"}).value == 2
    weight.record(0.2)
    sold.add(1, {"kind": "gift"})
    stock.set(3)
    assert assert_signal(captured.metrics, "shop.sold").value == 3
    found = assert_signal(captured.metrics, "shop.weight")
    assert (found.value, found.count) == (0.3, 2)
    assert assert_signal(captured.metrics, "shop.stock").value == 3
    assert assert_signal(captured.metrics, "shop.carts").value == 1
    assert assert_signal(captured.metrics, "http.server.request.duration").count == 1
    log = assert_signal(captured.logs, "low")
    assert (log.severity, log.trace_id) == ("WARN", "0" * 32)
    sold.add(5, {"kind": "gift"})  # after the last look
"""
    assert_passed(suite(tmp_path, tests), tests=3)


def test_the_clock_goes_by_steps_and_can_be_advanced(tmp_path: Path) -> None:
    tests = """
def test_steps(captured):
    with tracer("shop").start_as_current_span("outer"):
        with tracer("shop").start_as_current_span("inner"):
            captured.clock.advance(0.25)
    assert assert_signal(captured.spans, "inner").seconds == 0.251
    assert assert_signal(captured.spans, "outer").seconds == 0.253

def test_durations_of_requests(captured):
    client.get("/items/7")
    assert assert_signal(captured.metrics, "http.server.request.duration").value == 0.001
"""
    assert_passed(suite(tmp_path, tests), tests=2)


def test_failures_and_foreign_traces_are_captured(tmp_path: Path) -> None:
    tests = """
def test_failure(captured):
    client.get("/fail")
    assert assert_signal(captured.spans, "GET /fail", {"error.type": "ValueError"}).failed

def test_unsampled_client(captured):
    client.get("/items/7", headers={"traceparent": f"00-{10:032x}-{11:016x}-00"})
    span = assert_signal(captured.spans, "GET /items/{item}")
    assert (span.trace_id, span.span_id, span.parent_id) == (f"{10:032x}", f"{1:016x}", f"{11:016x}")
    assert not span.failed
"""
    assert_passed(suite(tmp_path, tests), tests=2)


def test_what_is_missing_or_twice_fails_and_lists_what_there_is(tmp_path: Path) -> None:
    tests = """
import pytest

def test_missing(captured):
    with pytest.raises(AssertionError, match="0 signals are 'GET /' with {}, not 1; captured: nothing"):
        assert_signal(captured.spans, "GET /")
    client.get("/items/7")
    with pytest.raises(AssertionError, match="0 signals are .*\\n  'GET /items/{item}' {'http"):
        assert_signal(captured.spans, "GET /items/{item}", {"http.response.status_code": 404})

def test_twice(captured):
    client.get("/items/7")
    client.get("/items/8")
    with pytest.raises(AssertionError, match="2 signals are"):
        assert_signal(captured.spans, "GET /items/{item}")
    assert_signal(captured.spans, "GET /items/{item}", {"url.path": "/items/8"})
"""
    assert_passed(suite(tmp_path, tests), tests=2)


def test_nothing_leaves_the_process_whatever_the_shell_says(tmp_path: Path) -> None:
    tests = """
def test_one(captured):
    client.get("/items/7")
    get_logger("shop").error("seen")
    assert_signal(captured.spans, "GET /items/{item}")
"""
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        receiver.settimeout(0)
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{receiver.getsockname()[1]}",
            "OTEL_SDK_DISABLED": "true",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_TRACES_SAMPLER": "always_off",
        }
        assert_passed(suite(tmp_path, tests, **variables), tests=1)
        with pytest.raises(BlockingIOError):
            receiver.accept()


def test_logging_is_left_as_it_was(tmp_path: Path) -> None:
    tests = """
import logging

def state():
    return logging.getLogger().level, [type(one).__name__ for one in logging.getLogger().handlers]

before = []

def test_without():
    before.append(state())

def test_with(captured):
    assert state() != before[0]

def test_after():
    assert state() == before[0]
"""
    assert_passed(suite(tmp_path, tests), tests=3)


def test_providers_of_somebody_else_are_an_error_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(
        "from opentelemetry import trace\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "trace.set_tracer_provider(TracerProvider())\n"
    )
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["other", "obsdeck.testing"]\n')
    output = pytest_in(tmp_path)
    assert "telemetry cannot be captured: this process has OpenTelemetry providers already" in output
    assert "Traceback" not in output


def test_a_service_loads_neither_the_plugin_nor_pytest() -> None:
    code = "import sys; from fastapi import FastAPI; from obsdeck import instrument; instrument(FastAPI())"
    code += "; print('pytest' in sys.modules, 'obsdeck.testing' in sys.modules)"
    exporters = ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER")
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | dict.fromkeys(exporters, "none"),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["False", "False"]
