"""The end: what was recorded is exported, under one deadline, however the process ends.

The SDK exports at exit, one signal after the other, and waits 30 s for each whose receiver is gone;
uvicorn ends by raising its signal again, so that exit hooks never run. So ours are flushed when the app's
lifespan ends, at exit, and on a SIGTERM that nobody else handles, all at once in threads of their own.
"""

from __future__ import annotations

import atexit
import logging
import signal
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from obsdeck.telemetry.providers import Part

_logger = logging.getLogger(__name__)


class Ending:
    """Ends the parts of one process.

    Args:
        parts: What exports each signal.
        seconds: The deadline of all of them together.
    """

    def __init__(self, parts: Mapping[str, Part], seconds: float) -> None:
        self._parts = parts
        self._seconds = seconds
        self._unreachable = False

    def flush(self) -> bool:
        """Export what is waiting; False if the deadline came first."""
        return self._run({signal: part.force_flush for signal, part in self._parts.items()})

    def shutdown(self) -> bool:
        """Export what is waiting and close; False if the deadline came first."""
        return self._run({signal: part.shutdown for signal, part in self._parts.items()})

    def install(self) -> None:
        """Run at the end of the process, also at one by SIGTERM if that has no handler yet."""
        atexit.register(self.shutdown)
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
        seconds = 0.0 if self._unreachable else self._seconds
        deadline = time.monotonic() + seconds
        threads = {
            signal: threading.Thread(target=job, name=f"obsdeck-{signal}", daemon=True)
            for signal, job in jobs.items()
        }
        for thread in threads.values():
            thread.start()
        for thread in threads.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        late = [signal for signal, thread in threads.items() if thread.is_alive()]
        if late and not self._unreachable:
            _logger.warning(
                "not everything could be exported within %g s; what was left of %s is dropped",
                self._seconds,
                ", ".join(late),
            )
        self._unreachable = bool(late)
        return not late
