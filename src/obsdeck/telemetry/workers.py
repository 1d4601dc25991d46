"""Whether this process is one of several that serve the same app.

A scrape then reaches one of them by chance: its counters seem to jump and to reset. OTLP has no such
trouble, each worker sends as an instance of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_OPTION = re.compile(r"\s(?:--workers(?:=|\s+)|-w\s*)(\d+)\b")


def is_one_of_several(argv: Sequence[str], environ: Mapping[str, str], *, spawned: bool) -> bool:
    """Whether uvicorn, gunicorn or `fastapi run` was asked for more than one worker.

    Args:
        argv: The command line; workers see their parent's.
        environ: The environment, for `WEB_CONCURRENCY` and `GUNICORN_CMD_ARGS`.
        spawned: Whether `multiprocessing` made this process, as uvicorn makes its workers and reloaders.
    """
    said = " ".join((*argv[1:], environ.get("GUNICORN_CMD_ARGS", "")))
    if found := _OPTION.findall(f" {said}"):
        return int(found[-1]) > 1
    if environ.get("WEB_CONCURRENCY", "").isdigit():
        return int(environ["WEB_CONCURRENCY"]) > 1
    return spawned and "--reload" not in argv and argv[1:2] != ["dev"]
