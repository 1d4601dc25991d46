"""What observing costs: obsdeck and its peers against a bare app, under a real server.

    just overhead                       every variant, about six minutes
    just overhead --rounds 3 bare all   some of them

One uvicorn per variant, all alive at once and measured in turns, there and back, so that what else the
machine does hits all of them. With two cores or more, servers run on the first and everything else (load,
receiver) on the others. Throughput is over eight connections as fast as the answers come; latencies are at
half of what each can do, and of what bare FastAPI can do, from the moment each request was due. Medians of
the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent))

from variants import VARIANTS

HERE = Path(__file__).parent
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
WARM_UP_SECONDS = 1.0


class Receiver(BaseHTTPRequestHandler):
    """Takes everything and keeps nothing."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer at once."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """No access log in the table."""


@dataclass
class Measured:
    """What the rounds gave for one variant: requests per second, CPU per request and latencies in seconds."""

    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    p99_as_bare: list[float] = field(default_factory=list)
    setup: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)


class Service:
    """One variant's server and the load generator that is connected to it."""

    def __init__(self, key: str, receiver: str, measured: Measured) -> None:
        self.measured = measured
        self._server = _start([HERE / "variants.py", key], _environment(key, receiver), CORES[:1])
        port, seconds, megabytes = str(self._server.stdout.readline()).split()
        measured.setup.append(float(seconds))
        measured.megabytes.append(float(megabytes))
        self._port = port
        self._load: Any = None

    def connect(self) -> None:
        """Start the load generator and warm the server up."""
        self._load = _start([HERE / "load.py", self._port], dict(os.environ), CORES[1:])
        self._order(f"closed {WARM_UP_SECONDS}")

    def saturate(self, seconds: float) -> None:
        """One round of as much as it can take."""
        process = psutil.Process(self._server.pid)
        before = process.cpu_times()
        found = self._order(f"closed {seconds}")
        after = process.cpu_times()
        self.measured.rates.append(found["rate"])
        used = after.user + after.system - before.user - before.system
        self.measured.cpu.append(used / found["count"])

    def pace(self, seconds: float, bare_rate: float) -> None:
        """One round at half of its own rate, and one at half of bare's."""
        found = self._order(f"open {seconds} {statistics.median(self.measured.rates) / 2}")
        self.measured.p50.append(found["p50"])
        self.measured.p99.append(found["p99"])
        self.measured.p99_as_bare.append(self._order(f"open {seconds} {bare_rate / 2}")["p99"])

    def stop(self) -> None:
        """End both processes."""
        for process in (self._load, self._server):
            if process is not None:
                process.terminate()
                process.wait(30)

    def _order(self, order: str) -> dict[str, float]:
        self._load.stdin.write(order + "\n")
        self._load.stdin.flush()
        found: dict[str, float] = json.loads(self._load.stdout.readline())
        return found


def _start(words: list[Any], environment: dict[str, str], cores: list[int]) -> Any:
    process = subprocess.Popen(
        [sys.executable, *map(str, words)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if cores:
        os.sched_setaffinity(process.pid, cores)
    return process


def _environment(key: str, receiver: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "OBSDECK_"))}
    return {
        **clean,
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver,
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http",
        # logfire's plugin for pydantic would be loaded into every variant.
        **({} if key == "logfire" else {"PYDANTIC_DISABLE_PLUGINS": "__all__"}),
        **VARIANTS[key].environment,
    }


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("variants", nargs="*", metavar="VARIANT", help=", ".join(VARIANTS))
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each measurement (default: 1.5)")
    arguments = parser.parse_args()
    unknown = set(arguments.variants) - VARIANTS.keys()
    if unknown:
        parser.error(f"no such variant: {', '.join(sorted(unknown))}")
    keys = ["bare", *(key for key in arguments.variants or VARIANTS if key != "bare")]
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    if CORES[1:]:
        os.sched_setaffinity(0, CORES[1:])
    url = f"http://127.0.0.1:{receiver.server_port}"
    found = {key: Measured() for key in keys}
    _measure(keys, url, found, arguments.rounds, arguments.seconds)
    _measure_setup(keys, url, found, arguments.rounds)
    receiver.shutdown()
    _print(found)


def _measure(keys: list[str], url: str, found: dict[str, Measured], rounds: int, seconds: float) -> None:
    services = {}
    try:
        for key in keys:
            services[key] = Service(key, url, found[key])
            services[key].connect()
        for kind in ("saturate", "pace"):
            for number in range(rounds):
                for key in keys if number % 2 == 0 else reversed(keys):
                    print(f"\r{kind} {number + 1} of {rounds}: {key:<16}", end="", file=sys.stderr)
                    if kind == "saturate":
                        services[key].saturate(seconds)
                    else:
                        services[key].pace(seconds, statistics.median(found["bare"].rates))
        print(file=sys.stderr)
    finally:
        for service in services.values():
            service.stop()


def _measure_setup(keys: list[str], url: str, found: dict[str, Measured], rounds: int) -> None:
    """Importing and setting up, with nothing else alive; the first starts, beside others, do not count."""
    for measured in found.values():
        measured.setup, measured.megabytes = [], []
    for _ in range(rounds):
        for key in keys:
            Service(key, url, found[key]).stop()


COLUMNS = (
    "variant",
    "of bare throughput",
    "lowest to highest",
    "CPU us per request",
    "p50 ms",
    "p99 ms",
    "of bare",
    "p99 ms at half of bare's load",
    "import and set-up ms over bare",
    "MB over bare",
)


def _print(found: dict[str, Measured]) -> None:
    bare = found["bare"]
    base = {name: statistics.median(values) for name, values in vars(bare).items()}
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    for key, measured in found.items():
        middle = {name: statistics.median(values) for name, values in vars(measured).items()}
        ratios = [one / other for one, other in zip(measured.rates, bare.rates, strict=True)]
        cells = (
            VARIANTS[key].name,
            f"{statistics.median(ratios):.2f}",
            f"{min(ratios):.2f} to {max(ratios):.2f}",
            f"{middle['cpu'] * 1e6:.0f}",
            f"{middle['p50'] * 1e3:.2f}",
            f"{middle['p99'] * 1e3:.1f}",
            f"{middle['p99'] / base['p99']:.1f}",
            f"{middle['p99_as_bare'] * 1e3:.1f}",
            f"{(middle['setup'] - base['setup']) * 1e3:.0f}",
            f"{middle['megabytes'] - base['megabytes']:.1f}",
        )
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
