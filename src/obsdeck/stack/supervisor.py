"""The native runtime's process supervisor: supervisord's configuration, its start, its control socket.

supervisord keeps the servers running, takes their output and ends them. It belongs to one home: whoever
answers on that home's socket is ours, so no pid file is ever trusted.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from xmlrpc.client import Fault, ServerProxy

from obsdeck.errors import FailedError, MissingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from obsdeck.stack.commands import Program
    from obsdeck.stack.home import Home

STOP_SECONDS = 4
"""How long a server may take to end before it is killed; all but Tempo 3 need half a second."""

_NO_WAIT = False
"""The supervisor's own waiting would block its only thread for every other request."""

_CONFIG = """\
; Written by obsdeck at every start; changes here are lost.
[unix_http_server]
file = {socket}
chmod = 0700

[supervisord]
identifier = obsdeck
silent = true
logfile = {log}
logfile_maxbytes = 1MB
logfile_backups = 1
pidfile = {pid}
childlogdir = {logs}
minfds = 1024
umask = 077

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

_PROGRAM = """
[program:{name}]
command = {command}
directory = {directory}
stdout_logfile = {log}
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 1
redirect_stderr = true
autorestart = true
startsecs = 1
startretries = 3
stopwaitsecs = {stop_seconds}
killasgroup = true
environment = {environment}
"""


@dataclass(frozen=True)
class ProgramState:
    """What the supervisor knows of one program.

    Attributes:
        name: Its name.
        state: The supervisor's word: STARTING, RUNNING, BACKOFF, STOPPING, STOPPED, EXITED, FATAL.
        pid: Its process, 0 where there is none.
        started: When its present process was started, in whole seconds since the epoch; 0 if never.
    """

    name: str
    state: str
    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """Whether a process runs and nothing was wrong with it so far."""
        return self.state in {"STARTING", "RUNNING"}


def write_config(home: Home, programs: Iterable[Program]) -> None:
    """Write the supervisor's configuration for these programs."""
    sections = [
        _CONFIG.format(
            socket=_literal(home.socket),
            log=_literal(home.log("supervisord")),
            pid=_literal(home.run / "supervisord.pid"),
            logs=_literal(home.root / "logs"),
        )
    ]
    sections += [
        _PROGRAM.format(
            name=program.name,
            command=_literal(shlex.join(program.argv)),
            directory=_literal(program.directory),
            log=_literal(_literal(home.log(program.name))),  # supervisor 4 expands this one twice
            stop_seconds=STOP_SECONDS,
            environment=",".join(f'{name}="{value}"' for name, value in program.environment.items()),
        )
        for program in programs
    ]
    _config_path(home).write_text("".join(sections), encoding="utf-8")


def start(home: Home, environment: Mapping[str, str], *, timeout: float = 10) -> None:
    """Start supervisord on the written configuration; it starts all programs at once.

    Args:
        home: Whose supervisor.
        environment: The environment of the supervisor and so of every program.
        timeout: Seconds until its socket must answer.

    Raises:
        FailedError: It ended, or did not answer in time; its output is the reason.
    """
    home.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(_config_path(home))],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for `up` alone
        )
        try:
            # It ends once its socket is open, and goes on in the background.
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        except BaseException:
            # Half started it could slip away while it forks; whole it can be asked to end.
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout)
            raise
        if process.returncode or not is_running(home):
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
            raise FailedError("the supervisor did not start", why=said[-2000:])


def is_running(home: Home) -> bool:
    """Whether a supervisor answers on this home's socket."""
    if not home.socket.exists():
        return False
    try:
        _call(home, "getState")
    except MissingError:
        return False
    return True


def states(home: Home) -> dict[str, ProgramState]:
    """The state of every program, by name.

    Raises:
        MissingError: No supervisor answers.
    """
    rows = _call(home, "getAllProcessInfo")
    return {
        row["name"]: ProgramState(row["name"], row["statename"], int(row["pid"]), int(row["start"]))
        for row in rows
    }


def add(home: Home, name: str) -> None:
    """Start a program that the configuration has gained since the supervisor was started."""
    _call(home, "reloadConfig")
    _call(home, "addProcessGroup", name)


def resume(home: Home, name: str) -> None:
    """Start a program that is stopped or has failed; nothing if it runs."""
    if not states(home)[name].alive:
        stop(home, [name])  # else one that is between two attempts would still count as failing
        _call(home, "startProcess", name, _NO_WAIT)


def stop(home: Home, names: Iterable[str], *, timeout: float = STOP_SECONDS + 2) -> None:
    """End these programs side by side and wait until they are gone (killed after `STOP_SECONDS`)."""
    present = states(home)
    names = [name for name in names if name in present]
    for name in names:
        if present[name].state in {"STARTING", "RUNNING", "BACKOFF"}:
            _call(home, "stopProcess", name, _NO_WAIT)
    deadline = time.monotonic() + timeout
    while any(states(home)[name].pid for name in names) and time.monotonic() < deadline:
        time.sleep(0.02)


def shutdown(home: Home) -> None:
    """Ask the supervisor to end whatever still runs and then itself; returns at once."""
    _call(home, "shutdown")


def _call(home: Home, method: str, *arguments: Any) -> Any:
    from supervisor.xmlrpc import SupervisorTransport  # noqa: PLC0415 - 40 ms that `--help` need not pay

    transport = SupervisorTransport(None, None, f"unix://{home.socket}")
    try:
        with ServerProxy("http://127.0.0.1", transport=transport) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)
    except Fault as fault:
        # Already started, already stopped, already added: the wanted state is reached by somebody else.
        if any(word in fault.faultString for word in ("ALREADY", "NOT_RUNNING")):
            return None
        raise FailedError(f"the supervisor refused {method}", why=fault.faultString) from fault
    except (OSError, HTTPException) as error:
        raise MissingError(
            "no supervisor answers", why=f"{home.socket}: {error}", hint="obsdeck up"
        ) from error


def _config_path(home: Home) -> Path:
    return home.run / "supervisord.conf"


def _literal(value: object) -> str:
    """A value as it must stand in the configuration: `%` begins an expansion there."""
    return str(value).replace("%", "%%")
