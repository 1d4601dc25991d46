"""`obsdeck trace` on real telemetry: two services that call each other, and all five ways to one trace.

With OBSDECK_TEMPO_BIN the traces come from a real Tempo, else from the embedded trace store.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from obsdeck.backends import http, loki, prometheus, tempo
from obsdeck.stack import supervisor
from obsdeck.stack.components import BY_NAME
from obsdeck.stack.health import is_ready

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Stack

pytestmark = pytest.mark.stack

APP = """
import asyncio
import os

import httpx
from fastapi import FastAPI, Response
from obsdeck import get_logger, instrument, tracer

app = FastAPI()
instrument(app)
log = get_logger("app")


@app.get("/buy/{item}")
async def buy(item: int) -> str:
    with tracer("app").start_as_current_span("find the price \\x1b[31m"):
        log.info("buying %d", item)
        await asyncio.sleep(0.01)
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{os.environ['STOCK']}/stock/{item}")
    answer.raise_for_status()
    return "ok"


@app.get("/stock/{item}")
async def stock(item: int) -> str:
    log.warning("looking for %d", item)
    if item == 13:
        raise RuntimeError("the shelf is gone")
    await asyncio.sleep(item / 100)
    return "ok"
"""
SLOW, FAILING = 40, 13
RULES = """
groups:
  - name: trace
    interval: 1s
    rules:
      - record: shop:requests:sum
        expr: sum by (http_route) (http_server_request_duration_seconds_count{service_name="trace-shop"})
      - alert: ShopIsBusy
        expr: shop:requests:sum > 0
      - alert: ShopIsGone
        expr: absent(trace_shop_is_there{service_name="trace-shop"})
      - alert: ShopIsFull
        expr: trace_shop_is_full > 0
"""


@dataclass(frozen=True)
class Shop:
    """Two services that have had some requests.

    Attributes:
        slow: The id of the slowest trace.
        failed: The id of the trace with an error.
    """

    slow: str
    failed: str


@pytest.fixture(scope="module")
def shop(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "app.py").write_text(APP)
    ports = free_ports(2)
    running = [
        serve(stack, folder, name, port, STOCK=f"http://127.0.0.1:{ports[0]}")
        for name, port in zip(("trace-stock", "trace-shop"), ports, strict=True)
    ]
    try:
        for port in ports:
            stack.until(lambda port=port: answers(port), seconds=60)  # type: ignore[misc]
        for item in (1, 2, SLOW, FAILING, 3):
            httpx.get(f"http://127.0.0.1:{ports[1]}/buy/{item}", timeout=30)
        yield found(stack)
    finally:
        for one in running:
            one.terminate()
        for one in running:
            one.wait(timeout=30)


def serve(stack: Stack, folder: Path, name: str, port: int, **more: str) -> subprocess.Popen[bytes]:
    environ = {
        **{key: value for key, value in os.environ.items() if not key.startswith("OTEL_")},
        "OTEL_SERVICE_NAME": name,
        "OTEL_EXPORTER_OTLP_ENDPOINT": stack.urls["collector"],
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_BLRP_SCHEDULE_DELAY": "200",
        **more,
    }
    words = [sys.executable, "-m", "uvicorn", "app:app", "--port", str(port)]
    with (folder / f"{name}.log").open("wb") as log:
        return subprocess.Popen(words, cwd=folder, env=environ, stdout=log, stderr=log)


def free_ports(count: int) -> list[int]:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/metrics").status_code == 200
    except httpx.TransportError:
        return False


def found(stack: Stack) -> Shop:
    """Wait until every backend has what the requests have left."""
    now = time.time()

    def traces(condition: str) -> list[str]:
        query = f'{{ resource.service.name = "trace-stock" && {condition} }}'
        return [
            one.trace_id for one in tempo.search(stack.urls["tempo"], query, start=now - 600, end=now + 60)
        ]

    def whole(trace_id: str) -> bool:
        document = tempo.trace(stack.urls["tempo"], trace_id.rjust(32, "0")) or {}
        return json.dumps(document).count('"spanId"') == 4

    stack.until(lambda: traces("duration > 350ms") and traces("status = error"), seconds=60)
    [slow], [failed] = traces("duration > 350ms"), traces("status = error")
    stack.until(lambda: whole(slow) and whole(failed), seconds=60)
    lines = f'{{service_name=~"trace-.+"}} | trace_id="{slow.rjust(32, "0")}"'
    stack.until(lambda: len(loki.query_range(stack.urls["loki"], lines, start=now - 600, end=now + 60)) >= 2)
    exemplars = 'http_server_request_duration_seconds_bucket{service_name="trace-shop"}'
    stack.until(
        lambda: any(
            one.labels["trace_id"].lstrip("0") == slow.lstrip("0")
            for one in prometheus.exemplars(
                stack.urls["prometheus"], exemplars, start=now - 600, end=now + 60
            )
        )
    )
    return Shop(slow.rjust(32, "0"), failed.rjust(32, "0"))


@pytest.fixture(scope="module")
def alerts(stack: Stack) -> Iterator[None]:
    """Rules of our own, as long as these tests run."""
    file = stack.home.etc("prometheus") / "rules" / "trace.yaml"
    reload = [supervisor.states(stack.home)["prometheus"].pid, signal.SIGHUP]

    def names() -> set[str]:
        return {rule.name for rule in prometheus.rules(stack.urls["prometheus"])}

    def firing() -> set[str]:
        return {rule.name for rule in prometheus.rules(stack.urls["prometheus"]) if rule.active}

    file.write_text(RULES)
    os.kill(*reload)
    try:
        stack.until(lambda: firing() >= {"ShopIsBusy", "ShopIsGone"})
        yield
    finally:
        file.unlink()
        os.kill(*reload)
        stack.until(lambda: "ShopIsBusy" not in names())


def trace(stack: Stack, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **stack.environ, **more}
    command = [sys.executable, "-m", "obsdeck", "trace", *words]
    return subprocess.run(
        command, env=environ, cwd=stack.home.root, capture_output=True, text=True, check=False
    )


def document(stack: Stack, *words: str) -> Any:
    done = trace(stack, *words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


# --- the five ways -----------------------------------------------------------------------------------


def test_by_its_id(stack: Stack, shop: Shop) -> None:
    content = document(stack, shop.slow)
    spans = content["spans"]
    assert [(one["service"], one["kind"]) for one in spans] == [
        ("trace-shop", "server"),
        ("trace-shop", "internal"),
        ("trace-shop", "client"),
        ("trace-stock", "server"),
    ]
    assert content["root"] == spans[0]["id"]
    assert spans[3]["parent_id"] == spans[2]["id"]
    assert content["notes"] == []
    longest = max(spans, key=lambda one: one["critical_seconds"])
    assert longest["id"] == spans[3]["id"]
    assert longest["critical_seconds"] > 0.3


def test_the_slowest_of_a_service(stack: Stack, shop: Shop) -> None:
    assert document(stack, "--slowest", "trace-shop")["trace_id"] == shop.slow


def test_the_last_with_an_error(stack: Stack, shop: Shop) -> None:
    content = document(stack, "--errors", "trace-stock")
    assert content["trace_id"] == shop.failed
    assert "RuntimeError: the shelf is gone" in {span["message"] for span in content["spans"]}


@pytest.mark.parametrize(
    "query",
    [
        'http_server_request_duration_seconds_bucket{service_name="trace-shop"}',
        'sum by (le) (rate(http_server_request_duration_seconds_bucket{service_name="trace-shop"}[5m]))',
        'rate(http_server_request_duration_seconds_count{service_name="trace-shop"}[5m]) > 2',
    ],
)
def test_through_the_exemplars_of_a_metric(stack: Stack, shop: Shop, query: str) -> None:
    assert document(stack, "--metric", query)["trace_id"] == shop.slow


@pytest.mark.usefixtures("alerts")
def test_behind_a_firing_alert_on_a_recorded_metric(stack: Stack, shop: Shop) -> None:
    content = document(stack, "--alert", "ShopIsBusy")
    assert content["trace_id"] == shop.slow
    assert content["found_as"].startswith("ShopIsBusy (firing): the largest exemplar of ")


@pytest.mark.usefixtures("alerts")
def test_behind_an_alert_whose_metric_has_no_exemplars(stack: Stack, shop: Shop) -> None:
    content = document(stack, "--alert", "ShopIsGone")
    assert content["trace_id"] == shop.failed
    assert "whose metrics have no exemplar: the last one with an error in trace-shop" in content["found_as"]


# --- what belongs to it ------------------------------------------------------------------------------


def test_log_lines_know_their_spans(stack: Stack, shop: Shop) -> None:
    content = document(stack, shop.slow)
    names = {span["id"]: span["name"] for span in content["spans"]}
    written = {line["text"]: names[line["span_id"]] for line in content["logs"]}
    assert written[f"buying {SLOW}"].startswith("find the price")
    assert written[f"looking for {SLOW}"] == "GET /stock/{item}"


def test_metrics_of_each_route(stack: Stack, shop: Shop) -> None:
    def metrics() -> Any:
        return {(one["service"], one["route"]): one for one in document(stack, shop.slow)["metrics"]}

    assert list(metrics()) == [("trace-shop", "/buy/{item}"), ("trace-stock", "/stock/{item}")]
    stack.until(lambda: all(one["p95"]["now"] is not None for one in metrics().values()))
    for one in metrics().values():
        assert one["rate"]["now"] > 0
        assert 0 < one["errors"]["now"] < 1
        assert one["rate"]["before"] is None


def test_the_link_answers(stack: Stack, shop: Shop) -> None:
    [link] = document(stack, shop.slow)["links"].values()
    assert http.get(link).json()["trace"]["resourceSpans"]


# --- the terminal and the page -----------------------------------------------------------------------


def test_a_waterfall_with_its_lines(stack: Stack, shop: Shop) -> None:
    done = trace(stack, "--slowest", "trace-shop", COLUMNS="120")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"trace     {shop.slow}"
    assert any(re.match(r"trace-shop: GET /buy/\{item\} +█", line) for line in lines)
    assert any(line.startswith(r"├ find the price \x1b[31m ") for line in lines)
    assert any(line.strip().endswith(f"WARN looking for {SLOW}") for line in lines)
    assert "\x1b" not in done.stdout


def test_a_page(stack: Stack, shop: Shop, tmp_path: Path) -> None:
    page = tmp_path / "trace.html"
    done = trace(stack, shop.failed, "--html", str(page))
    assert (done.returncode, done.stderr) == (0, f"written: {page}\n")
    text = page.read_text(encoding="utf-8")
    assert shop.failed in text
    assert "the shelf is gone" in text


# --- when there is nothing to show -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["f" * 32], 1, "there is no trace"),
        (["xyz"], 2, "is no trace id"),
        (["--slowest", "trace-shopp"], 1, "did you mean trace-shop?"),
        (["--metric", "sum("], 2, "is no PromQL"),
        (["--metric", "nothing_at_all"], 1, "no exemplar leads to a trace"),
        (["--alert", "ShopIsBuzy"], 2, "did you mean ShopIsBusy?"),
        (["--alert", "ShopIsFull"], 1, "leads to no trace"),
        (["--errors", "trace-shop", "--since", "1s"], 1, "no trace with an error"),
    ],
)
@pytest.mark.usefixtures("alerts", "shop")
def test_what_is_not_there(stack: Stack, words: list[str], code: int, said: str) -> None:
    done = trace(stack, *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_without_tempo_there_is_no_answer(stack: Stack, shop: Shop) -> None:
    with stopped(stack, "tempo"):
        done = trace(stack, shop.slow)
    assert (done.returncode, done.stdout) == (3, "")
    assert "does not answer" in done.stderr


def test_without_loki_the_rest_is_shown(stack: Stack, shop: Shop) -> None:
    with stopped(stack, "loki"):
        done = trace(stack, shop.slow)
    assert done.returncode == 0
    assert "GET /buy/{item}" in done.stdout
    assert "note: Loki could not be asked: " in done.stdout


@contextmanager
def stopped(stack: Stack, component: str) -> Iterator[None]:
    supervisor.stop(stack.home, [component])
    try:
        yield
    finally:
        supervisor.resume(stack.home, component)
        stack.until(lambda: is_ready(BY_NAME[component].ready_url(stack.settings)), seconds=60)
        stack.settle()
