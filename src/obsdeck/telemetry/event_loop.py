"""How late the event loop is: whatever blocks it makes every request of the process wait.

Ten times a second a call is put off by a tenth of a second, and how much later it comes is recorded. It is
a timer of the loop and no task: it ends with the loop, and there is nothing to cancel.
"""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING
from weakref import WeakSet

from opentelemetry.metrics import CallbackOptions, Observation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.metrics import Meter

SECONDS = 0.1
"""Between two looks; a loop that is blocked for longer is always caught."""

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the lag in seconds."""


class EventLoops:
    """The event loops of the process.

    Args:
        meter: Makes `obsdeck.event_loop.lag` and `obsdeck.event_loop.tasks`.
    """

    def __init__(self, meter: Meter) -> None:
        self._loops: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
        self._lag = meter.create_histogram(
            "obsdeck.event_loop.lag",
            unit="s",
            description="How much later than asked the event loop makes a call.",
            explicit_bucket_boundaries_advisory=BUCKETS,
        )
        meter.create_observable_up_down_counter(
            "obsdeck.event_loop.tasks",
            [self._observe_tasks],
            unit="{task}",
            description="Tasks of asyncio that are not done.",
        )

    def watch(self) -> None:
        """Watch the loop that runs here, if there is one and it is not watched yet."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no loop, or one that is not asyncio's
            return
        if loop not in self._loops:
            self._loops.add(loop)
            self._put_off(loop)

    def _put_off(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + SECONDS
        # A context of its own: that of the first request would be kept as long as the loop runs.
        loop.call_at(due, self._look, loop, due, context=Context())

    def _look(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._lag.record(max(0.0, loop.time() - due))
        self._put_off(loop)

    def _observe_tasks(self, _options: CallbackOptions) -> Iterable[Observation]:
        loops = [loop for loop in list(self._loops) if not loop.is_closed()]
        return [Observation(sum(len(asyncio.all_tasks(loop)) for loop in loops))] if loops else []
