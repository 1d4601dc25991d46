"""Questions about processes of this machine: who holds a port, whose child is that, how much memory."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

from obsdeck.stack.commands import MARK
from obsdeck.stack.components import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from obsdeck.stack.home import Home


_SWEEPS = 5


@dataclass(frozen=True)
class Owner:
    """A process that holds a port.

    Attributes:
        pid: Its number; 0 where the system does not tell (another user's process).
        name: Its name, empty likewise.
    """

    pid: int
    name: str

    def __str__(self) -> str:
        """For messages."""
        return f"{self.name} (pid {self.pid})" if self.pid else "a process of another user"


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now.

    `SO_REUSEADDR` is what the servers use: without it a port would seem taken for a minute after a stop.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def port_owner(port: int) -> Owner:
    """The process that listens on a port."""
    try:
        for connection in psutil.net_connections("inet"):
            if _listens(connection, port) and connection.pid:
                return Owner(connection.pid, psutil.Process(connection.pid).name())
    except psutil.Error:  # macOS asks for root
        return _own_port_owner(port)
    return Owner(0, "")


def _own_port_owner(port: int) -> Owner:
    for process in psutil.process_iter():
        try:
            for connection in process.net_connections("inet"):
                if _listens(connection, port):
                    return Owner(process.pid, process.name())
        except psutil.Error:
            continue
    return Owner(0, "")


def _listens(connection: Any, port: int) -> bool:
    return bool(connection.status == psutil.CONN_LISTEN and connection.laddr.port == port)


def marked(home: Home) -> list[psutil.Process]:
    """The processes that were started for this home and still run, whoever their parent is now.

    They are known by the mark in their environment and never by a number in a file, so a number that
    the system has given to another program since can do no harm.
    """
    mine = psutil.Process()
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.pid != mine.pid and process.environ().get(MARK) == str(home.root):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def offspring() -> list[psutil.Process]:
    """The processes that this one has started and that still run, and theirs."""
    return psutil.Process().children(recursive=True)


def end(processes: Iterable[psutil.Process], patience: float) -> list[psutil.Process]:
    """SIGTERM, a bounded wait, SIGKILL.

    Args:
        processes: What to end; processes that are gone already are no error.
        patience: Seconds between the two signals.

    Returns:
        The ones that had to be killed.
    """
    processes = list(processes)
    for process in processes:
        try:
            process.terminate()
        except psutil.Error:
            continue
    late = _alive_after(processes, patience)
    for process in late:
        try:
            process.kill()
        except psutil.Error:
            continue
    _alive_after(late, 2)
    return late


def sweep(home: Home, patience: float) -> list[str]:
    """End whatever runs for this home; looked for again until nothing is found, since processes fork.

    Returns:
        The names of those that had to be killed.
    """
    killed = []
    for _ in range(_SWEEPS):
        if not (found := marked(home)):
            break
        killed += [process.info["name"] for process in end(found, patience)]
    return killed


def _alive_after(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Which of these still run when the time is up; a zombie that nobody has reaped counts as gone."""
    deadline = time.monotonic() + seconds
    while (alive := [process for process in processes if _runs(process)]) and time.monotonic() < deadline:
        time.sleep(0.01)
    return alive


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and its children, 0 where it is gone."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(int(member.memory_info().rss) for member in family)
    except psutil.Error:
        return 0
