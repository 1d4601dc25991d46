"""What a fork leaves in the child: the parent's numbers, and locks that nobody there will open.

A server that loads the app and then forks its workers (`gunicorn --preload`), and a job that is forked out
of a request, go on with a copy of everything. The SDK empties the copied queues, starts their threads
again and gives the child an id of its own. It leaves the numbers: what the parent has counted would be
counted once more under the child's id. And it leaves the locks of metrics, which a child keeps shut for
ever if something was being collected or sent at that moment.
"""

from __future__ import annotations

import os
from functools import partial
from multiprocessing import parent_process
from multiprocessing.util import Finalize, register_after_fork
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakMethod

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

if TYPE_CHECKING:
    from collections.abc import Callable


def in_child(method: Callable[[], None]) -> None:
    """Call a method in every forked child before its own code runs, while the method's object lives.

    Args:
        method: Must wait for no lock: a thread that the child does not have may hold it.
    """
    weak = WeakMethod(method)

    def call() -> None:
        if alive := weak():
            alive()

    os.register_at_fork(after_in_child=call)


def at_the_end_of_children(owner: object, finish: Callable[[], object]) -> None:
    """Run something at the end of what `multiprocessing` starts; it skips the exit hooks of most of those.

    Args:
        owner: As long as it lives, forked children do so.
        finish: What they run, last of all.
    """

    def register(_owner: object = None) -> None:
        Finalize(None, finish, exitpriority=-100)

    register_after_fork(owner, register)
    if parent_process() is not None:
        register()


def begin_at_zero(provider: object) -> None:
    """Let the metrics of every forked child begin at zero.

    Args:
        provider: Whose metrics; one that is not the SDK's is left as it is.
    """
    if isinstance(provider, MeterProvider):
        os.register_at_fork(after_in_child=partial(_begin, provider))


def _begin(provider: MeterProvider) -> None:
    # No public way leads here. Instruments and readers hold on to their consumer, so it gets the inside
    # of an unused one.
    consumer = provider._measurement_consumer  # noqa: SLF001
    readers = list(consumer._reader_storages)  # noqa: SLF001
    unused = type(consumer)(provider._sdk_config, readers)  # noqa: SLF001
    consumer._lock, consumer._reader_storages = unused._lock, unused._reader_storages  # noqa: SLF001
    for reader in readers:
        if isinstance(reader, PeriodicExportingMetricReader):
            reader._export_lock = Lock()  # noqa: SLF001
