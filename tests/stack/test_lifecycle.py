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
    from collections.abc import Callable, Iterator
    from pathlib import Path

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


@pytest.fixture
def own(machine: Machine) -> Path:
    """The user's own copy of the configuration, in use."""
    folder = machine.folder / "observability"
    shutil.copytree(files.observability(), folder)
    machine.environ["OBSDECK_CONFIG"] = str(folder)
    return folder


@pytest.fixture
def small_disk(machine: Machine, mounted: Callable[[Path, str], None]) -> Iterator[Path]:
    """A disk of 256 kB with the home on it."""
    disk = machine.folder / "small disk"
    disk.mkdir()
    mounted(disk, "size=256k")
    machine.environ["OBSDECK_HOME"] = str(disk / "home")
    yield disk
    processes.end(processes.marked(machine.home), patience=5)


def as_ordinary_user(machine: Machine, *words: str) -> subprocess.CompletedProcess[str]:
    """Run obsdeck as somebody whom permissions bind, which root is without two of its capabilities."""
    prefix = []
    if os.geteuid() == 0:
        prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        if not shutil.which("setpriv") or subprocess.run([*prefix, "true"], check=False).returncode:
            pytest.skip("root needs setpriv to run a command as an ordinary user")
    return subprocess.run(
        [*prefix, *machine.command(*words)],
        cwd=machine.folder,
        env=machine.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


UP = ("up", "--runtime", "native", "--offline", "--no-demo")


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
    with machine.begin(*UP) as process:
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
    [daemon] = [one for one in processes.marked(machine.home) if "supervisor.supervisord" in one.cmdline()]
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
    with machine.begin(*UP) as one, machine.begin(*UP) as two:
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


def test_what_ran_before_stays_when_a_component_that_is_added_dies(machine: Machine) -> None:
    assert machine.up().returncode == 0
    supervisor.stop(machine.home, ["loki"])
    before = machine.running()
    shutil.rmtree(machine.home.data("loki") / "wal")
    (machine.home.data("loki") / "wal").write_text("in the way")
    done = machine.up()
    assert done.returncode == 1
    assert "error: Loki ended while it was starting" in done.stderr
    assert machine.running() == before
    (machine.home.data("loki") / "wal").unlink()
    assert machine.up().returncode == 0
    assert set(machine.states().values()) == {"ready"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["while configurations are checked", "while a component starts"])
def test_what_ran_before_stays_when_up_is_interrupted(
    machine: Machine, own: Path, moment: str, number: signal.Signals
) -> None:
    assert machine.up().returncode == 0
    supervisor.stop(machine.home, ["loki"])
    before = machine.running()
    config = own / "loki" / "loki.yaml"
    config.write_text(config.read_text().replace("min_ready_duration: 0s", "min_ready_duration: 10m"))
    with machine.begin(*UP) as process:
        if moment == "while a component starts":
            until(lambda: supervisor.states(machine.home)["loki"].alive)
        else:
            until(lambda: len(machine.running()) > len(before))
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
    assert process.returncode in {130, 143}, output
    assert machine.running() == before


def test_a_damaged_queue_is_moved_aside_and_the_stack_goes_on(machine: Machine) -> None:
    assert machine.up().returncode == 0
    queue = machine.home.data("collector") / "exporter_otlp_http_tempo_traces"
    for size, start in ((0, 0), (0, 8192), (8192, 0)):  # its first pages, all others, cut off
        assert machine.obsdeck("down").returncode == 0
        spoil(queue, size, start)
        spoiled = queue.read_bytes()
        done = machine.up()
        assert done.returncode == 0, done.stderr
        assert f"the collector's queue {queue.name} is damaged" in done.stderr
        [aside] = queue.parent.glob("*.damaged-*")
        assert str(aside) in done.stderr
        assert aside.read_bytes() == spoiled
        aside.unlink()


def spoil(queue: Path, size: int, start: int) -> None:
    """Cut a file to a size, or, where that is 0, write zeros over all of it from `start` on."""
    with queue.open("r+b") as file:
        if size:
            file.truncate(size)
        else:
            file.seek(start)
            file.write(bytes(queue.stat().st_size - start))


def test_a_queue_that_fails_the_collector_later_is_named_by_doctor_and_mended_by_up(machine: Machine) -> None:
    assert machine.up().returncode == 0
    supervisor.stop(machine.home, ["collector"])
    before = machine.running()
    queue = machine.home.data("collector") / "exporter_otlp_http_loki_logs"
    spoil(queue, 0, 8192)
    supervisor.resume(machine.home, "collector")
    until(lambda: supervisor.states(machine.home)["collector"].state == "FATAL")
    document = json.loads(machine.obsdeck("doctor", "--json").stdout)
    assert document["verdict"] == "process.collector"
    [check] = [check for check in document["checks"] if check["id"] == "process.collector"]
    assert f"{queue} is damaged" in check["evidence"]
    assert check["next"].startswith("obsdeck up")
    done = machine.up()
    assert done.returncode == 0, done.stderr
    assert f"the collector's queue {queue.name} is damaged" in done.stderr
    assert set(before) < set(machine.running())


def test_a_server_that_crashes_is_restarted_by_itself(machine: Machine) -> None:
    assert machine.up().returncode == 0
    crashed = supervisor.states(machine.home)["alertmanager"].pid
    until(lambda: supervisor.states(machine.home)["alertmanager"].state == "RUNNING")
    os.kill(crashed, signal.SIGKILL)
    until(lambda: supervisor.states(machine.home)["alertmanager"].pid not in {0, crashed})
    until(lambda: machine.states()["alertmanager"] == "ready")


def test_a_broken_configuration_is_refused_with_file_and_line(machine: Machine, own: Path) -> None:
    config = own / "loki" / "loki.yaml"
    config.write_text(config.read_text() + "\nno_such_key: 1\n")
    done = machine.up()
    assert done.returncode == 2
    assert "error: loki refuses its configuration" in done.stderr
    assert f"--> {config}:" in done.stderr
    assert machine.running() == []


@pytest.mark.parametrize("left", [256, 8, 0], ids="{} kB left".format)
def test_a_full_disk_is_refused_before_anything_starts(machine: Machine, small_disk: Path, left: int) -> None:
    (small_disk / "others").write_bytes(b"\0" * (256 - left) * 1024)
    done = machine.up()
    assert done.returncode == 3
    assert "cannot be written" in done.stderr
    assert "No space left on device" in done.stderr
    assert machine.running() == []


def test_once_there_is_room_up_goes_on(
    machine: Machine, small_disk: Path, mounted: Callable[[Path, str], None]
) -> None:
    assert machine.up().returncode == 3
    mounted(small_disk, "size=1g")
    done = machine.up()
    assert done.returncode == 0, done.stderr
    assert machine.obsdeck("down").returncode == 0


@pytest.mark.parametrize("place", ["", "run", "data", "data/loki", "etc", "logs"])
def test_a_directory_that_is_read_only_is_named(machine: Machine, place: str) -> None:
    directory = machine.home.root / place
    directory.mkdir(parents=True)
    directory.chmod(0o500)
    done = as_ordinary_user(machine, *UP)
    directory.chmod(0o700)
    assert done.returncode == 3, done.stderr
    assert f"{directory}" in done.stderr
    assert "cannot be written" in done.stderr
    assert "Permission denied" in done.stderr
    assert machine.running() == []


def test_settings_that_cannot_be_read_are_named(machine: Machine) -> None:
    settings = machine.folder / ".env"
    settings.write_text("OBSDECK_LOGS_RETENTION=3d\n")
    settings.chmod(0)
    done = as_ordinary_user(machine, *UP)
    assert done.returncode == 2, done.stderr
    assert "error: cannot be read\n  --> .env\n" in done.stderr
    assert "Permission denied" in done.stderr
    assert machine.running() == []


@pytest.mark.parametrize("name", ["loki/loki.yaml", "prometheus/rules", "."])
def test_a_configuration_that_cannot_be_read_is_named(machine: Machine, own: Path, name: str) -> None:
    hidden = own / name
    mode = hidden.stat().st_mode
    hidden.chmod(0)
    done = as_ordinary_user(machine, *UP)
    hidden.chmod(mode)
    assert done.returncode == 2, done.stderr
    assert str(hidden) in done.stderr
    assert "Permission denied" in done.stderr
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
