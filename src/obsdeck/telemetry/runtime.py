"""The process and the Python in it: what it uses, what its garbage collector does, how late its loop is.

OpenTelemetry's own `opentelemetry-instrumentation-system-metrics` needs psutil, counts the whole machine
besides, and knows nothing of event loops. Its name in `OTEL_PYTHON_DISABLED_INSTRUMENTATIONS` is ours too.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from opentelemetry.metrics import CallbackOptions, Observation

from obsdeck.telemetry import process
from obsdeck.telemetry.event_loop import EventLoops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import Meter

NAME = "system_metrics"
"""What OpenTelemetry calls this."""

_COLLECTOR = (
    ("cpython.gc.collections", "{collection}", "Collections of a generation.", "collections"),
    ("cpython.gc.collected_objects", "{object}", "Objects collected.", "collected"),
    ("cpython.gc.uncollectable_objects", "{object}", "Objects that cannot be collected.", "uncollectable"),
)


def observe(meter: Meter) -> EventLoops:
    """Make the instruments of a process, once.

    Args:
        meter: Makes them.

    Returns:
        What watches event loops, when it is told to.
    """
    process.observe(meter)
    for name, unit, description, key in _COLLECTOR:
        meter.create_observable_counter(name, [_of_collector(key)], unit=unit, description=description)
    return EventLoops(meter)


def _of_collector(key: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_options: CallbackOptions) -> Iterable[Observation]:
        for generation, statistics in enumerate(gc.get_stats()):
            yield Observation(statistics[key], {"cpython.gc.generation": generation})

    return observe
