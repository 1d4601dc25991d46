"""How long the packs take: `generate`, `check` with and without promtool, reading YAML; and their memory.

    python benchmarks/packs.py [--runs 5]

Each run is a process of its own, as a user starts it, in a fresh directory with all packs that obsdeck ships
and one that `obsdeck init pack` wrote. The first run is not counted.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from obsdeck.packs.where import find
from obsdeck.stack.environment import load_settings
from obsdeck.stack.home import find_home
from obsdeck.stack.install import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

READ = """
import pathlib, sys, time
from obsdeck.packs import source
paths = [pathlib.Path(line) for line in sys.stdin.read().splitlines()]
began = time.perf_counter()
for path in paths:
    source.read(path)
print(time.perf_counter() - began)
"""


@dataclass(frozen=True)
class Run:
    """What one process took: seconds by the clock, seconds of CPU with its children, bytes at most."""

    wall: float
    cpu: float
    memory: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=5)
    runs: int = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="obsdeck-bench-") as made:
        folder = Path(made)
        obsdeck(folder, "init", "pack", "bench")
        print(f"median and worst of {runs} runs on {os.cpu_count()} processors")
        report("generate", [generate(folder) for _ in range(runs + 1)][1:])
        report("generate --check", [obsdeck(folder, "generate", "--check") for _ in range(runs + 1)][1:])
        program = {"OBSDECK_PROMETHEUS_BIN": prometheus(), "XDG_CACHE_HOME": made}
        report("check, the first time", [first_check(folder, program) for _ in range(runs + 1)][1:])
        report("check, again", [obsdeck(folder, "check", **program) for _ in range(runs + 1)][1:])
        without = {"OBSDECK_PROMETHEUS_BIN": "", "XDG_CACHE_HOME": made}
        report("check without promtool", [obsdeck(folder, "check", **without) for _ in range(runs + 1)][1:])
    read(runs)


def generate(folder: Path) -> Run:
    """From nothing: every file is written."""
    shutil.rmtree(folder / "observability" / "generated", ignore_errors=True)
    return obsdeck(folder, "generate")


def prometheus() -> str:
    """The program that promtool lies beside; empty where there is none."""
    return str(resolve("prometheus", load_settings(), find_home().cache).path or "")


def first_check(folder: Path, environ: Mapping[str, str]) -> Run:
    """With nothing remembered of what promtool found good."""
    (Path(environ["XDG_CACHE_HOME"]) / "obsdeck" / "checked-rules.json").unlink(missing_ok=True)
    return obsdeck(folder, "check", **environ)


def obsdeck(folder: Path, *words: str, **environ: str) -> Run:
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        pid = os.posix_spawn(
            "/bin/sh",
            ["sh", "-c", 'cd "$0" && exec "$@"', str(folder), sys.executable, "-m", "obsdeck", *words],
            {**os.environ, **environ},
            file_actions=[(os.POSIX_SPAWN_DUP2, said.fileno(), stream) for stream in (1, 2)],
        )
        _, status, used = os.wait4(pid, 0)
        wall = time.perf_counter() - began
        if os.waitstatus_to_exitcode(status) not in {0, 1}:  # 1: something was found
            said.seek(0)
            sys.exit(said.read().decode())
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * unit)


def read(runs: int) -> None:
    paths = [path for folder in find().folders for path in sorted(folder.rglob("*.yaml"))]
    size = sum(path.stat().st_size for path in paths)
    seconds = [
        float(
            subprocess.run(
                [sys.executable, "-c", READ],
                input="\n".join(map(str, paths)),
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for _ in range(runs)
    ]
    print(f"  {'reading YAML':24} {statistics.median(seconds):6.2f} {max(seconds):6.2f} s", end="")
    print(f"   {len(paths)} files, {size / 1000:.0f} kB")


def report(title: str, runs: list[Run]) -> None:
    wall, cpu = [one.wall for one in runs], statistics.median(one.cpu for one in runs)
    print(f"  {title:24} {statistics.median(wall):6.2f} {max(wall):6.2f} s", end="")
    print(f"   {cpu:5.2f} s of CPU, {max(one.memory for one in runs) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
