"""What OpenTelemetry says about itself, at most one line a minute per trouble.

A receiver that is gone makes the SDK log for every batch of every signal. One line says all of it.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 60.0
_EXPORT = ("opentelemetry.exporter.", "opentelemetry.sdk._shared_internal")


class Quieted(logging.Handler):
    """Passes a record on to the root's handlers unless its trouble was reported a moment ago.

    Args:
        clock: Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._next: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Pass on or count."""
        trouble = "export" if record.name.startswith(_EXPORT) else f"{record.name}: {record.msg}"
        now = self._clock()
        if now < self._next.get(trouble, now):
            self._left_out[trouble] = self._left_out.get(trouble, 0) + 1
            return
        self._next[trouble] = now + SECONDS
        if before := self._left_out.pop(trouble, 0):
            record = logging.makeLogRecord(vars(record))
            record.msg = f"{record.getMessage()} ({before} more like this since the last such line)"
            record.args = ()
        logging.getLogger().handle(record)


def install() -> None:
    """Put the handler on OpenTelemetry's loggers, once."""
    logger = logging.getLogger("opentelemetry")
    if not any(isinstance(handler, Quieted) for handler in logger.handlers):
        logger.addHandler(Quieted())
        logger.propagate = False
