"""Warm start, memory at rest and time until telemetry can be queried, of the whole native stack.

    python benchmarks/stack.py [--runs 5]

Each run is what a user types: `obsdeck up --runtime native --no-demo --offline --json` in a process of its
own, in a home of its own, on free ports, then `obsdeck down`. The first run is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from obsdeck.stack import processes
from obsdeck.stack.home import find_home
from obsdeck.stack.variables import PORTS

REST_SECONDS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=5)
    runs: int = parser.parse_args().runs
    with tempfile.TemporaryDirectory(prefix="obsdeck-bench-") as folder:
        environ = {**os.environ, "OBSDECK_HOME": folder, **free_ports()}
        rounds = [one_round(environ, rest=number == runs) for number in range(runs + 1)][1:]
    report(rounds)


def free_ports() -> dict[str, str]:
    with ExitStack() as held:
        servers = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in PORTS]
        return {one.name: str(server.getsockname()[1]) for one, server in zip(PORTS, servers, strict=True)}


def one_round(environ: dict[str, str], *, rest: bool) -> dict[str, Any]:
    began = time.perf_counter()
    up = obsdeck(environ, "up", "--runtime", "native", "--no-demo", "--offline", "--json")
    whole = time.perf_counter() - began
    document: dict[str, Any] = json.loads(up.stdout)
    if not document["ok"]:
        sys.exit(up.stdout + up.stderr)
    if rest:
        time.sleep(REST_SECONDS)  # a figure for memory at rest needs a rest
        document = {**json.loads(obsdeck(environ, "status", "--json").stdout), "checks": document["checks"]}
        home = find_home(environ["OBSDECK_HOME"], environ)
        document["whole"] = sum(process.memory_info().rss for process in processes.marked(home))
    began = time.perf_counter()
    obsdeck(environ, "down")
    return {**document, "up": whole, "down": time.perf_counter() - began}


def obsdeck(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "obsdeck", *words]
    return subprocess.run(command, env=environ, cwd=Path("/"), capture_output=True, text=True, check=False)


def report(rounds: list[dict[str, Any]]) -> None:
    present = [one["name"] for one in rounds[0]["components"] if one["state"] == "ready"]
    print(f"{len(rounds)} warm starts on {os.cpu_count()} cores")
    print("seconds from the start of the servers (median, worst)")
    slowest = [max(row["seconds"] for row in one["components"]) for one in rounds]
    for name in present:
        line([row["seconds"] for one in rounds for row in one["components"] if row["name"] == name], name)
    line(slowest, "all ready")
    line([one["up"] for one in rounds], "`up` as typed, with its round trip")
    line([one["down"] for one in rounds], "`down` as typed")
    print("\nseconds from sending until found (median, worst)")
    for index, check in enumerate(rounds[0]["checks"]):
        line([one["checks"][index]["seconds"] for one in rounds], check["id"])
    print(f"\nresident memory {REST_SECONDS} s after the last start")
    rows = [row for row in rounds[-1]["components"] if row["rss_bytes"]]
    for row in rows:
        print(f"  {row['name']:36} {row['rss_bytes'] / 1e6:6.0f} MB")
    print(f"  {'together, with the supervisor':36} {rounds[-1]['whole'] / 1e6:6.0f} MB")


def line(seconds: list[float], title: str) -> None:
    print(f"  {title:36} {statistics.median(seconds):6.2f} {max(seconds):6.2f}")


if __name__ == "__main__":
    main()
