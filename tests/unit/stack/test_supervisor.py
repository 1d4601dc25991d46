"""A real supervisord with small programs."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import pytest

from obsdeck.errors import FailedError, MissingError
from obsdeck.stack import processes, supervisor
from obsdeck.stack.commands import MARK, Program
from obsdeck.stack.home import Home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "a state, 100% with spaces", tmp_path / "cache")
    home.run.mkdir(parents=True)
    (home.root / "logs").mkdir()
    yield home
    processes.end(processes.marked(home), patience=0)


def program(home: Home, name: str, script: str) -> Program:
    return Program(name, (sys.executable, "-c", script), home.root)


def start(home: Home, *programs: Program) -> None:
    supervisor.write_config(home, programs)
    supervisor.start(home, {**os.environ, MARK: str(home.root)})


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)


SLEEP = "import time; print('100% awake', flush=True); time.sleep(600)"


def test_programs_run_and_their_output_is_kept(home: Home) -> None:
    start(home, program(home, "one", SLEEP), program(home, "two", SLEEP))
    until(lambda: all(state.alive and state.pid for state in supervisor.states(home).values()))
    assert set(supervisor.states(home)) == {"one", "two"}
    until(lambda: home.log("one").exists() and home.log("one").read_text() == "100% awake\n")


def test_a_program_gets_its_own_variables_and_a_secret_is_in_no_file(home: Home) -> None:
    show = "import os; print(os.environ['HEADERS'], flush=True)"
    argv = (sys.executable, "-c", f"{show}; {SLEEP}")
    own = {"HEADERS": "authorization=Bearer%%20%(ENV_TOKEN)s"}
    supervisor.write_config(home, [Program("one", argv, home.root, own)])
    supervisor.start(home, {**os.environ, MARK: str(home.root), "TOKEN": "s3cret"})
    until(lambda: home.log("one").exists() and "Bearer" in home.log("one").read_text())
    assert home.log("one").read_text().startswith("authorization=Bearer%20s3cret\n")
    assert "s3cret" not in (home.run / "supervisord.conf").read_text()


def test_a_program_that_ends_is_seen_to_have_ended(home: Home) -> None:
    start(home, program(home, "brief", "import sys; sys.exit('no such file')"))
    until(lambda: supervisor.states(home)["brief"].state in {"BACKOFF", "FATAL"})
    assert "no such file" in home.log("brief").read_text()


def test_stopping_some_leaves_the_others_alone_and_they_can_be_resumed(home: Home) -> None:
    start(home, program(home, "one", SLEEP), program(home, "two", SLEEP))
    supervisor.stop(home, ["one", "unknown"])
    assert not supervisor.states(home)["one"].pid
    assert supervisor.states(home)["two"].alive
    supervisor.resume(home, "one")
    supervisor.resume(home, "one")
    until(lambda: supervisor.states(home)["one"].alive)


def test_one_that_waits_for_its_next_attempt_is_resumed_at_once(home: Home) -> None:
    mended = home.root / "mended"
    start(home, program(home, "one", f"import os; os.path.exists({str(mended)!r}) or os._exit(1); {SLEEP}"))
    until(lambda: supervisor.states(home)["one"].state == "BACKOFF")
    mended.touch()
    supervisor.resume(home, "one")
    assert supervisor.states(home)["one"].alive


def test_a_program_can_be_added_later(home: Home) -> None:
    start(home, program(home, "one", SLEEP))
    supervisor.write_config(home, [program(home, "one", SLEEP), program(home, "late", SLEEP)])
    supervisor.add(home, "late")
    until(lambda: supervisor.states(home)["late"].alive)


def test_shutdown_leaves_nothing_running(home: Home) -> None:
    start(home, program(home, "one", SLEEP))
    assert processes.marked(home)
    supervisor.shutdown(home)
    until(lambda: not processes.marked(home))
    assert not supervisor.is_running(home)


def test_a_dead_supervisor_leaves_children_that_can_be_found(home: Home) -> None:
    start(home, program(home, "one", SLEEP))
    until(lambda: home.log("one").exists() and home.log("one").stat().st_size > 0)
    child = supervisor.states(home)["one"].pid
    [daemon] = [process for process in processes.marked(home) if process.pid != child]
    daemon.kill()
    daemon.wait()
    assert not supervisor.is_running(home)
    assert [process.pid for process in processes.marked(home)] == [child]
    processes.end(processes.marked(home), patience=0)
    assert processes.marked(home) == []


def test_no_supervisor_is_said_so(home: Home) -> None:
    with pytest.raises(MissingError, match="no supervisor answers"):
        supervisor.states(home)


def test_a_socket_that_nobody_serves_is_no_supervisor(home: Home) -> None:
    home.socket.parent.mkdir(parents=True, exist_ok=True)
    home.socket.write_text("")
    assert not supervisor.is_running(home)


def test_a_supervisor_that_cannot_start_gives_its_reason(home: Home) -> None:
    supervisor.write_config(home, [Program("bad", ("true",), home.root / "missing")])
    (home.run / "supervisord.conf").write_text("[supervisord]\nlogfile = /nowhere/at/all\n")
    with pytest.raises(FailedError, match="did not start") as caught:
        supervisor.start(home, dict(os.environ))
    assert "/nowhere/at" in caught.value.why
