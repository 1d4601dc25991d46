"""Values of a trace in words, for the terminal and for the page."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from obsdeck.diagnose.printable import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from obsdeck.diagnose.trace.metrics import Course
    from obsdeck.diagnose.trace.model import Span
    from obsdeck.diagnose.trace.tree import Tree

NAMELESS = "(no name)"
UNKNOWN = "unknown"

_UNITS = ((10**9, "s"), (10**6, "ms"), (10**3, "µs"))
_MINUTE, _HOUR = 60 * 10**9, 3600 * 10**9


def service_name(name: str) -> str:
    """A service's name; a span that came without one has to be called something."""
    return visible(name) or NAMELESS


def title(span: Span) -> str:
    """Service and name of a span."""
    return f"{service_name(span.service)}: {visible(span.name) or NAMELESS}"


def below(tree: Tree, at: int) -> str:
    """The name of a span under its parent: the service is named where it changes."""
    span, parent = tree.spans[at], tree.parents.get(at)
    same = parent is not None and tree.spans[parent].service == span.service
    return (visible(span.name) or NAMELESS) if same else title(span)


def duration(nanoseconds: float) -> str:
    """A time span with three digits and the unit that fits: `702 ms`, `1.50 s`, `2 min 5 s`, `1 h 1 min`."""
    if nanoseconds >= _HOUR:
        minutes = round(nanoseconds / _MINUTE)
        return f"{minutes // 60} h {minutes % 60} min"
    if nanoseconds >= _MINUTE - 5 * 10**7:
        seconds = round(nanoseconds / 10**9)
        return f"{seconds // 60} min {seconds % 60} s"
    for size, unit in _UNITS:
        if nanoseconds >= size * 0.9995:
            return f"{number(nanoseconds / size)} {unit}"
    return f"{nanoseconds:.0f} ns"


def moment(nanoseconds: int) -> str:
    """Date and time in the local zone, with milliseconds and the zone's offset."""
    local = _local(nanoseconds)
    return f"{local:%Y-%m-%d} {clock(nanoseconds)} {local:%z}"


def clock(nanoseconds: int) -> str:
    """The local time of day, with milliseconds."""
    return f"{_local(nanoseconds):%H:%M:%S}.{nanoseconds // 10**6 % 1000:03}"


def count(items: int, noun: str) -> str:
    """`1 span`, `2 spans`."""
    return f"{items} {noun}" if items == 1 else f"{items} {noun}s"


def of_seconds(value: float) -> str:
    """A duration that came as seconds."""
    return duration(value * 1e9)


def percent(value: float) -> str:
    """A share from 0 to 1, as a percentage."""
    return f"{number(100 * value)} %"


def rate(course: Course) -> str:
    """Requests per second now, and an hour before."""
    return _compared(course, lambda value: f"{number(value)}/s", _relative(course))


def errors(course: Course) -> str:
    """The share of errors now, and an hour before."""
    return _compared(course, percent, "")


def seconds(course: Course) -> str:
    """A duration now, and an hour before."""
    return _compared(course, of_seconds, _relative(course))


def _compared(course: Course, shown: Callable[[float], str], change: str) -> str:
    now = UNKNOWN if course.now is None else shown(course.now)
    before = UNKNOWN if course.before is None else shown(course.before)
    return f"{now} ({before}{', ' if change else ''}{change})"


def _relative(course: Course) -> str:
    if course.now is None or not course.before:
        return ""
    return f"{100 * (course.now / course.before - 1):+.0f} %"


def number(value: float) -> str:
    """A number that is not negative, with three digits."""
    if not value:
        return "0"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value) * 1.0005)))}f}"


def _local(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC).astimezone()
