"""`ops/observability/retention/retention.sh`, the very file that runs, with each shell that there is."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import psutil
import pytest
import yaml

from obsdeck.stack import commands, files
from obsdeck.stack.environment import load_settings
from obsdeck.stack.home import Home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SCRIPT = files.observability() / "retention" / "retention.sh"
MIDNIGHT = 1767225600
"""1 January 2026, in seconds."""


@dataclass
class Loki:
    """A server that takes requests for deletion.

    Attributes:
        url: Its address.
        status: What it answers.
        asked: The query of each request.
    """

    url: str
    status: int = 204
    asked: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Bench:
    """The data of both servers, and the script over it.

    Attributes:
        loki: The server to ask.
        loki_data: Its data.
        tempo_data: Tempo's.
        command: The script, to be called with the seconds of its pause.
        environ: What it runs with.
    """

    loki: Loki
    loki_data: Path
    tempo_data: Path
    command: list[str]
    environ: dict[str, str]

    def chunk(self, minute: int, size: int) -> None:
        """A chunk of one minute of 1 January 2026."""
        start = (MIDNIGHT + minute * 60) * 1000
        name = base64.b64encode(f"{start:x}:{start + 59_000:x}:213599a5".encode()).decode()
        path = self.loki_data / "chunks" / "fake" / "5ac3296b6e864f92" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))

    def block(self, name: str, end: str, size: int) -> Path:
        """A block with spans up to a moment; its `meta.json`."""
        path = self.tempo_data / "blocks" / "single-tenant" / name / "meta.json"
        path.parent.mkdir(parents=True)
        meta = {"blockID": name, "startTime": "2025-01-01T00:00:00Z", "endTime": end, "size": size}
        path.write_text(json.dumps(meta, separators=(",", ":")), encoding="utf-8")
        (path.parent / "data.parquet").write_bytes(bytes(size))
        return path

    @contextmanager
    def running(self, pause: str) -> Iterator[subprocess.Popen[str]]:
        process = subprocess.Popen(
            [*self.command, pause],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.terminate()

    def run_until(self, condition: Callable[[], bool]) -> str:
        """What the script says until a condition is true."""
        with self.running("0.1") as process:
            until(condition)
            process.terminate()
            return process.communicate(timeout=10)[0]


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)


@pytest.fixture
def loki() -> Iterator[Loki]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            path, query = urlsplit(self.path)[2:4]
            taken.asked.append(dict(parse_qsl(query, strict_parsing=True)))
            # As Loki 3.7.8 answers: a start of fewer than ten digits is no time.
            good = path == "/loki/api/v1/delete" and len(taken.asked[-1]["start"]) == 10
            self.send_response(taken.status if good else 400)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    taken = Loki(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield taken
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["sh", "bash", "busybox"])
def bench(request: pytest.FixtureRequest, loki: Loki, tmp_path: Path) -> Bench:
    """Limits of 1 MB; with BusyBox all programs are its own, as in a container."""
    program = shutil.which(request.param)
    if program is None:
        pytest.skip(f"there is no {request.param} on this machine")
    folder = tmp_path / "a state with spaces"
    environ = {
        "OBSDECK_LOKI_DATA": str(folder / "loki"),
        "OBSDECK_LOKI_URL": loki.url,
        "OBSDECK_LOGS_MAX_SIZE": "1MB",
        "OBSDECK_TEMPO_DATA": str(folder / "tempo"),
        "OBSDECK_TRACES_MAX_SIZE": "1MB",
        "http_proxy": "http://127.0.0.1:9",  # must not be asked
    }
    command = [program, str(SCRIPT)]
    if request.param == "busybox":
        applets = tmp_path / "applets"
        applets.mkdir()
        for name in subprocess.check_output([program, "--list"], text=True).split():
            (applets / name).symlink_to(program)
        command.insert(1, "sh")
        environ["PATH"] = str(applets)
    else:
        environ |= {"PATH": os.environ["PATH"], "OBSDECK_PYTHON": sys.executable}
    return Bench(loki, folder / "loki", folder / "tempo", command, environ)


def test_the_oldest_logs_and_traces_go(bench: Bench) -> None:
    for minute in range(3):
        bench.chunk(minute, 400_000)
    old = bench.block("a", "2026-01-01T00:00:00Z", 700_000)
    new = bench.block("b", "2026-01-02T00:00:00Z", 700_000)
    said = bench.run_until(lambda: not old.exists() and bool(bench.loki.asked))
    assert bench.loki.asked[0] == {
        "query": '{service_name=~".+"}',
        "start": "1000000000",
        "end": str(MIDNIGHT + 59),
    }
    assert "logs are over 1MB: Loki was asked to delete what is before 2026-01-01T00:00:59Z\n" in said
    assert old.with_name("meta.compacted.json").exists()
    assert new.exists()
    assert "traces are over 1MB: a block that ends at 2026-01-01T00:00:00Z was taken out of use\n" in said


def test_a_search_has_tempos_ten_minutes_to_finish(bench: Bench) -> None:
    old = bench.block("a", "2026-01-01T00:00:00Z", 1_100_000)
    os.utime(old, (0, 0))
    began = time.time()
    bench.run_until(lambda: not old.exists())
    assert old.with_name("meta.compacted.json").stat().st_mtime >= began - 1  # clocks of files are coarse


@pytest.mark.parametrize(("size", "newest_to_go"), [(300_000, 0), (400_000, 1), (1_000_000, 3)])
def test_as_many_go_as_leave_nine_tenths_of_the_limit(bench: Bench, size: int, newest_to_go: int) -> None:
    for minute in range(4):
        bench.chunk(minute, size)
    bench.run_until(lambda: bool(bench.loki.asked))
    assert bench.loki.asked[0]["end"] == str(MIDNIGHT + newest_to_go * 60 + 59)


def test_logs_that_fit_stay(bench: Bench) -> None:
    bench.chunk(0, 999_000)
    (bench.loki_data / "chunks" / "fake" / "no chunk").write_bytes(bytes(10_000))
    traces = bench.block("a", "2026-01-01T00:00:00Z", 1_100_000)
    bench.run_until(lambda: not traces.exists())  # logs come first in a round
    assert bench.loki.asked == []


def test_traces_that_fit_stay(bench: Bench) -> None:
    traces = bench.block("a", "2026-01-01T00:00:00Z", 900_000)
    bench.chunk(0, 1_100_000)
    bench.run_until(lambda: len(bench.loki.asked) > 1)  # the first round is over
    assert traces.exists()


def test_thousands_of_chunks_are_counted_together(bench: Bench) -> None:
    for minute in range(3_000):
        bench.chunk(minute, 400)
    bench.run_until(lambda: bool(bench.loki.asked))
    assert bench.loki.asked[0]["end"] == str(MIDNIGHT + 749 * 60 + 59)


def test_a_loki_that_refuses_is_said_so_and_asked_again(bench: Bench) -> None:
    bench.loki.status = 500
    bench.chunk(0, 1_100_000)
    traces = bench.block("a", "2026-01-01T00:00:00Z", 1_100_000)
    said = bench.run_until(lambda: len(bench.loki.asked) > 1 and not traces.exists())
    assert "500" in said
    assert "logs are over 1MB: Loki took no request to delete some, and will be asked again\n" in said
    assert "was asked" not in said


@pytest.mark.parametrize("size", ["2", "1.5GB", "0GB", ""])
def test_a_size_that_cannot_be_read_deletes_nothing(bench: Bench, size: str) -> None:
    bench.environ["OBSDECK_LOGS_MAX_SIZE"] = size
    with bench.running("300") as process:
        assert process.wait(10) == 2
        assert process.stdout is not None
        assert process.stdout.read() == f"{size} is not a whole number of MB, GB or TB, as in 2GB\n"


def test_it_ends_at_once_and_leaves_nothing_behind(bench: Bench) -> None:
    with bench.running("300") as process:
        until(lambda: [one.cmdline() for one in psutil.Process(process.pid).children()] == [["sleep", "300"]])
        process.terminate()
        process.communicate(timeout=10)  # comes back once its `sleep` has let go of the pipe too
    assert process.returncode == 0


def test_both_runtimes_give_it_every_variable(tmp_path: Path) -> None:
    asked = set(re.findall(r"\$\{?(OBSDECK_\w+)", SCRIPT.read_text(encoding="utf-8")))
    settings = load_settings({})
    natively = commands.environment(settings, Home(tmp_path, tmp_path), embedded_traces=False, base={})
    assert asked <= natively.keys()
    service = yaml.safe_load((files.observability() / "compose.yaml").read_text())["services"]["retention"]
    assert asked - {"OBSDECK_PYTHON"} <= service["environment"].keys()


def test_it_runs_beside_loki(tmp_path: Path) -> None:
    home = Home(tmp_path, tmp_path)
    loki, beside = commands.programs("loki", tmp_path / "loki", load_settings({}), home)
    assert [loki.name, beside.name] == ["loki", "retention"]
    assert beside.argv == ("/bin/sh", str(SCRIPT))
