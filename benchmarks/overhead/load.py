"""A load generator that costs little beside the server: `python benchmarks/overhead/load.py PORT`.

Reads orders from its input, a line each, and answers each with a line of JSON: "closed SECONDS" sends over
eight connections as fast as answers come; "open SECONDS RATE" sends at a rate, whether or not answers come,
and takes latencies from the moment each request was due.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque

import uvloop

CONNECTIONS = 8
REQUEST = b"GET /items/42 HTTP/1.1\r\nhost: 127.0.0.1:8000\r\nuser-agent: overhead\r\naccept: */*\r\n\r\n"


class Connection(asyncio.Protocol):
    """One kept-alive connection; all answers have the length of the first."""

    def __init__(self) -> None:
        self.due: deque[float] = deque()
        self.latencies: list[float] = []
        self.length = 0
        self.closed_loop = False
        self._got = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = transport

    def send(self, due: float) -> None:
        """One request that was due at a moment."""
        self.due.append(due)
        self.transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        """Count whole answers."""
        if not self.length:  # head and body may come in two pieces, but the head comes whole
            head = data.partition(b"\r\n\r\n")[0]
            size = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            if not (head.startswith(b"HTTP/1.1 200") and size):
                sys.exit(f"not the answer that was expected: {data!r}")
            self.length = len(head) + 4 + int(size)
        self._got += len(data)
        while self._got >= self.length and self.due:
            self._got -= self.length
            now = time.perf_counter()
            self.latencies.append(now - self.due.popleft())
            if self.closed_loop:
                self.send(now)


async def _connect(port: int) -> list[Connection]:
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Connection, "127.0.0.1", port))[1] for _ in range(CONNECTIONS)]


async def _closed(connections: list[Connection], seconds: float) -> None:
    for connection in connections:
        connection.closed_loop = True
        connection.send(time.perf_counter())
    await asyncio.sleep(seconds)
    for connection in connections:
        connection.closed_loop = False


async def _open(connections: list[Connection], seconds: float, rate: float) -> None:
    began = time.perf_counter()
    sent = 0
    while (now := time.perf_counter() - began) < seconds:
        while sent < now * rate:
            connections[sent % CONNECTIONS].send(began + sent / rate)
            sent += 1
        await asyncio.sleep(0.0005)


async def _all_answered(connections: list[Connection]) -> None:
    while any(connection.due for connection in connections):  # noqa: ASYNC110 - of eight, nobody is the last
        await asyncio.sleep(0.001)


async def _order(connections: list[Connection], words: list[str]) -> dict[str, object]:
    for connection in connections:
        connection.latencies = []
    began = time.perf_counter()
    kind, seconds, *rate = words
    await (
        _closed(connections, float(seconds))
        if kind == "closed"
        else _open(connections, float(seconds), float(rate[0]))
    )
    elapsed = time.perf_counter() - began
    count = sum(len(connection.latencies) for connection in connections)
    await _all_answered(connections)
    latencies = sorted(latency for connection in connections for latency in connection.latencies)
    return {
        "count": len(latencies),
        "rate": count / elapsed,
        "p50": latencies[len(latencies) // 2],
        "p99": latencies[len(latencies) * 99 // 100],
    }


async def main() -> None:
    """Take orders until there are no more."""
    connections = await _connect(int(sys.argv[1]))
    for connection in connections:  # learns how long an answer is
        connection.send(time.perf_counter())
    await _all_answered(connections)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await _order(connections, line.split())), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
