"""The API over a real store, on a real socket."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest
import uvicorn

from obsdeck.tracestore.api.app import make_app
from obsdeck.tracestore.store import Limits, Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path, Limits())
    yield opened
    if opened._thread.is_alive():
        opened.close()


@pytest.fixture
def client(store: Store) -> Iterator[httpx.Client]:
    bound = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(make_app(store), log_config=None, lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    with httpx.Client(base_url=f"http://127.0.0.1:{bound.getsockname()[1]}", timeout=30) as connected:
        yield connected
    server.should_exit = True
    thread.join(10)
    bound.close()
