"""What an application counts, traces and logs with, by a name of its own.

All three work before `instrument` has run (and without it, doing nothing): the OpenTelemetry API hands
out stand-ins that come alive when the providers are set.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from opentelemetry import metrics, trace

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Tracer


def meter(name: str) -> Meter:
    """A meter, to make counters, gauges and histograms with.

    Args:
        name: The part of the application that measures, as in `__name__`.
    """
    return metrics.get_meter(name)


def tracer(name: str) -> Tracer:
    """A tracer, to make spans with.

    Args:
        name: The part of the application that is traced, as in `__name__`.
    """
    return trace.get_tracer(name)


def get_logger(name: str) -> logging.Logger:
    """A logger of the standard library; what it logs at INFO or above is exported with its trace ids.

    Args:
        name: The part of the application that logs, as in `__name__`.
    """
    return logging.getLogger(name)
