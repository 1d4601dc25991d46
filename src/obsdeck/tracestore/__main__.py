"""Start the trace store: ``python -m obsdeck.tracestore --data DIR --listen 127.0.0.1:3200``."""

from __future__ import annotations

import argparse
import logging
import re
import signal
import socket
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import uvicorn

from obsdeck.errors import ObsdeckError, PortInUseError
from obsdeck.tracestore.api.app import make_app
from obsdeck.tracestore.store import Limits, Store

_GRACE_SECONDS = 1


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        bound = _bind(*options.listen)
        try:
            store = Store(options.data, Limits(options.retention, options.max_size))
        except ObsdeckError:
            bound.close()
            raise
    except ObsdeckError as error:
        sys.stderr.write("".join(f"{line}\n" for line in (error.message, error.why, error.hint) if line))
        return int(error.exit_code)
    config = uvicorn.Config(
        make_app(store),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = uvicorn.Server(config)

    def end(*_: object) -> None:
        server.should_exit = True

    # uvicorn hands a signal back when it has ended, which would skip the closing of the store.
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, end)
    with bound, closing(store):
        server.run(sockets=[bound])
    return 0


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise PortInUseError(
            f"the trace store cannot listen on {host}:{port}",
            why=str(error),
            hint="Name another address with --listen.",
        ) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m obsdeck.tracestore", description="A trace store with Tempo's HTTP API."
    )
    parser.add_argument("--data", type=Path, required=True, help="directory for the spans")
    parser.add_argument("--listen", type=_address, default=("127.0.0.1", 3200), metavar="HOST:PORT")
    parser.add_argument("--retention", type=_duration, default=timedelta(hours=168), metavar="168h")
    parser.add_argument("--max-size", type=_bytes, default=2 * 10**9, metavar="2GB")
    return parser


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no HOST:PORT")
    return host.strip("[]"), int(port)


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"(\d+)([smhd])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration like 168h")
    return timedelta(seconds=int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]])


def _bytes(text: str) -> int:
    found = re.fullmatch(r"(\d+)([KMGT]?)B?", text.upper())
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no size like 2GB")
    return int(found[1]) * int(1000 ** " KMGT".index(found[2] or " "))


if __name__ == "__main__":
    sys.exit(main())
