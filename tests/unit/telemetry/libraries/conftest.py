"""A real PostgreSQL and a real Redis, and services that call them."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..conftest import Sink, plain, serving, until  # noqa: TID252 - test folders are no packages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..conftest import Service  # noqa: TID252


@dataclass(frozen=True)
class Trace:
    """One request: its server span and what it called, oldest first."""

    server: Any
    calls: tuple[Any, ...]

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.calls]

    @property
    def attributes(self) -> list[dict[str, Any]]:
        return [plain(span.attributes) for span in self.calls]


def traces(sink: Sink) -> dict[str, Trace]:
    """The requests by their routes; every call belongs to its request, directly."""
    found = {}
    for server in (span for span in sink.spans if span.kind == span.SPAN_KIND_SERVER):
        calls = [span for span in sink.spans if span.parent_span_id == server.span_id]
        assert {span.trace_id for span in calls} <= {server.trace_id}
        calls.sort(key=lambda span: span.start_time_unix_nano)
        found[server.name.removeprefix("GET ")] = Trace(server, tuple(calls))
    return found


def seconds(sink: Sink, name: str) -> list[tuple[dict[str, Any], int]]:
    """Labels and counts of a duration's series."""
    return [(plain(one.attributes), one.count) for one in sink.metrics[name].histogram.data_points]


def sent(sink: Sink) -> bytes:
    """Every byte that was exported."""
    return b"".join(message.SerializeToString() for _, _, message in sink.received)


@contextmanager
def service(
    sink: Sink, folder: Path, source: str, prefix: tuple[str, ...] = (), **variables: str
) -> Iterator[Service]:
    common = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "OTEL_SERVICE_NAME": "shop"}
    with serving(folder, source, prefix=prefix, **common, **variables) as started:
        yield started


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def program(name: str) -> str:
    places = [Path(sys.executable).parent, *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(map(str, places)))
    if found is None:
        pytest.skip(
            f"{name} is not there: install PostgreSQL" if name != "redis-server" else f"{name} is not there"
        )
    return found


@contextmanager
def running(port: int, *command: str, **options: Any) -> Iterator[None]:
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    ) as process:
        try:
            until(lambda: process.poll() is not None or answers(port))
            assert process.poll() is None, f"{command[0]} has ended"
            yield
        finally:
            process.terminate()


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL of its own, with a table of orders."""
    initdb, server, port = program("initdb"), program("postgres"), free_port()
    # It refuses to run as root, and pytest's folders are closed to others.
    user: dict[str, Any] = {"user": pwd.getpwnam("nobody").pw_uid, "cwd": "/"} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="obsdeck-postgres-"))
    try:
        if user:
            os.chown(folder, user["user"], -1)
        subprocess.run(
            [initdb, "--no-sync", "-U", "shop", "-A", "trust", "-E", "UTF8", "-D", str(folder / "data")],
            check=True,
            capture_output=True,
            **user,
        )
        options = ("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-k", str(folder))
        with running(port, server, "-D", str(folder / "data"), "-p", str(port), *options, **user):
            yield f"postgresql://shop@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def redis() -> Iterator[int]:
    """The port of a Redis of its own."""
    port = free_port()
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    with running(port, program("redis-server"), *options):
        yield port
