"""OpenTelemetry-first observability for FastAPI services."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from obsdeck.telemetry.handles import get_logger, meter, tracer
    from obsdeck.telemetry.instrument import instrument

__all__ = ["get_logger", "instrument", "meter", "tracer"]

_HOMES = {
    "get_logger": "obsdeck.telemetry.handles",
    "instrument": "obsdeck.telemetry.instrument",
    "meter": "obsdeck.telemetry.handles",
    "tracer": "obsdeck.telemetry.handles",
}


def __getattr__(name: str) -> object:
    # Lazy, so that the command line and its quick answers load neither FastAPI nor OpenTelemetry.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'obsdeck' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
