"""`docker compose up`, for real: ready, closed to the outside, telemetry in and out, and nothing lost."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import socket
import subprocess
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.docker

OPS = Path(__file__).resolve().parents[2] / "ops" / "observability"
ON_REQUEST = {"postgres-exporter", "redis-exporter"}
OPTIONAL = {"grafana", "node-exporter"} | ON_REQUEST
BESIDE = {"collector-volume", "retention"}
"""What is no server: it has no metrics and no port."""
START_SECONDS = 180


@dataclass(frozen=True)
class Compose:
    """The stack under a project name and ports of its own.

    Attributes:
        environ: What `docker compose` runs with.
        services: The services whose images are there.
    """

    environ: dict[str, str]
    services: tuple[str, ...]

    def run(self, *words: str) -> str:
        """The output of `docker compose ...`; fails the test with its words."""
        file = str(OPS / "compose.yaml")
        done = docker("compose", "--env-file", os.devnull, "--file", file, *words, environ=self.environ)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def up(self) -> None:
        self.run("up", "--detach", "--wait", "--pull", "never", *self.services)

    def given(self, **variables: str) -> Compose:
        """The same stack with more in the environment."""
        return replace(self, environ={**self.environ, **variables})

    def url(self, variable: str) -> str:
        return f"http://127.0.0.1:{self.environ[variable]}"

    def inspect(self, service: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(
            docker("inspect", self.run("ps", "--quiet", service).strip()).stdout
        )
        return found[0]


def docker(*words: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *words], env=environ, capture_output=True, text=True, check=False, timeout=START_SECONDS
    )


def until(condition: Callable[[], Any], seconds: float = 30) -> Any:
    """What the condition gives once it is true; the test fails if that takes too long."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"did not happen within {seconds} s")
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def stack() -> Iterator[Compose]:
    services = _services_with_images()
    text = (OPS / "compose.yaml").read_text(encoding="utf-8")
    ports = set(re.findall(r"\{(OBSDECK_\w+_PORT):-", text))
    environ = {**os.environ, **_free_ports(ports), "COMPOSE_PROJECT_NAME": f"obsdeck-{secrets.token_hex(4)}"}
    environ["COMPOSE_PROFILES"] = "postgres,redis"
    compose = Compose(environ, services)
    try:
        compose.up()
        yield compose
    finally:
        compose.run("down", "--volumes", "--timeout", "2")


def _services_with_images() -> tuple[str, ...]:
    """All services; without the optional ones whose image cannot be had, and none without an engine."""
    if not _works("version") or not _works("compose", "version"):
        pytest.skip("there is no Docker engine with compose here")
    services = yaml.safe_load((OPS / "compose.yaml").read_text(encoding="utf-8"))["services"]
    missing = {name for name, service in services.items() if not _works("image", "inspect", service["image"])}
    missing = {name for name in missing if not _works("pull", "--quiet", services[name]["image"])}
    if missing - OPTIONAL:
        pytest.skip("images cannot be pulled: " + ", ".join(sorted(missing - OPTIONAL)))
    return tuple(name for name in services if name not in missing)


def _works(*words: str) -> bool:
    try:
        return docker(*words).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _free_ports(names: set[str]) -> dict[str, str]:
    sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
    ports = {name: str(one.getsockname()[1]) for name, one in sockets.items()}
    for one in sockets.values():
        one.close()
    return ports


@dataclass(frozen=True)
class Sent:
    """One request as a service would report it, by OTLP/HTTP in JSON."""

    service: str
    trace: str
    span: str

    @classmethod
    def new(cls) -> Sent:
        return cls(f"docker-{secrets.token_hex(4)}", secrets.token_hex(16), secrets.token_hex(8))

    def bodies(self, status: int = 0) -> dict[str, dict[str, Any]]:
        now = time.time_ns()
        resource = {
            "attributes": [
                {"key": key, "value": {"stringValue": value}}
                for key, value in (("service.name", self.service), ("service.instance.id", "one"))
            ]
        }
        ids = {"traceId": self.trace, "spanId": self.span}
        span = {
            **ids,
            "name": "GET /",
            "kind": 2,
            "status": {"code": status},
            "startTimeUnixNano": str(now - 10**8),
            "endTimeUnixNano": str(now),
        }
        line = {**ids, "timeUnixNano": str(now), "severityNumber": 9, "body": {"stringValue": "hello"}}
        exemplar = {**ids, "timeUnixNano": str(now), "asDouble": 0.1}
        point = {
            "startTimeUnixNano": str(now - 10**9),
            "timeUnixNano": str(now),
            "count": "1",
            "sum": 0.1,
            "bucketCounts": ["0", "1", "0"],
            "explicitBounds": [0.05, 0.25],
            "exemplars": [exemplar],
        }
        metric = {
            "name": "http.server.request.duration",
            "unit": "s",
            "histogram": {"aggregationTemporality": 2, "dataPoints": [point]},
        }
        return {
            "traces": {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]},
            "logs": {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [line]}]}]},
            "metrics": {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]},
        }

    def send(self, stack: Compose, status: int = 0) -> None:
        for signal, body in self.bodies(status).items():
            url = f"{stack.url('OBSDECK_OTLP_HTTP_PORT')}/v1/{signal}"
            until(partial(_posted, url, body))

    def found(self, stack: Compose) -> dict[str, bool]:
        """Which signal can be asked for."""
        query = f'http_server_request_duration_seconds_count{{service_name="{self.service}"}}'
        metric = get(
            f"{stack.url('OBSDECK_PROMETHEUS_PORT')}/api/v1/query", query=f"last_over_time({query}[10m])"
        )
        line = f'{{service_name="{self.service}"}} | trace_id=`{self.trace}`'
        log = get(f"{stack.url('OBSDECK_LOKI_PORT')}/loki/api/v1/query_range", query=line, since="10m")
        search = f'{{ resource.service.name = "{self.service}" }}'
        trace = get(f"{stack.url('OBSDECK_TEMPO_PORT')}/api/search", q=search)
        return {
            "metric": bool(metric and metric["data"]["result"]),
            "log": bool(log and log["data"]["result"]),
            "trace": bool(trace and trace.get("traces")),
        }


def _posted(url: str, body: dict[str, Any]) -> bool:
    try:
        return httpx.post(url, json=body).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def get(url: str, **parameters: str) -> Any:
    """The answer's JSON, None where there is no good answer yet."""
    try:
        answer = httpx.get(url, params=parameters, timeout=10)
    except httpx.TransportError:
        return None
    return answer.json() if answer.status_code == httpx.codes.OK else None


ALL = {"metric": True, "log": True, "trace": True}


def test_telemetry_gets_from_the_published_port_into_each_backend(stack: Compose) -> None:
    sent = Sent.new()
    sent.send(stack)
    until(lambda: sent.found(stack) == ALL)


def test_an_exemplar_leads_from_the_metric_to_the_trace(stack: Compose) -> None:
    sent = Sent.new()
    sent.send(stack)
    query = f'http_server_request_duration_seconds_bucket{{service_name="{sent.service}"}}'
    url = f"{stack.url('OBSDECK_PROMETHEUS_PORT')}/api/v1/query_exemplars"
    now = time.time()
    series = until(lambda: get(url, query=query, start=str(now - 600), end=str(now + 60))["data"])
    assert series[0]["exemplars"][0]["labels"]["trace_id"] == sent.trace


def test_the_servers_scrape_and_find_each_other(stack: Compose) -> None:
    url = f"{stack.url('OBSDECK_PROMETHEUS_PORT')}/api/v1"
    expected = set(stack.services) - BESIDE - ON_REQUEST
    until(
        lambda: (
            expected
            <= {row["metric"]["job"] for row in get(f"{url}/query", query="up == 1")["data"]["result"]}
        )
    )
    assert get(f"{url}/alertmanagers")["data"]["activeAlertmanagers"]
    groups = get(f"{url}/rules")["data"]["groups"]
    assert groups
    assert all(rule["health"] != "err" for group in groups for rule in group["rules"])


def test_containers_run_with_next_to_no_rights(stack: Compose) -> None:
    for service in set(stack.services) - {"collector-volume"}:
        state = stack.inspect(service)
        assert state["State"]["Status"] == "running", service
        assert state["HostConfig"]["ReadonlyRootfs"], service
        assert state["HostConfig"]["CapDrop"] == ["ALL"], service
        assert not state["Config"]["User"].startswith("0"), service
        assert state["HostConfig"]["Memory"], service


def test_ports_are_published_on_loopback_only(stack: Compose) -> None:
    for service in set(stack.services) - BESIDE:
        bindings = stack.inspect(service)["NetworkSettings"]["Ports"].values()
        addresses = {binding["HostIp"] for one in bindings if one for binding in one}
        assert addresses == {"127.0.0.1"}, service


def test_logs_that_take_too_much_room_are_asked_for_at_loki(stack: Compose) -> None:
    """In the image's own shell, with a chunk of 1 January 2020 that is made up, and a Loki that is not."""
    name = base64.b64encode(f"{1577836800000:x}:{1577840400000:x}:213599a5".encode()).decode()
    fill = f"mkdir -p /dev/shm/chunks/fake/1 && head -c 2000000 /dev/zero >/dev/shm/chunks/fake/1/{name}"
    given = ("--env", "OBSDECK_LOKI_DATA=/dev/shm", "--env", "OBSDECK_LOGS_MAX_SIZE=1MB")
    words = ("sh", "-c", f"{fill} && exec timeout 60 sh /etc/retention/retention.sh 1")
    stack.run("exec", "--detach", *given, "retention", *words)
    asked = until(lambda: get(f"{stack.url('OBSDECK_LOKI_PORT')}/loki/api/v1/delete"))
    assert asked[0]["query"] == '{service_name=~".+"}'
    assert asked[0]["end_time"] == 1577840400


def test_retention_may_read_lokis_volume_and_change_tempos(stack: Compose) -> None:
    def tried(*words: str) -> bool:
        container = stack.run("ps", "--quiet", "retention").strip()
        return docker("exec", container, *words).returncode == 0

    assert tried("ls", "/loki/chunks")
    assert not tried("touch", "/loki/chunks/mine")
    assert tried("touch", "/var/tempo/mine")


def test_data_survives_down_and_up(stack: Compose) -> None:
    sent = Sent.new()
    sent.send(stack)
    until(lambda: sent.found(stack) == ALL)
    stack.run("down", "--timeout", "5")
    stack.up()
    until(lambda: sent.found(stack) == ALL)


def test_what_comes_in_while_a_backend_is_away_arrives_when_it_is_back(stack: Compose) -> None:
    stack.run("stop", "--timeout", "5", "loki")
    sent = Sent.new()
    sent.send(stack)
    until(lambda: sent.found(stack) == {**ALL, "log": False})
    stack.run("kill", "collector")
    stack.up()
    until(lambda: sent.found(stack) == ALL, seconds=60)


def test_with_a_token_only_its_bearers_get_in(stack: Compose) -> None:
    token = secrets.token_urlsafe()
    guarded = stack.given(OBSDECK_OTLP_TOKEN=token, OBSDECK_TRACES_KEPT_PERCENT="5")
    url = f"{stack.url('OBSDECK_OTLP_HTTP_PORT')}/v1/traces"
    body = Sent.new().bodies()["traces"]

    def answer(**headers: str) -> int:
        try:
            return httpx.post(url, json=body, headers=headers).status_code
        except httpx.TransportError:
            return 0

    guarded.up()
    until(lambda: answer() == httpx.codes.UNAUTHORIZED)
    assert answer(authorization="Bearer wrong") == httpx.codes.UNAUTHORIZED
    assert answer(authorization=f"Bearer {token}") == httpx.codes.OK
    assert token not in " ".join(guarded.inspect("collector")["Args"])
    stack.up()
    until(lambda: answer() == httpx.codes.OK)


def test_a_token_that_is_set_to_nothing_opens_nothing(stack: Compose) -> None:
    with pytest.raises(AssertionError, match="OBSDECK_OTLP_TOKEN is missing a value"):
        stack.given(OBSDECK_OTLP_TOKEN="").up()


def test_of_traces_only_as_many_are_kept_as_are_asked_for(stack: Compose) -> None:
    sampled = stack.given(OBSDECK_TRACES_KEPT_PERCENT="0")
    sampled.up()
    dull, failed = Sent.new(), Sent.new()
    dull.send(sampled)
    failed.send(sampled, status=2)
    until(lambda: failed.found(sampled) == ALL)
    # Judged before the other one, since it came before it.
    assert dull.found(sampled) == {**ALL, "trace": False}
    stack.up()


def test_grafana_lets_its_admin_in_and_has_the_dashboard(stack: Compose) -> None:
    if "grafana" not in stack.services:
        pytest.skip("the image of Grafana is not there and cannot be pulled")
    url = stack.url("OBSDECK_GRAFANA_PORT")
    said = re.search(r"password (\S+) - shown this once", stack.run("logs", "--no-log-prefix", "grafana"))
    password = stack.run("exec", "grafana", "cat", "/var/lib/grafana/admin-password")
    assert said is None or said[1] == password
    assert httpx.get(f"{url}/api/datasources").status_code == httpx.codes.UNAUTHORIZED
    with httpx.Client(base_url=url, auth=("admin", password)) as admin:
        assert {source["uid"] for source in admin.get("/api/datasources").json()} >= {
            "prometheus",
            "tempo",
            "loki",
            "alertmanager",
        }
        for uid in ("prometheus", "loki", "tempo"):
            assert admin.get(f"/api/datasources/uid/{uid}/health").json()["status"] == "OK", uid
        assert admin.get("/api/dashboards/uid/obsdeck-http").status_code == httpx.codes.OK
