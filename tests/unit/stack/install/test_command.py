from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest

from obsdeck.stack.install import command

if TYPE_CHECKING:
    from pathlib import Path

FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("child", child.pid, flush=True)
time.sleep(600)
"""
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + FAMILY


def test_lines_come_from_both_streams_and_the_exit_code_is_returned(tmp_path: Path) -> None:
    errors: list[str] = []
    answers: list[str] = []
    program = "import sys; print('an answer'); print('a word', file=sys.stderr); sys.exit(3)"
    code = asyncio.run(
        command.run(
            [sys.executable, "-c", program], tmp_path, os.environ, tell=errors.append, answer=answers.append
        )
    )
    assert (code, errors, answers) == (3, ["a word"], ["an answer"])


def test_a_line_may_be_long(tmp_path: Path) -> None:
    said: list[str] = []
    asyncio.run(
        command.run([sys.executable, "-c", "print('x' * 500_000)"], tmp_path, os.environ, tell=said.append)
    )
    assert [len(line) for line in said] == [500_000]


def test_a_program_that_is_not_there_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        asyncio.run(command.run([str(tmp_path / "nothing")], tmp_path, os.environ, tell=print))


@pytest.mark.parametrize("program", [FAMILY, DEAF], ids=["obedient", "deaf"])
def test_when_we_are_interrupted_the_whole_family_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(command, "PATIENCE_SECONDS", 0.3)
    family: list[int] = []

    async def interrupted() -> None:
        begun = asyncio.Event()

        def tell(line: str) -> None:
            child = int(line.split()[1])
            family.extend([child, psutil.Process(child).ppid()])
            begun.set()

        task = asyncio.create_task(
            command.run([sys.executable, "-c", program], tmp_path, os.environ, tell=tell)
        )
        await begun.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(interrupted())
    left = [psutil.Process(pid) for pid in family if psutil.pid_exists(pid)]
    _, alive = psutil.wait_procs(left, timeout=10)
    assert len(family) == 2
    assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
