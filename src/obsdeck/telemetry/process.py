"""What the process uses: processor, memory, threads, files, by the conventions for `process.*`.

Read when metrics are collected, from the system itself, and so also right in a forked child. What a system
does not tell is left out.
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from opentelemetry.metrics import CallbackOptions, Observation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import Meter

    Callback = Callable[[CallbackOptions], Iterable[Observation]]

# Fields of /proc/self/stat, counted from the one after the program's name; see proc_pid_stat(5).
_THREADS, _STARTED, _VIRTUAL, _RESIDENT = 17, 19, 20, 21
# struct proc_taskinfo of macOS' sys/proc_info.h: six 64-bit numbers, then twelve of 32 bits.
_TASK_INFO = struct.Struct("6Q12i")
_PROC_PIDTASKINFO = 4


@dataclass(frozen=True)
class Usage:
    """What the system says of this process.

    Attributes:
        resident: Bytes of memory in use.
        virtual: Bytes of memory that are mapped.
        threads: How many threads it has.
        uptime: Seconds since it was started; None where the system does not say.
    """

    resident: int
    virtual: int
    threads: int
    uptime: float | None


def usage() -> Usage | None:
    """The usage now; None where the system does not tell."""
    return _of_macos() if sys.platform == "darwin" else _of_linux()


def _of_linux() -> Usage | None:
    try:
        stat = Path("/proc/self/stat").read_text()
    except OSError:
        return None
    # The program's name stands in parentheses and may contain anything.
    fields = stat.rpartition(")")[2].split()
    now = time.clock_gettime(time.CLOCK_BOOTTIME)  # type: ignore[attr-defined,unused-ignore] # of Linux alone
    up = now - int(fields[_STARTED]) / os.sysconf("SC_CLK_TCK")
    resident = int(fields[_RESIDENT]) * os.sysconf("SC_PAGE_SIZE")
    return Usage(resident, int(fields[_VIRTUAL]), int(fields[_THREADS]), up)


def _of_macos() -> Usage | None:
    buffer = ctypes.create_string_buffer(_TASK_INFO.size)
    size = ctypes.CDLL(None).proc_pidinfo(
        os.getpid(), _PROC_PIDTASKINFO, ctypes.c_uint64(0), buffer, len(buffer)
    )
    if size != _TASK_INFO.size:
        return None
    virtual, resident, *_, threads, _running, _priority = _TASK_INFO.unpack(buffer.raw)
    return Usage(resident, virtual, threads, None)


def observe(meter: Meter) -> None:
    """Make the instruments.

    Args:
        meter: Makes them.
    """
    meter.create_observable_counter(
        "process.cpu.time", [_cpu_time], unit="s", description="Processor time of the process, by mode."
    )
    for name, unit, description, read in _LEVELS:
        meter.create_observable_up_down_counter(name, [_level(read)], unit=unit, description=description)
    meter.create_observable_gauge(
        "process.uptime",
        [_level(lambda: _said("uptime"))],
        unit="s",
        description="How long the process has run.",
    )


def _cpu_time(_options: CallbackOptions) -> Iterable[Observation]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    yield Observation(used.ru_utime, {"cpu.mode": "user"})
    yield Observation(used.ru_stime, {"cpu.mode": "system"})


def _level(read: Callable[[], float | None]) -> Callback:
    def observe(_options: CallbackOptions) -> Iterable[Observation]:
        value = read()
        return [] if value is None else [Observation(value)]

    return observe


def _said(field: str) -> float | None:
    found = usage()
    return None if found is None else getattr(found, field)


def _open_files() -> int | None:
    try:
        with os.scandir("/dev/fd") as entries:
            return sum(1 for _ in entries) - 1  # one of them is the listing's own
    except OSError:
        return None


_LEVELS: tuple[tuple[str, str, str, Callable[[], float | None]], ...] = (
    ("process.memory.usage", "By", "Physical memory in use.", lambda: _said("resident")),
    ("process.memory.virtual", "By", "Memory that is mapped.", lambda: _said("virtual")),
    ("process.thread.count", "{thread}", "Threads of the process.", lambda: _said("threads")),
    ("process.unix.file_descriptor.count", "{file_descriptor}", "Open files and sockets.", _open_files),
)
