"""What observing costs per request: obsdeck, the contrib instrumentor and FastAPI's own, against a bare app.

    python benchmarks/overhead.py            five rounds, about a minute
    python benchmarks/overhead.py --rounds 9 --calls 8000

One process per variant, all alive at once and measured in turns, so that what else the machine does hits
all of them. A call is one request through the whole ASGI app, without a server, whose own time would make
every ratio look better. What is measured is the CPU time of the variant's process: threads that encode and
export count, what the receiver (in this process) and others on the machine do does not. Medians of the
rounds; the ratio to bare is the result, the absolute numbers are the machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BEGAN = time.perf_counter()


@dataclass(frozen=True)
class Variant:
    """One way to observe the app.

    Attributes:
        name: For the table.
        setup: The function of this file that sets it up.
        environment: Variables for its process.
        logs: Whether the route logs a line per request.
    """

    name: str
    setup: str
    environment: dict[str, str]
    logs: bool = False


NO_LOGS = {"OTEL_LOGS_EXPORTER": "none"}
VARIANTS = {
    "bare": Variant("bare FastAPI", "bare", {}),
    "metrics": Variant("obsdeck, metrics", "obsdeck", NO_LOGS | {"OTEL_TRACES_EXPORTER": "none"}),
    "sampled": Variant(
        "obsdeck, metrics and 1 % of traces",
        "obsdeck",
        NO_LOGS | {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"},
    ),
    "traces": Variant("obsdeck, metrics and traces", "obsdeck", NO_LOGS),
    "all": Variant("obsdeck, metrics, traces and a log line", "obsdeck", {}, logs=True),
    "native": Variant("FastAPI's own, metrics and traces", "native", {}),
    "contrib": Variant("contrib without send and receive, metrics and traces", "contrib", {}),
}


def bare(_app: Any) -> None:
    pass


def obsdeck(app: Any) -> None:
    from obsdeck import instrument  # noqa: PLC0415

    instrument(app, service_name="overhead")


def native(app: Any) -> None:
    _providers()
    app._telemetry.update(operation_spans=False, logs=False)  # noqa: SLF001 - it takes this in its constructor


def contrib(app: Any) -> None:
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415

    _providers()
    app._telemetry.update(tracing=False, metrics=False, logs=False)  # noqa: SLF001
    FastAPIInstrumentor.instrument_app(app, exclude_spans=["send", "receive"])


def _providers() -> None:
    """The same exports as obsdeck's, and the same page of metrics."""
    from obsdeck.telemetry import providers, resource, settings  # noqa: PLC0415
    from obsdeck.telemetry.scrape import PageReader  # noqa: PLC0415

    read = settings.read(os.environ, {"logs_exporter": "none"}).settings
    providers.connect(read, resource.build("overhead", "")[0], PageReader())


def worker(key: str) -> None:
    variant = VARIANTS[key]
    from fastapi import FastAPI  # noqa: PLC0415

    imported = time.perf_counter()
    app = FastAPI()
    log = __import__("logging").getLogger("overhead")

    @app.get("/items/{item_id}")
    async def item(item_id: int) -> dict[str, int]:
        if variant.logs:
            log.warning("item %d", item_id)
        return {"item": item_id}

    globals()[variant.setup](app)
    print(time.perf_counter() - imported, flush=True)
    with asyncio.Runner() as runner:
        runner.run(_calls(app, 500))
        print(_rss(), flush=True)
        for line in sys.stdin:
            print(runner.run(_calls(app, int(line))), flush=True)


async def _calls(app: Any, count: int) -> float:
    headers = [(b"host", b"127.0.0.1:8000"), (b"user-agent", b"overhead"), (b"accept", b"*/*")]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: dict[str, Any]) -> None:
        pass

    began = time.process_time()
    for number in range(count):
        path = f"/items/{number % 100}"
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": headers,
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 50000),
        }
        await app(scope, receive, send)
        if number % 50 == 0:
            await asyncio.sleep(0)
    return time.process_time() - began


def _rss() -> float:
    """Resident memory in MB."""
    import psutil  # noqa: PLC0415

    return float(psutil.Process().memory_info().rss / 1e6)


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


class Process:
    """The process of one variant."""

    def __init__(self, key: str, url: str) -> None:
        variant = VARIANTS[key]
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "OBSDECK_"))
        }
        environment = {
            **clean,
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_SEMCONV_STABILITY_OPT_IN": "http",
            **variant.environment,
        }
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--worker", key],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.name = variant.name
        self.setup = self._number()
        self.rss = self._number()
        self.seconds: list[float] = []

    def _number(self) -> float:
        assert self.process.stdout is not None
        return float(self.process.stdout.readline())

    def measure(self, calls: int) -> None:
        """One round."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{calls}\n")
        self.process.stdin.flush()
        self.seconds.append(self._number() / calls)

    def stop(self) -> None:
        """Let it end."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--worker", choices=VARIANTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments.worker)
        return
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    processes = [Process(key, f"http://127.0.0.1:{receiver.server_port}") for key in VARIANTS]
    try:
        for number in range(arguments.rounds):
            # There and back, so that no variant is always measured after the same other one.
            for process in processes if number % 2 == 0 else reversed(processes):
                process.measure(arguments.calls)
    finally:
        for process in processes:
            process.stop()
        receiver.shutdown()
    _print(processes)


def _print(processes: list[Process]) -> None:
    reference = processes[0]
    base = statistics.median(reference.seconds)
    print("| variant | us per request | of bare throughput | lowest..highest | set-up ms | MB over bare |")
    print("|---|---|---|---|---|---|")
    for process in processes:
        middle = statistics.median(process.seconds)
        ratios = [one / other for one, other in zip(reference.seconds, process.seconds, strict=True)]
        print(
            f"| {process.name} | {middle * 1e6:.0f} "
            f"| {base / middle:.2f} | {min(ratios):.2f}..{max(ratios):.2f} "
            f"| {(process.setup - reference.setup) * 1e3:.0f} | {process.rss - reference.rss:.1f} |"
        )


if __name__ == "__main__":
    main()
