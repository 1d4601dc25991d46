from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from obsdeck.errors import ConfigError, MissingError, PortInUseError
from obsdeck.stack import preflight
from obsdeck.stack.components import LOKI, PROMETHEUS
from obsdeck.stack.environment import load_settings
from obsdeck.stack.home import Home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def test_a_port_in_use_is_named_with_its_setting_and_its_process(taken_port: int) -> None:
    settings = load_settings({"OBSDECK_PROMETHEUS_PORT": str(taken_port)})
    with pytest.raises(PortInUseError) as caught:
        preflight.check_ports([PROMETHEUS], settings)
    assert f"port {taken_port} (OBSDECK_PROMETHEUS_PORT) is held by" in caught.value.message
    assert f"(pid {os.getpid()})" in caught.value.message
    assert caught.value.exit_code == 3


def test_free_ports_pass() -> None:
    preflight.check_ports([PROMETHEUS], load_settings({"OBSDECK_PROMETHEUS_PORT": free_port()}))


def test_one_port_for_two_purposes_is_refused() -> None:
    same = free_port()
    settings = load_settings(
        {"OBSDECK_PROMETHEUS_PORT": same, "OBSDECK_LOKI_PORT": same, "OBSDECK_LOKI_GRPC_PORT": free_port()}
    )
    with pytest.raises(PortInUseError, match="OBSDECK_PROMETHEUS_PORT and OBSDECK_LOKI_PORT"):
        preflight.check_ports([PROMETHEUS, LOKI], settings)


def test_a_directory_is_made_and_left_empty(tmp_path: Path) -> None:
    preflight.check_directory(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_file_in_the_way_is_told_in_the_systems_words(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(MissingError, match="cannot be written") as caught:
        preflight.check_directory(tmp_path / "a" / "b")
    assert "Not a directory" in caught.value.why


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into any directory")
def test_a_read_only_directory_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(MissingError, match="cannot be written"):
        preflight.check_directory(tmp_path / "a")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "state", tmp_path / "cache")
    home.run.mkdir(parents=True)
    home.etc("loki").mkdir(parents=True)
    (home.etc("loki") / "loki.yaml").write_text("a: b\n")
    return home


def validator(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_a_refused_configuration_names_file_and_line(home: Home, tmp_path: Path) -> None:
    loki = validator(
        tmp_path / "loki", "echo 'failed parsing config: loki.yaml: line 7: no such key' >&2; exit 1"
    )
    with pytest.raises(ConfigError) as caught:
        preflight.check_configuration(home, {"loki": loki}, {})
    assert caught.value.where.endswith("ops/observability/loki/loki.yaml:7")
    assert "no such key" in caught.value.why


def test_an_unchanged_configuration_is_judged_once_and_a_changed_one_again(
    home: Home, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    loki = validator(tmp_path / "loki", f"echo x >> {calls}")
    for _ in range(2):
        preflight.check_configuration(home, {"loki": loki}, {})
    assert calls.read_text() == "x\n"
    (home.etc("loki") / "loki.yaml").write_text("a: c\n")
    preflight.check_configuration(home, {"loki": loki}, {})
    assert calls.read_text() == "x\nx\n"


def test_a_refused_configuration_is_not_remembered_as_good(home: Home, tmp_path: Path) -> None:
    loki = validator(tmp_path / "loki", "exit 1")
    for _ in range(2):
        with pytest.raises(ConfigError):
            preflight.check_configuration(home, {"loki": loki}, {})


INTERRUPTED = """
import signal, sys
from pathlib import Path
from obsdeck.stack import preflight
from obsdeck.stack.home import Home
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
preflight.check_configuration(Home(Path(sys.argv[1]), Path(sys.argv[2])), {"loki": Path(sys.argv[3])}, {})
"""


def test_who_judges_a_configuration_ends_with_us_however_unwilling(home: Home, tmp_path: Path) -> None:
    judge = tmp_path / "judge"
    loki = validator(
        tmp_path / "loki", f"trap '' TERM; echo $$ > {judge}.new; mv {judge}.new {judge}; sleep 600"
    )
    command = [sys.executable, "-c", INTERRUPTED, str(home.root), str(home.cache), str(loki)]
    with subprocess.Popen(command) as process:
        deadline = time.monotonic() + 20
        while not judge.exists():
            assert time.monotonic() < deadline, "nobody was asked to judge"
            time.sleep(0.02)
        judges = [psutil.Process(int(judge.read_text()))]
        judges += judges[0].children()
        process.terminate()
        assert process.wait(timeout=20) == 143
    assert psutil.wait_procs(judges, timeout=10)[1] == []
