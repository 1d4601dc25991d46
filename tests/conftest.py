"""What all tests share: an account to type commands in, and a summary of what was left out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.stack import processes
from obsdeck.stack.home import Home, find_home
from obsdeck.stack.variables import PORTS, PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


# A shell that runs the tests in the background lets them ignore Ctrl-C, and what they start would as well.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was left out, and why: a line for each reason."""
    reasons = Counter(str(report.longrepr[-1]) for report in terminalreporter.stats.get("skipped", []))
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"left out {count}: {reason.removeprefix('Skipped: ')}")


@dataclass
class Machine:
    """A user's account of its own: a home directory, free ports, the usual cache of programs."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Home:
        return find_home(environ=self.environ)

    def obsdeck(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def begin(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words),
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    @staticmethod
    def command(*words: str) -> list[str]:
        return [sys.executable, "-m", "obsdeck", *words]

    def up(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return self.obsdeck("up", "--runtime", "native", "--no-demo", "--offline", *words, **environ)

    def states(self) -> dict[str, Any]:
        document = json.loads(self.obsdeck("status", "--json").stdout)
        return {one["name"]: one["state"] for one in document["components"] if one["state"] != "absent"}

    def port(self, name: str) -> int:
        return int(self.environ[f"OBSDECK_{name}_PORT"])

    def running(self) -> list[int]:
        return sorted(process.pid for process in processes.marked(self.home))

    @staticmethod
    def free_ports(count: int) -> list[int]:
        with ExitStack() as held:
            servers = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
            return [server.getsockname()[1] for server in servers]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    folder = tmp_path / "a user's home"
    folder.mkdir()
    ports = dict(zip((one.name for one in PORTS), map(str, Machine.free_ports(len(PORTS))), strict=True))
    machine = Machine(
        folder,
        {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
            **ports,
            **{
                one.name: os.environ[one.name]
                for one in PROGRAMS
                if one.name in os.environ and one.component != "tempo"
            },
        },
    )
    yield machine
    processes.end(processes.marked(machine.home), patience=2)


@pytest.fixture
def mounted() -> Iterator[Callable[[Path, str], None]]:
    """Lays a file system in memory over a directory; called again for it, gives it other options."""
    over: list[Path] = []

    def mount(directory: Path, options: str) -> None:
        if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("mount"):
            pytest.skip("only root on Linux can make a small disk")
        again = directory in over
        options = f"remount,{options}" if again else options
        words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)]
        done = subprocess.run(words, capture_output=True, check=False)
        if done.returncode and not again:
            pytest.skip("this root may not mount")
        done.check_returncode()
        if not again:
            over.append(directory)

    yield mount
    for directory in over:
        # Lazily: a server that the test has left running may still have a file open.
        subprocess.run(["umount", "--lazy", str(directory)], check=True)
