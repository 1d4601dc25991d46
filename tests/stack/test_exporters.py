"""`up --with` against a real PostgreSQL and a real Redis, both with passwords."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.backends import prometheus
from obsdeck.errors import ObsdeckError
from obsdeck.stack import files, processes
from tests.stack.conftest import PASSWORD, QUOTED, running_postgres, running_redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psutil
    from conftest import Machine

pytestmark = pytest.mark.stack

EXPORTERS = {"postgres-exporter", "redis-exporter"}


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    """Without the servers' programs these tests are left out."""
    needed = ["collector", "prometheus", "loki", "alertmanager", *sorted(EXPORTERS)]
    install = [sys.executable, "-m", "obsdeck", "install", "--offline", "--json", *needed]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the servers are not installed: obsdeck install {' '.join(needed)}")


@pytest.fixture
def often(machine: Machine) -> Machine:
    """An account whose Prometheus scrapes often; a scrape of a PostgreSQL that is away takes a second."""
    folder = machine.folder / "observability"
    shutil.copytree(files.observability(), folder)
    config = folder / "prometheus" / "prometheus.yml"
    config.write_text(config.read_text().replace("scrape_interval: 15s", "scrape_interval: 3s"))
    machine.environ["OBSDECK_CONFIG"] = str(folder)
    return machine


def until(condition: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.1)


@pytest.fixture
def postgres(machine: Machine) -> Iterator[str]:
    """The address of a PostgreSQL."""
    with running_postgres(*machine.free_ports(1)) as address:
        yield address


@pytest.fixture
def redis(machine: Machine) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a Redis, and its process."""
    with running_redis(*machine.free_ports(1)) as found:
        yield found


def value(machine: Machine, metric: str) -> float | None:
    """The newest value that Prometheus has."""
    with suppress(ObsdeckError):
        for sample in prometheus.query(f"http://127.0.0.1:{machine.port('PROMETHEUS')}", metric):
            return sample.value
    return None


def status(machine: Machine) -> dict[str, Any]:
    document = json.loads(machine.obsdeck("status", "--json").stdout)
    return {one["name"]: one for one in document["components"]}


def holding(folder: Path, secrets: tuple[bytes, ...]) -> set[str]:
    """The files below a folder in which one of these texts stands."""
    ordinary = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder))
        for path in ordinary
        if any(text in path.read_bytes() for text in secrets)
    }


def test_databases_are_watched_from_when_they_are_asked_for_until_down(
    often: Machine, postgres: str, redis: tuple[str, subprocess.Popen[bytes]]
) -> None:
    machine, (cache, server) = often, redis
    first = machine.up("--with", "postgres", OBSDECK_POSTGRES_URL=postgres)
    assert first.returncode == 0, first.stderr
    before = machine.running()
    assert "redis-exporter" not in machine.states()

    # From elsewhere, where the other address is not known.
    second = machine.up("--with=postgres,redis", OBSDECK_REDIS_URL=cache)
    assert second.returncode == 0, second.stderr
    assert set(before) < set(machine.running())
    assert machine.up().returncode == 0
    assert machine.states().keys() >= EXPORTERS
    assert set(machine.states().values()) == {"ready"}
    until(lambda: value(machine, "pg_up") == value(machine, "redis_up") == 1)
    failed = 'pg_scrape_collector_success{collector!="stat_statements"} == 0'
    assert value(machine, "pg_stat_database_xact_commit") is not None
    assert value(machine, failed) is None, "the role pg_monitor is all that is needed"

    server.terminate()
    until(lambda: "redis does not answer" in status(machine)["redis-exporter"]["note"])
    assert status(machine)["redis-exporter"]["state"] == "ready"
    assert status(machine)["postgres-exporter"]["note"] == ""
    assert json.loads(machine.obsdeck("doctor", "--json").stdout)["verdict"] is None

    kept = {"secrets/postgres-url", "secrets/redis-url"}
    secrets = (PASSWORD.encode(), QUOTED.encode())
    home = machine.home.root
    assert holding(home, secrets) == kept
    assert {(home / name).stat().st_mode & 0o777 for name in kept} == {0o600}
    told = {one.name() for one in processes.marked(machine.home) if QUOTED in str(one.environ())}
    assert told == {Path(one.exe()).name for one in exporters(machine)}
    assert not any(QUOTED in " ".join(one.cmdline()) for one in processes.marked(machine.home))

    assert machine.obsdeck("down").returncode == 0
    assert machine.running() == []
    assert holding(home, secrets) == set()
    assert machine.up().returncode == 0
    assert machine.states().keys().isdisjoint(EXPORTERS)
    assert machine.up("--with", "redis").returncode == 2


def exporters(machine: Machine) -> list[psutil.Process]:
    ports = {machine.port("POSTGRES_EXPORTER"), machine.port("REDIS_EXPORTER")}
    marked = processes.marked(machine.home)
    return [one for one in marked if ports & {held.laddr.port for held in one.net_connections("tcp")}]


def test_databases_that_are_away_are_a_finding_and_no_reason_to_fail(often: Machine) -> None:
    postgres, redis = often.free_ports(2)
    done = often.up(
        "--with",
        "postgres,redis",
        OBSDECK_POSTGRES_URL=f"postgresql://u:sesame@127.0.0.1:{postgres}/d",
        OBSDECK_REDIS_URL=f"redis://:sesame@127.0.0.1:{redis}",
    )
    assert done.returncode == 0, done.stderr
    until(lambda: value(often, "pg_up") == value(often, "redis_up") == 0)
    said = {name: one["note"] for name, one in status(often).items()}
    assert "OBSDECK_POSTGRES_URL" in said["postgres-exporter"]
    assert "OBSDECK_REDIS_URL" in said["redis-exporter"]
    assert holding(often.home.root / "logs", (b"sesame",)) == set()


def test_an_exporter_that_cannot_be_started_leaves_the_running_stack_as_it_was(often: Machine) -> None:
    exporter = often.folder / "redis_exporter"
    exporter.write_text(f"#!/bin/sh\n[ \"$1\" = --version ] && echo '{VERSION}' && exit\nexit 1\n")
    exporter.chmod(0o755)
    [port] = often.free_ports(1)
    often.environ |= {
        "OBSDECK_REDIS_EXPORTER_BIN": str(exporter),
        "OBSDECK_REDIS_URL": f"redis://127.0.0.1:{port}",
    }
    assert often.up().returncode == 0
    before = often.running()
    done = often.up("--with", "redis")
    assert done.returncode == 1, done.stderr
    assert "error: redis_exporter ended while it was starting" in done.stderr
    assert often.running() == before
    assert "redis-exporter" not in often.states()
    exporter.write_text(f'#!/bin/sh\nexec {real("redis-exporter")} "$@"\n')
    assert often.up("--with", "redis").returncode == 0
    assert often.states()["redis-exporter"] == "ready"


VERSION = "Redis Metrics Exporter v1.93.0"


def real(name: str) -> str:
    """The program that `up` would take."""
    done = subprocess.run(
        [sys.executable, "-m", "obsdeck", "install", "--offline", "--json", name],
        capture_output=True,
        text=True,
        check=True,
    )
    return shlex.quote(json.loads(done.stdout)["components"][0]["path"])
