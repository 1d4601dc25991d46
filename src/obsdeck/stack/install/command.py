"""One child process: its lines as they come, and its whole family ended when we are interrupted."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

LINE_BYTES = 1 << 20
PATIENCE_SECONDS = 3.0


async def run(
    argv: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    *,
    tell: Callable[[str], None],
    answer: Callable[[str], None] | None = None,
) -> int:
    """Run a program to its end.

    It leads a process group of its own: Ctrl-C reaches us alone, and we end the group, so that no
    compiler is left behind.

    Args:
        argv: The program and its arguments.
        folder: Its working directory.
        environ: Its whole environment.
        tell: Told each line of its standard error.
        answer: Told each line of its standard output; `tell` is, where this is not given.

    Returns:
        Its exit code.
    """
    child = await asyncio.create_subprocess_exec(
        *argv,
        cwd=folder,
        env=dict(environ),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        limit=LINE_BYTES,
        process_group=0,
    )
    try:
        await asyncio.gather(_lines(child.stderr, tell), _lines(child.stdout, answer or tell))
        return await child.wait()
    finally:
        if child.returncode is None:
            await _end(child)


async def _lines(stream: asyncio.StreamReader | None, take: Callable[[str], None]) -> None:
    if stream:
        async for line in stream:
            take(line.decode(errors="replace").rstrip("\n"))


async def _end(child: asyncio.subprocess.Process) -> None:
    _signal(child, signal.SIGTERM)
    with suppress(TimeoutError):
        await asyncio.wait_for(child.wait(), PATIENCE_SECONDS)
    _signal(child, signal.SIGKILL)  # also what is left of a family whose head has ended
    await child.wait()


def _signal(child: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)
