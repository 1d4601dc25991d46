"""What OpenTelemetry says about itself, at most one line a minute per trouble.

A receiver that is gone makes the SDK log for every batch of every signal. One line says all of it.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from obsdeck.telemetry.context import is_suppressed

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 60.0
_LENGTH = 1000
_LOGGERS = (
    "opentelemetry",
    "obsdeck.telemetry.exporters",
    "obsdeck.telemetry.providers",
    "obsdeck.telemetry.session",
)
_CLIENTS = ("urllib3.connection", "urllib3.connectionpool")
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
        passed = logging.makeLogRecord(vars(record))
        # A client's header may be in it.
        passed.msg, passed.args = record.getMessage()[:_LENGTH], ()
        if before := self._left_out.pop(trouble, 0):
            passed.msg += f" ({before} more like this since the last such line)"
        logging.getLogger().handle(passed)


def _is_no_export(_record: logging.LogRecord) -> bool:
    """Whether a line of the HTTP client is the application's; an exporter says itself what went wrong."""
    return not is_suppressed()


def install() -> None:
    """Put the handler on the loggers of OpenTelemetry and of its exporters, once."""
    for name in _CLIENTS:
        logging.getLogger(name).addFilter(_is_no_export)
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(handler, Quieted) for handler in logger.handlers):
            logger.addHandler(Quieted())
            logger.propagate = False
