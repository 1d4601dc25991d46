from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.backends import http
from obsdeck.errors import FailedError, UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def test_an_answer_has_status_headers_and_body(server: Any) -> None:
    server.answers["/here"] = (200, '{"a": 1}')
    server.headers["X-Kind"] = "test"
    answer = http.get(f"{server.url}/here")
    assert (answer.status, answer.headers["x-kind"], answer.json()) == (200, "test", {"a": 1})


def test_parameters_are_encoded(server: Any) -> None:
    server.answers["/q"] = (200, "")
    http.get(f"{server.url}/q", {"query": '{a="b c"}'})
    assert server.asked == ["/q?query=%7Ba%3D%22b+c%22%7D"]


def test_a_proxy_of_the_environment_is_not_asked(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server.answers["/"] = (200, "direct")
    assert http.get(server.url).text == "direct"


def test_a_refusal_is_an_error_with_its_first_line(server: Any) -> None:
    server.answers["/no"] = (400, "parse error\nmore of it")
    with pytest.raises(http.HttpError) as caught:
        http.get(f"{server.url}/no", {"query": "x" * 500})
    assert (caught.value.status, caught.value.reason) == (400, "parse error")
    assert caught.value.message == f"{server.url}/no answered 400"


def test_a_refused_body_is_an_answer(server: Any) -> None:
    server.answers["/v1/traces"] = (401, "no token")
    answer = http.post(f"{server.url}/v1/traces", b"{}", headers={"content-type": "application/json"})
    assert (answer.status, answer.first_line) == (401, "no token")


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(UnreachableError) as caught:
        http.get(f"http://127.0.0.1:{port}/ready")
    assert caught.value.message == f"http://127.0.0.1:{port}/ready does not answer"
    assert "refused" in caught.value.why.lower()


def test_a_server_that_hangs_is_given_up() -> None:
    with listening(lambda _: None) as url, pytest.raises(UnreachableError) as caught:
        http.get(url, timeout=0.2)
    assert caught.value.why == "no answer within 0.2 s"


def test_a_server_that_drips_is_given_up() -> None:
    stop = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not stop.wait(0.02):
            try:
                connection.sendall(b".")
            except OSError:
                return

    with listening(drip) as url:
        try:
            with pytest.raises(UnreachableError) as caught:
                http.get(url, timeout=0.3)
        finally:
            stop.set()
    assert caught.value.why == "no answer within 0.3 s"


def test_an_endless_body_is_given_up(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_BODY", 1 << 20)
    server.answers["/all"] = (200, "x" * (1 << 21))
    with pytest.raises(UnreachableError, match="more than 1 MiB"):
        http.get(f"{server.url}/all")


def test_what_answers_may_be_no_http_server() -> None:
    with (
        listening(lambda connection: connection.sendall(b"SSH-2.0\r\n")) as url,
        pytest.raises(UnreachableError) as caught,
    ):
        http.get(url)
    assert "no HTTP server" in caught.value.why


@pytest.mark.parametrize("url", ["localhost:4318", "ftp://localhost", "http://", "http://localhost:port"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(UsageError, match="no address of a server"):
        http.get(url)


def test_an_answer_that_is_no_json(server: Any) -> None:
    server.answers["/"] = (200, "<html>")
    with pytest.raises(FailedError, match="did not answer with JSON"):
        http.get(server.url).json()


@contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that reads a request and then does as it likes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        connections = []

        def accept() -> None:
            connection, _ = server.accept()
            connections.append(connection)
            connection.recv(4096)
            talk(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            thread.join()
            for connection in connections:
                connection.close()
