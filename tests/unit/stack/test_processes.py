from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from obsdeck.stack import processes
from obsdeck.stack.commands import MARK
from obsdeck.stack.home import Home

HOME = Home(Path("/nowhere/obsdeck-test"), Path("/nowhere/cache"))
READY = "import sys, time; print('up', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {READY}"


def child(script: str, mark: str = str(HOME.root)) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env={**os.environ, MARK: mark}
    )
    assert process.stdout
    assert process.stdout.readline() == b"up\n"
    return process


def test_a_free_port_is_free_and_a_held_one_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not processes.port_is_free(port)
        assert processes.port_owner(port).pid == os.getpid()
    assert processes.port_is_free(port)


def test_only_processes_with_the_mark_of_this_home_are_found() -> None:
    ours, stranger = child(READY), child(READY, mark="/another/home")
    try:
        assert [process.pid for process in processes.marked(HOME)] == [ours.pid]
    finally:
        for process in (ours, stranger):
            process.kill()
            process.communicate()


def test_ending_asks_first() -> None:
    process = child(READY)
    assert processes.end([psutil.Process(process.pid)], patience=5) == []
    assert process.communicate() == (b"", None)


def test_who_does_not_listen_is_killed_and_named() -> None:
    process = child(STUBBORN)
    late = processes.end([psutil.Process(process.pid)], patience=0.2)
    assert process.communicate() == (b"", None)
    assert [one.pid for one in late] == [process.pid]


def test_memory_of_a_process_that_is_gone_is_nothing() -> None:
    process = child(READY)
    assert processes.resident_bytes(process.pid) > 1_000_000
    process.kill()
    process.communicate()
    assert processes.resident_bytes(process.pid) == 0


@pytest.mark.parametrize(
    ("owner", "text"), [((7, "loki"), "loki (pid 7)"), ((0, ""), "a process of another user")]
)
def test_an_owner_reads_well(owner: tuple[int, str], text: str) -> None:
    assert str(processes.Owner(*owner)) == text
