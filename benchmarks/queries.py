"""Every query of the generated dashboards on a running stack with traffic: how long, and which the longest.

    python benchmarks/queries.py [--seconds 60] [--queries 300]

A stack with the quickstart is started on free ports and gets traffic for so many seconds. Then all dashboards
but those of databases are opened in turn, their queries eight at a time as a browser sends them, and again
from the first one until there were enough. At last Prometheus tells what evaluating its rules takes.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from obsdeck.backends import http
from obsdeck.grafana import classic, execute, resolve, sources, timerange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obsdeck.grafana.execute import Result
    from obsdeck.grafana.sources import DataSources

ROOT = Path(__file__).resolve().parents[1]
GENERATED = ROOT / "observability" / "generated"
DATABASES = {"obsdeck-postgres", "obsdeck-redis"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--queries", type=int, default=300)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="obsdeck-bench-") as folder, running(folder) as urls:
        sent = traffic(urls["quickstart"], words.seconds)
        print(f"{sent} requests in {words.seconds} s, then all dashboards on {os.cpu_count()} cores")
        report(*opened(sources.read(GENERATED / "datasources" / "obsdeck.yaml", {}).at(urls), words.queries))
        evaluated(urls["prometheus"])


@contextmanager
def running(folder: str) -> Iterator[dict[str, str]]:
    """The addresses of a stack with the quickstart, as a user starts it."""
    from obsdeck.stack.variables import PORTS  # noqa: PLC0415 - with the rest of the stack

    held = [socket.create_server(("127.0.0.1", 0)) for _ in PORTS]
    ports = {one.name: str(server.getsockname()[1]) for one, server in zip(PORTS, held, strict=True)}
    for server in held:
        server.close()
    environ = {**os.environ, "OBSDECK_HOME": folder, "OTEL_METRIC_EXPORT_INTERVAL": "5000", **ports}
    document = json.loads(obsdeck(environ, "up", "--runtime", "native", "--offline", "--json"))
    try:
        yield {one["name"]: one["url"] for one in document["components"] if one["state"] == "ready"}
    finally:
        obsdeck(environ, "down")


def obsdeck(environ: dict[str, str], *words: str) -> str:
    command = [sys.executable, "-m", "obsdeck", *words]
    return subprocess.run(command, env=environ, cwd="/", capture_output=True, text=True, check=True).stdout


def traffic(url: str, seconds: int) -> int:
    """As many requests as one impatient client makes; how many those were."""
    until, sent = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        for path in (*("/", "/items/1", "/items/2") * 10, "/items/none", "/fail", "/slow"):
            httpx.get(url + path)  # on a connection of its own: /fail ends the one that it came on
            sent += 1
    return sent


def opened(srcs: DataSources, count: int) -> tuple[list[Result], float]:
    """The results of at least so many queries, and the seconds that they took together."""
    paths = [path for path in sorted(GENERATED.rglob("*.json")) if path.stem.startswith("obsdeck")]
    boards = [classic.read(path) for path in paths if path.stem not in DATABASES]
    results: list[Result] = []
    began = time.perf_counter()
    while len(results) < count:
        for board in boards:
            span = timerange.parse(*board.time, now=time.time_ns() // 10**6)
            variables = resolve.resolve(board, srcs, span)
            found = execute.run(execute.plan(board, variables, srcs, span))
            results += [one for one in found if one.planned.query]
    return results, time.perf_counter() - began


def report(results: list[Result], seconds: float) -> None:
    failed = [one for one in results if one.error]
    print(f"{len(results)} queries and their variables in {seconds:.2f} s, {len(failed)} failed")
    by_source: dict[str, list[float]] = defaultdict(list)
    for one in results:
        if one.planned.query:
            by_source[one.planned.query.source.type].append(one.seconds)
    for name, taken in sorted(by_source.items()):
        print(f"  {name:12} {len(taken):5}  mean {1000 * sum(taken) / len(taken):6.1f} ms")
    print("the slowest")
    for one in execute.slowest(results):
        place = f"{one.planned.dashboard} / {one.planned.title} / {one.planned.ref_id}"
        print(f"  {1000 * one.seconds:6.0f} ms  {place}")


def evaluated(url: str) -> None:
    """How long Prometheus needed for each group of rules the last time."""
    groups: list[dict[str, Any]] = http.get(f"{url}/api/v1/rules").json()["data"]["groups"]
    print("evaluating rules")
    for group in sorted(groups, key=lambda group: -float(group["evaluationTime"])):
        print(f"  {1000 * group['evaluationTime']:6.1f} ms  {group['name']}, {len(group['rules'])} rules")


if __name__ == "__main__":
    main()
