"""A world in one HTTP server: it plays the collector and all backends, as a test tells it."""

from __future__ import annotations

import json
import socket
import threading
import time
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.diagnose.subject import Process, Subject
from obsdeck.stack.environment import Settings, load_settings
from obsdeck.stack.home import Home
from obsdeck.stack.record import Record, RecordedComponent
from obsdeck.stack.variables import PORTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OTLP = {"/v1/traces", "/v1/metrics", "/v1/logs"}
COMPONENTS = ("collector", "prometheus", "loki", "tempo", "alertmanager")


@dataclass
class World:
    """What the server answers, and what came in.

    Attributes:
        port: Where it listens; every component's port.
        answers: Path without query to status and body; OTLP is taken where nothing else is said.
        headers: Sent with every answer.
        taken: Path, headers and document of each OTLP request.
    """

    port: int = 0
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    taken: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, str]:
        return self.answers.get(path, (200, "{}") if path in OTLP else (404, "page not found"))


@pytest.fixture
def world() -> Iterator[World]:
    told = World()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if path in OTLP:
                headers = {name.lower(): value for name, value in self.headers.items()}
                told.taken.append((path, headers, json.loads(body)))
            status, text = told.answer(path)
            self.send_response(status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET  # noqa: N815 - the names are http.server's

        def send_response(self, code: int, message: str | None = None) -> None:
            self.send_response_only(code, message)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        told.port = running.server_port
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield told
        running.shutdown()
        thread.join()


@pytest.fixture
def settings(world: World, tmp_path: Path) -> Settings:
    """Every port is the world's."""
    (tmp_path / "empty.env").touch()
    return load_settings({one.name: str(world.port) for one in PORTS}, tmp_path / "empty.env")


@pytest.fixture
def subject(settings: Settings, tmp_path: Path) -> Subject:
    """A native stack whose components run; the processes are this one."""
    home = Home(tmp_path / "home", tmp_path / "cache")
    home.run.mkdir(parents=True)
    (home.root / "logs").mkdir()
    components = tuple(RecordedComponent(name, "given", "1.2.3") for name in COMPONENTS)
    return Subject(
        settings=settings,
        present=settings,
        home=home,
        record=Record("native", 0.0, settings.public(), components),
        processes={name: Process(alive=True, word="RUNNING", pid=1) for name in COMPONENTS},
        service={},
        since=time.time() - 60,
    )


@pytest.fixture
def served(subject: Subject) -> Callable[..., Subject]:
    """The subject with these variables of a service."""
    return lambda **service: replace(subject, service=service)


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
