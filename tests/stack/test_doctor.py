"""Every hop is broken on purpose, and `doctor` must name that hop and blame none before it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from obsdeck.backends import collector, http, loki, prometheus
from obsdeck.diagnose.doctor import Diagnosis, Question, examine
from obsdeck.stack import commands, record, supervisor
from obsdeck.stack.components import BY_NAME
from obsdeck.stack.environment import Settings
from obsdeck.stack.health import is_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Stack

pytestmark = pytest.mark.stack

COMPONENTS = ("collector", "prometheus", "loki", "tempo", "alertmanager")


@pytest.fixture(autouse=True)
def no_service_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def began() -> float:
    """What an earlier test broke is not held against this one."""
    return time.time()


@pytest.fixture
def diagnose(stack: Stack, began: float) -> Callable[..., Diagnosis]:
    def run(
        settings: Settings | None = None, env_file: Path | None = None, since: float = began
    ) -> Diagnosis:
        question = Question(since, timeout=5, env_file=env_file)
        return examine(settings or stack.settings, stack.home, question)

    return run


def broken_at(found: Diagnosis, hop: str) -> str:
    """The evidence of the verdict, which must be this hop and the first that is not sound."""
    assert found.verdict == hop, [check for check in found.checks if not check.ok]
    verdict = next(check for check in found.checks if check.id == hop)
    assert verdict.next
    return verdict.evidence


def ids(found: Diagnosis) -> set[str]:
    return {check.id for check in found.checks}


# --- all is well -------------------------------------------------------------------------------------


def test_a_sound_stack_has_no_broken_hop(diagnose: Callable[..., Diagnosis]) -> None:
    found = diagnose()
    assert found.verdict is None, [check for check in found.checks if not check.ok]
    for component in COMPONENTS:
        assert {f"port.{component}", f"process.{component}", f"ready.{component}"} <= ids(found)


def test_the_round_trip_comes_last_and_is_timed(diagnose: Callable[..., Diagnosis]) -> None:
    *_, trace, metric, log = sorted(diagnose().checks[-3:], key=lambda check: -len(check.id))
    last = {trace.id, metric.id, log.id}
    assert last == {"round-trip.trace", "round-trip.metric", "round-trip.log"}
    assert all(check.ok and check.seconds for check in (trace, metric, log))


def test_the_command_prints_one_document(stack: Stack) -> None:
    done = doctor(stack, "--json", "--lookback", "1")
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"], document["verdict"]) == (0, True, None)
    assert document["schema_version"] == 1
    for check in document["checks"]:
        assert {"id", "ok", "evidence", "next"} <= check.keys()
    assert {check["id"] for check in document["checks"] if "seconds" in check} == {
        "round-trip.trace",
        "round-trip.metric",
        "round-trip.log",
    }


def test_the_command_ends_with_the_verdict(stack: Stack) -> None:
    with stopped(stack, "alertmanager"):
        done = doctor(stack, "--lookback", "1")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "broken hop: process.alertmanager"
    assert "next: obsdeck up" in done.stdout


def test_without_a_stack_the_command_says_so(tmp_path: Path) -> None:
    environ = {**os.environ, "OBSDECK_HOME": str(tmp_path / "nothing")}
    done = subprocess.run(
        [sys.executable, "-m", "obsdeck", "doctor"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stdout.splitlines()[-1] == "broken hop: stack.recorded"


# --- servers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_that_was_stopped(
    stack: Stack, diagnose: Callable[..., Diagnosis], component: str
) -> None:
    with stopped(stack, component):
        found = diagnose()
    assert "STOPPED" in broken_at(found, f"process.{component}")
    assert f"ready.{component}" not in ids(found)


def test_nothing_behind_a_stopped_collector_is_blamed(
    stack: Stack, diagnose: Callable[..., Diagnosis]
) -> None:
    with stopped(stack, "collector"):
        found = diagnose()
    assert [check.id for check in found.checks if not check.ok] == ["process.collector"]


def test_without_loki_traces_and_metrics_still_get_through(
    stack: Stack, diagnose: Callable[..., Diagnosis]
) -> None:
    with stopped(stack, "loki"):
        found = diagnose()
    assert [check.id for check in found.checks if not check.ok] == ["process.loki"]
    assert {"round-trip.trace", "round-trip.metric"} <= ids(found)
    assert "round-trip.log" not in ids(found)


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_that_hangs_is_not_ready(
    stack: Stack, diagnose: Callable[..., Diagnosis], component: str
) -> None:
    pid = supervisor.states(stack.home)[component].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        found = diagnose()
    finally:
        os.kill(pid, signal.SIGCONT)
        stack.settle()
    assert "no answer within 2 s" in broken_at(found, f"ready.{component}")


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_port_that_a_stranger_has_taken(
    stack: Stack, diagnose: Callable[..., Diagnosis], component: str
) -> None:
    port = stack.settings.port(BY_NAME[component].port)
    with stopped(stack, component), socket.create_server(("127.0.0.1", port)):
        found = diagnose()
    evidence = broken_at(found, f"port.{component}")
    assert f"{port} " in evidence
    assert f"pid {os.getpid()}" in evidence


def test_a_configuration_that_its_server_refuses(stack: Stack, diagnose: Callable[..., Diagnosis]) -> None:
    path = stack.home.etc("loki") / "loki.yaml"
    sound = path.read_text()
    path.write_text(sound + "\nno_such_section: {}\n")
    try:
        found = diagnose()
    finally:
        path.write_text(sound)
    assert "no_such_section" in broken_at(found, "configuration.loki")


def test_a_data_directory_that_is_full(
    stack: Stack, diagnose: Callable[..., Diagnosis], mounted: Callable[[Path, str], None]
) -> None:
    mounted(stack.home.data("alertmanager"), "size=64k")
    assert "No space left" in broken_at(diagnose(), "disk.alertmanager")


def test_a_data_directory_that_is_read_only(
    stack: Stack,
    diagnose: Callable[..., Diagnosis],
    mounted: Callable[[Path, str], None],
    request: pytest.FixtureRequest,
) -> None:
    directory = stack.home.data("alertmanager")
    if os.geteuid() == 0:  # root writes everywhere but on a read-only file system
        mounted(directory, "ro")
    else:
        directory.chmod(0o500)
        request.addfinalizer(lambda: directory.chmod(0o700))
    assert "cannot be written" in broken_at(diagnose(), "disk.alertmanager")


def test_settings_that_changed_since_the_start(stack: Stack, diagnose: Callable[..., Diagnosis]) -> None:
    name = "OBSDECK_OTLP_HTTP_PORT"
    changed = Settings({**stack.settings.values, name: "4319"}, {**stack.settings.origins, name: ".env:3"})
    assert "4319 (.env:3)" in broken_at(diagnose(changed), "settings")


# --- the way through ---------------------------------------------------------------------------------


def test_a_collector_that_refuses_the_token(stack: Stack, diagnose: Callable[..., Diagnosis]) -> None:
    right = with_token(stack.settings, "right")
    with configured(stack, demand_token("right")):
        assert "none is set here" in broken_at(diagnose(), "otlp.collector")
        wrong = with_token(stack.settings, "wrong")
        assert "refuses the token" in broken_at(diagnose(wrong), "otlp.collector")
        assert diagnose(right).verdict is None


def test_a_prometheus_without_the_otlp_receiver(stack: Stack, diagnose: Callable[..., Diagnosis]) -> None:
    with without_flag(stack, "prometheus", "--web.enable-otlp-receiver"):
        found = diagnose()
    assert "--web.enable-otlp-receiver" in broken_at(found, "otlp.prometheus")
    assert "round-trip.metric" not in ids(found)
    assert "round-trip.log" in ids(found)


def test_records_that_loki_refuses_for_their_age(stack: Stack, diagnose: Callable[..., Diagnosis]) -> None:
    before = time.time_ns() - 30 * 24 * 3600 * 10**9
    send(stack, "logs", log_of({"service.name": "late"}, before))
    stack.until(lambda: "too old" in log_text(stack, "collector"))
    evidence = broken_at(diagnose(), "pipeline.logs")
    assert "lost 1 log records on the way to Loki" in evidence
    assert "too old" in evidence


def test_a_queue_that_does_not_move(stack: Stack, diagnose: Callable[..., Diagnosis]) -> None:
    with refusing_server() as url, configured(stack, send_logs_to(url)):
        found = diagnose()
    assert "wait in the collector's queue for Loki" in broken_at(found, "pipeline.logs")
    assert "round-trip.log" not in ids(found)


# --- services ----------------------------------------------------------------------------------------


def test_a_service_that_sends_to_a_port_where_nobody_listens(
    stack: Stack, diagnose: Callable[..., Diagnosis], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        taken = diagnose(env_file=env_file(tmp_path, f"http://localhost:{port}"))
    free = diagnose(env_file=env_file(tmp_path, f"http://localhost:{port}"))
    right = stack.settings["OBSDECK_OTLP_HTTP_PORT"]
    assert f"{port} is held by" in broken_at(taken, "service.endpoint")
    assert f"nobody listens on {port}; the collector takes OTLP at {right}" in broken_at(
        free, "service.endpoint"
    )


def test_a_service_that_sends_http_to_the_grpc_port(
    stack: Stack, diagnose: Callable[..., Diagnosis], tmp_path: Path
) -> None:
    port = stack.settings["OBSDECK_OTLP_GRPC_PORT"]
    found = diagnose(env_file=env_file(tmp_path, f"http://127.0.0.1:{port}"))
    assert "speaks gRPC only" in broken_at(found, "service.endpoint")


def test_a_service_that_sends_to_the_right_port(
    stack: Stack, diagnose: Callable[..., Diagnosis], tmp_path: Path
) -> None:
    assert diagnose(env_file=env_file(tmp_path, stack.urls["collector"])).verdict is None


def test_metrics_of_a_service_without_a_name(stack: Stack, diagnose: Callable[..., Diagnosis]) -> None:
    send(stack, "metrics", sum_of({}, "doctor.nameless"))
    stack.until(lambda: prometheus.query(stack.urls["prometheus"], "doctor_nameless_total"))
    sent = time.time()
    assert "doctor_nameless_total (no name at all)" in broken_at(diagnose(), "service.name")
    assert diagnose(since=sent).verdict is None


def test_logs_of_a_service_without_a_name(stack: Stack, diagnose: Callable[..., Diagnosis]) -> None:
    now = time.time()
    send(stack, "logs", log_of({"service.name": "unknown_service:python"}, time.time_ns()))
    selector = '{service_name="unknown_service:python"}'
    stack.until(lambda: loki.query_range(stack.urls["loki"], selector, start=now - 1, end=time.time() + 1))
    sent = time.time()
    assert "1 log lines (unknown_service:python)" in broken_at(diagnose(), "service.name")
    assert diagnose(since=sent).verdict is None


def test_traces_of_a_service_without_a_name(stack: Stack, diagnose: Callable[..., Diagnosis]) -> None:
    calls = 'traces_spanmetrics_calls_total{service_name="unknown_service"}'
    with configured(stack, count_spans_every_second):
        send(stack, "traces", span_of({"service.name": "unknown_service"}))
        stack.until(lambda: prometheus.query(stack.urls["prometheus"], f"{calls} > 0"))
        counted = time.time()
        assert "spans (unknown_service)" in broken_at(diagnose(), "service.name")
        assert diagnose(since=counted).verdict is None


def test_a_service_that_sends_delta_metrics(
    stack: Stack, diagnose: Callable[..., Diagnosis], request: pytest.FixtureRequest
) -> None:
    metrics = f"http://127.0.0.1:{stack.settings['OBSDECK_COLLECTOR_METRICS_PORT']}/metrics"
    before = collector.filtered_points(metrics)
    send(stack, "metrics", sum_of({"service.name": "delta"}, "doctor.delta", temporality=1))
    stack.until(lambda: collector.filtered_points(metrics) > before)
    # What Prometheus has seen counts as old in the next test.
    request.addfinalizer(lambda: stack.until(lambda: scraped(stack) > before, seconds=40))
    assert "dropped 1 metric points" in broken_at(diagnose(), "service.temporality")


def test_a_service_that_is_told_to_send_delta_metrics(
    diagnose: Callable[..., Diagnosis], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "DELTA")
    assert "is set here" in broken_at(diagnose(), "service.temporality")


# --- breaking and mending ----------------------------------------------------------------------------


@contextmanager
def stopped(stack: Stack, component: str) -> Iterator[None]:
    supervisor.stop(stack.home, [component])
    try:
        yield
    finally:
        supervisor.resume(stack.home, component)
        until_ready(stack, component)
        stack.settle()


@contextmanager
def without_flag(stack: Stack, component: str, flag: str) -> Iterator[None]:
    try:
        restart(stack, component, without=flag)
        yield
    finally:
        restart(stack, component)
        stack.settle()


@contextmanager
def configured(stack: Stack, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """The collector with a changed configuration."""
    path = stack.home.etc("collector") / "config.yaml"
    sound = path.read_text()
    document = yaml.safe_load(sound)
    change(document)
    try:
        path.write_text(yaml.safe_dump(document))
        restart(stack, "collector")
        yield
    finally:
        path.write_text(sound)
        restart(stack, "collector")
        stack.settle()


def demand_token(token: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document["extensions"]["bearertokenauth"] = {"scheme": "Bearer", "token": token}
        document["service"]["extensions"].append("bearertokenauth")
        for protocol in document["receivers"]["otlp"]["protocols"].values():
            protocol["auth"] = {"authenticator": "bearertokenauth"}

    return change


def send_logs_to(url: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document["exporters"]["otlp_http/loki"]["endpoint"] = url

    return change


def count_spans_every_second(document: dict[str, Any]) -> None:
    document["connectors"]["span_metrics"]["metrics_flush_interval"] = "1s"


def with_token(settings: Settings, token: str) -> Settings:
    return replace(settings, values={**settings.values, "OBSDECK_OTLP_TOKEN": token})


def restart(stack: Stack, component: str, without: str = "") -> None:
    running = record.read(stack.home)
    assert running is not None
    programs = [
        program
        for one in running.components
        if one.provider
        for program in commands.programs(
            one.name, Path(one.path) if one.path else None, stack.settings, stack.home
        )
    ]
    programs = [
        replace(program, argv=tuple(word for word in program.argv if word != without))
        if program.name == component
        else program
        for program in programs
    ]
    supervisor.stop(stack.home, [component])
    supervisor.write_config(stack.home, programs)
    supervisor._call(stack.home, "removeProcessGroup", component)
    supervisor.add(stack.home, component)
    until_ready(stack, component)


def until_ready(stack: Stack, component: str) -> None:
    stack.until(lambda: is_ready(BY_NAME[component].ready_url(stack.settings)))


@contextmanager
def refusing_server() -> Iterator[str]:
    """A backend that asks for patience, for ever."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, ExitStack() as ending:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        ending.callback(thread.join)
        ending.callback(server.shutdown)
        yield f"http://127.0.0.1:{server.server_port}"


# --- telemetry by hand -------------------------------------------------------------------------------


def doctor(stack: Stack, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.run(
        [sys.executable, "-m", "obsdeck", "doctor", *words],
        env={**environ, **stack.environ},
        capture_output=True,
        text=True,
        check=False,
    )


def scraped(stack: Stack) -> float:
    samples = prometheus.query(stack.urls["prometheus"], f'{{__name__=~"{collector.FILTERED_POINTS}.*"}}')
    return sum(sample.value for sample in samples)


def env_file(folder: Path, endpoint: str) -> Path:
    path = folder / "service.env"
    path.write_text(f"OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}\n")
    return path


def log_text(stack: Stack, component: str) -> str:
    return stack.home.log(component).read_text(errors="replace")


def send(stack: Stack, signal_name: str, document: dict[str, Any]) -> None:
    url = f"{stack.urls['collector']}/v1/{signal_name}"
    answer = http.post(url, json.dumps(document).encode(), headers={"content-type": "application/json"})
    assert answer.status == 200, answer.text


def resource(attributes: dict[str, str]) -> dict[str, Any]:
    return {
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]
    }


def sum_of(attributes: dict[str, str], name: str, temporality: int = 2) -> dict[str, Any]:
    now = time.time_ns()
    point = {"startTimeUnixNano": str(now - 10**9), "timeUnixNano": str(now), "asInt": "1"}
    total = {"aggregationTemporality": temporality, "isMonotonic": True, "dataPoints": [point]}
    metrics = [{"name": name, "unit": "1", "sum": total}]
    return {"resourceMetrics": [{"resource": resource(attributes), "scopeMetrics": [{"metrics": metrics}]}]}


def log_of(attributes: dict[str, str], nanoseconds: int) -> dict[str, Any]:
    records = [{"timeUnixNano": str(nanoseconds), "body": {"stringValue": "by hand"}}]
    return {"resourceLogs": [{"resource": resource(attributes), "scopeLogs": [{"logRecords": records}]}]}


def span_of(attributes: dict[str, str]) -> dict[str, Any]:
    now = time.time_ns()
    span = {
        "traceId": os.urandom(16).hex(),
        "spanId": os.urandom(8).hex(),
        "name": "by hand",
        "kind": 2,
        "startTimeUnixNano": str(now - 10**6),
        "endTimeUnixNano": str(now),
    }
    return {"resourceSpans": [{"resource": resource(attributes), "scopeSpans": [{"spans": [span]}]}]}
