"""Bad days of `up` and `down`, through the command line, with the real servers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.request import urlopen

import pytest

from obsdeck.stack import files, processes, supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Machine

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module", autouse=True)
def programs() -> None:
    """Without the servers' programs these tests are left out."""
    needed = ["collector", "prometheus", "loki", "alertmanager"]
    install = [sys.executable, "-m", "obsdeck", "install", "--offline", "--json", *needed]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("the servers are not installed: obsdeck install collector prometheus loki alertmanager")


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.05)


def test_up_and_down_twice_each_and_the_data_stays(machine: Machine) -> None:
    first = machine.up("--json")
    assert first.returncode == 0, first.stderr
    document = json.loads(first.stdout)
    assert document["ok"]
    assert [check["id"] for check in document["checks"]] == [
        "round-trip.trace",
        "round-trip.metric",
        "round-trip.log",
    ]
    before = machine.running()

    assert machine.up().returncode == 0
    assert machine.running() == before, "a second up leaves everything alone"

    down = machine.obsdeck("down")
    assert down.returncode == 0
    assert "data kept" in down.stderr
    assert machine.running() == []
    again = machine.obsdeck("down")
    assert again.returncode == 0
    assert "nothing was up" in again.stderr

    assert machine.up().returncode == 0
    query = f"http://127.0.0.1:{machine.port('PROMETHEUS')}/api/v1/series?match[]={{service_name=%22obsdeck-canary%22}}"
    with urlopen(query) as answer:
        ids = {
            series.get("service_instance_id") or series.get("instance")
            for series in json.load(answer)["data"]
        }
    assert len(ids) >= 1
    assert machine.obsdeck("down", "--wipe", "--yes").returncode == 0
    assert not (machine.home.root / "data").exists()


def test_a_port_in_use_names_port_and_process_and_nothing_is_started(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", machine.port("LOKI"))):
        done = machine.up()
    assert done.returncode == 3
    assert f"port {machine.port('LOKI')} (OBSDECK_LOKI_PORT) is held by" in done.stderr
    assert f"(pid {os.getpid()})" in done.stderr
    assert machine.running() == []


def test_a_component_that_dies_gives_its_last_lines_and_the_others_are_stopped(machine: Machine) -> None:
    machine.home.data("loki").mkdir(parents=True)
    (machine.home.data("loki") / "chunks").write_text("in the way")
    (machine.home.data("loki") / "wal").write_text("in the way")
    done = machine.up()
    assert done.returncode == 1
    assert "error: Loki ended while it was starting" in done.stderr
    assert "not a directory" in done.stderr
    assert machine.running() == []


def test_ctrl_c_in_the_middle_of_up_leaves_nothing_running(machine: Machine) -> None:
    with machine.begin("up", "--runtime", "native", "--offline") as process:
        until(lambda: bool(machine.running()))
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 130, output
    assert machine.running() == []


def test_sigterm_in_the_middle_of_up_leaves_nothing_running(machine: Machine) -> None:
    with machine.begin("up", "--runtime", "native", "--offline") as process:
        until(lambda: bool(machine.running()))
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 143
    left = [(one.pid, one.ppid(), one.status(), one.cmdline()) for one in processes.marked(machine.home)]
    assert left == []


@pytest.mark.parametrize("then", ["up", "down"])
def test_kill_9_in_the_middle_of_up_and_the_next_command_converges(machine: Machine, then: str) -> None:
    with machine.begin("up", "--runtime", "native", "--offline", "--no-demo") as process:
        until(lambda: bool(machine.running()))
        process.kill()
    if then == "down":
        assert machine.obsdeck("down").returncode == 0
        assert machine.running() == []
    else:
        assert machine.up().returncode == 0
        assert set(machine.states().values()) == {"ready"}


def test_kill_9_of_the_supervisor_leaves_no_orphans_after_the_next_up(machine: Machine) -> None:
    assert machine.up().returncode == 0
    children = {state.pid for state in supervisor.states(machine.home).values()}
    [daemon] = [process for process in processes.marked(machine.home) if process.pid not in children]
    daemon.kill()
    assert machine.up().returncode == 0
    assert children.isdisjoint(machine.running())
    assert set(machine.states().values()) == {"ready"}


def test_a_stale_pid_of_another_program_is_never_killed(machine: Machine) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as stranger:
        machine.home.run.mkdir(parents=True)
        (machine.home.run / "supervisord.pid").write_text(f"{stranger.pid}\n")
        machine.home.socket.parent.mkdir(parents=True, exist_ok=True)
        machine.home.socket.write_text("")
        try:
            assert machine.up().returncode == 0
            assert machine.obsdeck("down").returncode == 0
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_two_ups_at_once_make_one_stack(machine: Machine) -> None:
    words = ("up", "--runtime", "native", "--offline", "--no-demo")
    with machine.begin(*words) as one, machine.begin(*words) as two:
        outputs = [process.communicate(timeout=60)[0] for process in (one, two)]
    assert [one.returncode, two.returncode] == [0, 0], outputs
    assert sum("is changing this stack; waiting for it" in output for output in outputs) == 1
    daemons = [one for one in processes.marked(machine.home) if "supervisor.supervisord" in one.cmdline()]
    assert len(daemons) == 1
    assert set(machine.states().values()) == {"ready"}


def test_a_stopped_component_is_started_again_by_up(machine: Machine) -> None:
    assert machine.up().returncode == 0
    supervisor.stop(machine.home, ["loki"])
    assert machine.states()["loki"] == "stopped"
    assert machine.obsdeck("status").returncode == 1
    assert machine.up().returncode == 0
    assert machine.states()["loki"] == "ready"


def test_a_server_that_crashes_is_restarted_by_itself(machine: Machine) -> None:
    assert machine.up().returncode == 0
    crashed = supervisor.states(machine.home)["alertmanager"].pid
    until(lambda: supervisor.states(machine.home)["alertmanager"].state == "RUNNING")
    os.kill(crashed, signal.SIGKILL)
    until(lambda: supervisor.states(machine.home)["alertmanager"].pid not in {0, crashed})
    until(lambda: machine.states()["alertmanager"] == "ready")


def test_a_broken_configuration_is_refused_with_file_and_line(machine: Machine) -> None:
    own = machine.folder / "observability"
    shutil.copytree(files.observability(), own)
    config = own / "loki" / "loki.yaml"
    config.write_text(config.read_text() + "\nno_such_key: 1\n")
    done = machine.up(OBSDECK_CONFIG=str(own))
    assert done.returncode == 2
    assert "error: loki refuses its configuration" in done.stderr
    assert f"--> {config}:" in done.stderr
    assert machine.running() == []


def test_a_full_disk_is_refused_before_anything_starts(machine: Machine) -> None:
    if os.geteuid() != 0 or not shutil.which("mount") or sys.platform != "linux":
        pytest.skip("only root on Linux can make a small disk")
    disk = machine.folder / "small disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("this root may not mount")
    try:
        done = machine.up(OBSDECK_HOME=str(disk / "home"))
        assert done.returncode == 3
        assert "cannot be written" in done.stderr
        assert "No space left on device" in done.stderr
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert machine.running() == []


def test_home_may_be_unset(machine: Machine) -> None:
    del machine.environ["HOME"]
    machine.environ["XDG_STATE_HOME"] = str(machine.folder / "state")
    assert machine.up().returncode == 0
    assert machine.obsdeck("down").returncode == 0


def test_changed_settings_wait_for_the_next_start(machine: Machine) -> None:
    assert machine.up().returncode == 0
    [other] = machine.free_ports(1)
    done = machine.up(OBSDECK_LOKI_PORT=str(other))
    assert done.returncode == 0
    assert "the stack keeps running as it was started; for OBSDECK_LOKI_PORT" in done.stderr
    assert machine.states()["loki"] == "ready"


def test_another_runtime_is_refused_while_the_stack_is_up(machine: Machine) -> None:
    assert machine.up().returncode == 0
    done = machine.obsdeck("up", "--runtime", "docker")
    assert done.returncode == 2
    assert "already runs in the native runtime" in done.stderr
