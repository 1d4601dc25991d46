from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from obsdeck.errors import UsageError
from obsdeck.stack import databases
from obsdeck.stack.components import POSTGRES_EXPORTER, REDIS_EXPORTER
from obsdeck.stack.environment import load_settings
from obsdeck.stack.home import Home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POSTGRES = "postgresql://watcher:s3cret@db.example:5432/shop?sslmode=disable"
REDIS = "redis://:s3cret@cache.example:6379"
BOTH = {"OBSDECK_POSTGRES_URL": POSTGRES, "OBSDECK_REDIS_URL": REDIS}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("lists", "asked"),
    [
        ([], ()),
        (["postgres"], ("postgres",)),
        (["postgres,redis"], ("postgres", "redis")),
        (["redis, postgres", "redis"], ("redis", "postgres")),
        ([","], ()),
    ],
)
def test_words_stand_behind_commas_or_behind_the_option_again(
    lists: list[str], asked: tuple[str, ...]
) -> None:
    assert databases.words(lists) == asked


def test_an_unknown_word_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="'mysql' cannot be watched") as caught:
        databases.words(["postgres,mysql"])
    assert caught.value.why == "--with takes postgres, redis"


def test_nothing_is_watched_that_nobody_asked_for() -> None:
    assert databases.exporters((), (), load_settings(BOTH)) == ()


def test_a_word_without_an_address_is_refused_with_the_variable() -> None:
    with pytest.raises(UsageError, match="OBSDECK_REDIS_URL, which is not set"):
        databases.exporters(["postgres", "redis"], (), load_settings({"OBSDECK_POSTGRES_URL": POSTGRES}))


def test_what_is_watched_already_stays_and_needs_no_address_again() -> None:
    running = {"loki", "postgres-exporter"}
    assert databases.exporters((), running, load_settings({})) == (POSTGRES_EXPORTER,)
    assert databases.exporters(["postgres"], running, load_settings({})) == (POSTGRES_EXPORTER,)
    both = databases.exporters(["redis"], running, load_settings(BOTH))
    assert both == (POSTGRES_EXPORTER, REDIS_EXPORTER)


def test_an_address_is_kept_for_this_user_alone_and_as_it_was_at_the_start(home: Home) -> None:
    watching = (POSTGRES_EXPORTER, REDIS_EXPORTER)
    databases.keep([POSTGRES_EXPORTER], (), load_settings(BOTH), home)
    databases.keep(watching, {"postgres-exporter"}, load_settings({"OBSDECK_REDIS_URL": REDIS}), home)
    assert databases.kept(watching, home) == BOTH
    for exporter in watching:
        assert databases.file(exporter, home).stat().st_mode & 0o777 == 0o600
    databases.forget(home)
    databases.forget(home)
    assert databases.kept(watching, home) == {}


@contextmanager
def prometheus(*series: dict[str, str]) -> Iterator[str]:
    """A Prometheus that knows these series of databases that are away; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            [query] = parse_qs(urlsplit(self.path).query)["query"]
            assert query.endswith('job=~"postgres-exporter|redis-exporter"} == 0')
            rows = [{"metric": labels, "value": [1, "0"]} for labels in series]
            body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": rows}})
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield str(server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_database_that_does_not_answer_is_named_with_what_to_look_at() -> None:
    with prometheus({"__name__": "redis_up", "job": "redis-exporter", "instance": "x"}) as port:
        said = databases.silent(load_settings({**BOTH, "OBSDECK_PROMETHEUS_PORT": port}))
    assert said.keys() == {"redis-exporter"}
    assert "OBSDECK_REDIS_URL" in said["redis-exporter"]
    assert "s3cret" not in said["redis-exporter"]


def test_without_prometheus_nothing_is_said() -> None:
    with prometheus() as port:
        pass
    assert databases.silent(load_settings({"OBSDECK_PROMETHEUS_PORT": port})) == {}
