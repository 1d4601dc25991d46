"""The trace store as its own process."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from obsdeck.tracestore import __main__ as entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Process:
    """A trace store on a free port."""

    def __init__(self, data: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        command = [sys.executable, "-m", "obsdeck.tracestore", "--data", str(data), "--listen", self.address]
        self.popen = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 20
        while not self.ready():
            assert self.popen.poll() is None, self.popen.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def ready(self) -> bool:
        try:
            return self.get("/ready").strip() == b"ready"
        except OSError:
            return False

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as answer:
            return answer.read()

    def post(self, body: bytes) -> None:
        headers = {"content-type": "application/x-protobuf"}
        request = urllib.request.Request(f"http://{self.address}/v1/traces", body, headers)
        urllib.request.urlopen(request, timeout=10).close()

    def traces(self) -> set[str]:
        return {trace["traceID"] for trace in json.loads(self.get("/api/search"))["traces"]}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Process]]:
    started = []

    def start_one() -> Process:
        started.append(Process(tmp_path / "data with space"))
        return started[-1]

    yield start_one
    for process in started:
        process.popen.kill()
        process.popen.communicate()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_what_was_acknowledged_is_there_after_any_end(
    start: Callable[[], Process],
    request_of: Callable[..., Any],
    span: Callable[..., Any],
    end: signal.Signals,
) -> None:
    first = start()
    for trace in range(1, 20):
        first.post(request_of(trace, [span(1)]).SerializeToString())
    first.popen.send_signal(end)
    code = first.popen.wait(10)
    assert code == (-signal.SIGKILL if end is signal.SIGKILL else 0)
    assert start().traces() == {f"{trace:x}" for trace in range(1, 20)}


def test_a_request_that_never_ends_does_not_keep_it_from_ending(start: Callable[[], Process]) -> None:
    process = start()
    host, _, port = process.address.partition(":")
    with socket.create_connection((host, int(port))) as idle:
        headers = ("host: x", "content-type: application/x-protobuf", "content-length: 5")
        idle.sendall("\r\n".join(["POST /v1/traces HTTP/1.1", *headers, "", "x"]).encode())
        process.get("/ready")
        process.popen.terminate()
        assert process.popen.wait(10) == 0


def test_it_listens_where_it_is_told_and_nowhere_else(start: Callable[[], Process]) -> None:
    process = start()
    listening = [
        connection.laddr
        for connection in psutil.Process(process.popen.pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert [f"{ip}:{port}" for ip, port in listening] == [process.address]


def test_a_port_in_use_is_said_in_a_few_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert entry.main(["--data", str(tmp_path), "--listen", address]) == 3
    said = capsys.readouterr().err
    assert address in said
    assert "--listen" in said
    assert "Traceback" not in said


def test_a_directory_that_cannot_be_used_is_said_in_a_few_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert entry.main(["--data", str(tmp_path / "file"), "--listen", "127.0.0.1:0"]) == 2
    assert str(tmp_path / "file") in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--listen", "3200"),
        ("--listen", "host:port"),
        ("--retention", "7"),
        ("--retention", "soon"),
        ("--max-size", "much"),
        ("--max-size", "-1GB"),
    ],
)
def test_a_wrong_option_is_a_wrong_use(
    option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        entry.main(["--data", str(tmp_path), f"{option}={value}"])
    assert raised.value.code == 2
    assert option in capsys.readouterr().err


def test_options_are_read_in_the_usual_units() -> None:
    options = entry._parser().parse_args(
        ["--data", "x", "--listen", "[::1]:9", "--retention", "36h", "--max-size", "1500MB"]
    )
    assert options.listen == ("::1", 9)
    assert options.retention == timedelta(hours=36)
    assert options.max_size == 1_500_000_000
