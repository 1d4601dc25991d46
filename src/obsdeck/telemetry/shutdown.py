"""The end: what was recorded is exported, under one deadline, however the process ends.

The SDK exports at exit, one signal after the other, and waits 30 s for each whose receiver is gone;
uvicorn ends by raising its signal again, so that exit hooks never run. So ours are flushed when the app's
lifespan ends, at exit, and on a SIGTERM that nobody else handles, all at once in threads of their own.
"""

from __future__ import annotations

import atexit
import logging
import math
import signal
import threading
import time
from typing import TYPE_CHECKING

from obsdeck.telemetry import fork

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType

    from obsdeck.telemetry.providers import Part

_logger = logging.getLogger(__name__)

ONE_END = 30.0
"""Seconds within which two calls belong to one end: of the lifespan, by a signal, at exit."""

_NOUNS = {"traces": "{} spans", "logs": "{} log records", "metrics": "the latest metrics"}


class Ending:
    """Ends the parts of one process.

    Args:
        parts: What exports each signal.
        seconds: The deadline of all of them together.
    """

    def __init__(self, parts: Mapping[str, Part], seconds: float) -> None:
        self._parts = parts
        self._seconds = seconds
        self._gave_up = -math.inf

    def flush(self) -> bool:
        """Export what is waiting; False if not all of it was taken in time."""
        return self._run({signal: part.flush for signal, part in self._parts.items()})

    def shutdown(self) -> bool:
        """Export what is waiting and close; False if not all of it was taken in time."""
        return self._run({signal: part.shutdown for signal, part in self._parts.items()})

    def install(self) -> None:
        """Run at the end of the process, also at one by SIGTERM if that has no handler yet."""
        atexit.register(self.shutdown)
        fork.at_the_end_of_children(self, self.flush)
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._on_sigterm)

    def _on_sigterm(self, number: int, _frame: FrameType | None) -> None:
        self.flush()
        # The process ends by the signal, as it would have without us.
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    def _run(self, jobs: Mapping[str, Callable[[], object]]) -> bool:
        # Who did not answer a moment ago is not waited for twice at one end.
        again = time.monotonic() - self._gave_up < ONE_END
        deadline = time.monotonic() + (0.0 if again else self._seconds)
        before = {signal: self._parts[signal].tally.lost for signal in jobs}
        threads = {
            signal: threading.Thread(target=job, name=f"obsdeck-{signal}", daemon=True)
            for signal, job in jobs.items()
        }
        for thread in threads.values():
            thread.start()
        for thread in threads.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        late = [signal for signal, thread in threads.items() if thread.is_alive()]
        dropped = {signal: self._dropped(signal, late) - lost for signal, lost in before.items()}
        if not any(dropped.values()):
            return not late
        if not again:
            self._say(dropped)
            self._gave_up = time.monotonic()
        return False

    def _dropped(self, signal: str, late: Sequence[str]) -> int:
        part = self._parts[signal]
        return part.tally.lost + (part.tally.sending + part.queued() if signal in late else 0)

    def _say(self, dropped: Mapping[str, int]) -> None:
        _logger.warning(
            "not everything could be exported within %g s; dropped: %s",
            self._seconds,
            ", ".join(_NOUNS[signal].format(count) for signal, count in dropped.items() if count),
        )
