"""Retention by size where a server has only retention by age: Loki, and Tempo.

`python -m obsdeck.stack.retention` runs beside them and looks every five minutes. It deletes no file by
itself: it asks Loki's delete API, and marks Tempo's blocks the way Tempo's own retention does. Prometheus
and the embedded trace store keep to their sizes themselves. Standard library only: it stays small.

Loki deletes only what is in an index that it has shipped, which it does every 15 minutes; what is younger is
asked for again in a later round.
"""

from __future__ import annotations

import base64
import json
import math
import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PAUSE_SECONDS = 300
EARLIEST = 1_000_000_000
"""Loki takes no start with fewer than ten digits."""

ROOM = 0.9
"""Down to this share of the limit, so that not every minute brings a deletion."""

_UNITS = {"MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True)
class Piece:
    """Telemetry that lies in one file or folder and can only go as a whole.

    Attributes:
        until: The newest moment in it, in seconds since the epoch.
        size: Bytes.
    """

    until: float
    size: int


def cutoff(pieces: Iterable[Piece], limit: int) -> float | None:
    """The moment before which everything must go, so that the rest fits.

    Args:
        pieces: All there is.
        limit: Bytes that are allowed.

    Returns:
        Seconds since the epoch; None where everything fits.
    """
    newest_first = sorted(pieces, key=lambda piece: piece.until, reverse=True)
    if sum(piece.size for piece in newest_first) <= limit:
        return None
    kept = 0
    for piece in newest_first:
        kept += piece.size
        if kept > limit * ROOM:
            return piece.until
    return None


def size_of(text: str) -> int:
    """Bytes of a size setting, as in 2GB."""
    return int(text[:-2]) * _UNITS[text[-2:]]


def chunks(data: Path) -> list[Piece]:
    """Loki's chunks; a chunk's name is base64 of `from:through:checksum`, in milliseconds, in hexadecimal."""
    pieces = []
    for path in (data / "chunks").glob("fake/*/*"):
        try:
            _, through, _ = base64.b64decode(path.name).decode().split(":")
            pieces.append(Piece(int(through, 16) / 1000, path.stat().st_size))
        except (ValueError, OSError):
            continue  # a file of another kind, or one that was just deleted
    return pieces


def blocks(data: Path) -> dict[Path, Piece]:
    """Tempo's blocks that are in use; the newest moment of each stands in its `meta.json`."""
    found = {}
    for path in (data / "blocks").glob("single-tenant/*/meta.json"):
        try:
            end = datetime.fromisoformat(json.loads(path.read_text(encoding="utf-8"))["endTime"])
            found[path] = Piece(end.timestamp(), sum(file.stat().st_size for file in path.parent.iterdir()))
        except (ValueError, KeyError, OSError):
            continue
    return found


def retire(meta: Path) -> None:
    """Take a block out of use, as Tempo's own retention does it on a local disk.

    Without `meta.json` the block is in no list any more; Tempo deletes its files after
    `compacted_block_retention`, so a search that is reading them now is not disturbed.
    """
    meta.rename(meta.with_name("meta.compacted.json"))


def delete_logs(url: str, before: float) -> None:
    """Ask Loki to delete all lines older than a moment; it does so within minutes.

    Raises:
        OSError: Loki does not answer, or refuses.
    """
    query = urlencode({"query": '{service_name=~".+"}', "start": EARLIEST, "end": math.ceil(before)})
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        connection.request("POST", f"/loki/api/v1/delete?{query}")
        answer = connection.getresponse()
        if answer.status >= 300:  # noqa: PLR2004
            raise OSError(
                f"Loki refused the deletion: {answer.status} {answer.read(200).decode(errors='replace')}"
            )
    except HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()


def look(environ: Mapping[str, str]) -> list[str]:
    """One round: measure, then ask for what must go.

    Returns:
        What was done, a line each.

    Raises:
        OSError: Loki does not answer, or a block cannot be touched.
    """
    done = []
    size = environ["OBSDECK_LOGS_MAX_SIZE"]
    before = cutoff(chunks(Path(environ["OBSDECK_LOKI_DATA"])), size_of(size))
    if before is not None:
        delete_logs(environ["OBSDECK_LOKI_URL"], before)
        done.append(f"logs are over {size}: Loki was asked to delete what is before {_moment(before)}")
    size = environ["OBSDECK_TRACES_MAX_SIZE"]
    present = blocks(Path(environ["OBSDECK_TEMPO_DATA"]))
    before = cutoff(present.values(), size_of(size))
    if before is not None:
        for meta, piece in present.items():
            if piece.until <= before:
                retire(meta)
        done.append(f"traces are over {size}: blocks that end before {_moment(before)} were retired")
    return done


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def main() -> None:
    """Look for ever; a server that does not answer is asked again."""
    while True:
        try:
            for line in look(os.environ):
                sys.stdout.write(line + "\n")
        except OSError as error:
            sys.stdout.write(f"will be tried again: {error}\n")
        sys.stdout.flush()
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
