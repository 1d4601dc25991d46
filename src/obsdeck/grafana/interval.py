"""Durations as Grafana writes, rounds and derives them. All of them are milliseconds here.

The rules: `calculateInterval` and `roundInterval` of Grafana's front end, and the Prometheus data
source's back end, which adds the limit of points and `$__rate_interval`.
"""

from __future__ import annotations

import math
import re

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
YEAR = 365 * DAY

DEFAULT_SCRAPE = 15 * SECOND
"""What the Prometheus data source takes for `timeInterval` where none is set."""

_UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK, "M": 30 * DAY, "y": YEAR}
_DURATION = re.compile(r"\s*[<>]?\s*(-?\d+(?:\.\d+)?)(ms|[smhdwMy])\s*")

_MAX_POINTS = 11_000
"""Points per series that Prometheus allows; the data source never asks for more."""

_DEFAULT_POINTS = 1_500
"""What the Prometheus back end divides a range by, whatever the panel's width."""

_ROUNDED = (
    (10, 1), (15, 10), (35, 20), (75, 50), (150, 100), (350, 200), (750, 500),
    (1_500, SECOND), (3_500, 2 * SECOND), (7_500, 5 * SECOND), (12_500, 10 * SECOND),
    (17_500, 15 * SECOND), (25_000, 20 * SECOND), (45_000, 30 * SECOND), (90_000, MINUTE),
    (210_000, 2 * MINUTE), (450_000, 5 * MINUTE), (750_000, 10 * MINUTE), (1_050_000, 15 * MINUTE),
    (1_500_000, 20 * MINUTE), (2_700_000, 30 * MINUTE), (5_400_000, HOUR), (9_000_000, 2 * HOUR),
    (16_200_000, 3 * HOUR), (32_400_000, 6 * HOUR), (86_400_000, 12 * HOUR), (604_800_000, DAY),
    (1_814_400_000, WEEK), (3_628_800_000, 30 * DAY),
)  # fmt: skip
"""Below the first number, the second: the steps that people expect on an axis."""


def parse(text: str) -> int | None:
    """The length of `15s`, `-5m`, `>1h` or `1m30s`, None for a text that is none."""
    found = list(_DURATION.finditer(text))
    if not found or "".join(match.group(0) for match in found) != text:
        return None
    return round(sum(float(match.group(1)) * _UNITS[match.group(2)] for match in found))


def write(length: int) -> str:
    """A length in the largest unit that divides it into a whole number: `90s`, `2m`, `1d`."""
    for unit in ("y", "w", "d", "h", "m", "s"):
        if length >= _UNITS[unit] and length % _UNITS[unit] == 0:
            return f"{length // _UNITS[unit]}{unit}"
    return f"{max(length, 1)}ms"


def rounded(length: float) -> int:
    """The nearest step of Grafana's table."""
    return next((step for below, step in _ROUNDED if length < below), YEAR)


def interval(range_length: int, points: int, low: int = 1) -> int:
    """`$__interval`: a range in so many points, rounded, and not below the lowest allowed."""
    return max(rounded(range_length / max(points, 1)), low)


def prometheus_step(range_length: int, panel_interval: int, min_step: int | None, factor: int = 1) -> int:
    """The resolution of a range query to Prometheus.

    Args:
        range_length: The range.
        panel_interval: `$__interval` of the panel.
        min_step: The query's own lowest step, None where it has none.
        factor: The query's resolution, 1 for 1/1.
    """
    low = panel_interval if min_step is None else min_step
    step = max(rounded(range_length / _DEFAULT_POINTS), low)
    safe = rounded(range_length / _MAX_POINTS)
    return max(step, safe) * factor


def loki_step(range_length: int, panel_interval: int, own: int | None) -> int:
    """The resolution of a range query to Loki; `own` is the query's, None where it has none."""
    return max(own or panel_interval, math.ceil(range_length / _MAX_POINTS), 1)


def rate_interval(panel_interval: int, scrape: int) -> int:
    """`$__rate_interval`: at least four scrapes, so that a rate has its points even when one is lost."""
    return max(panel_interval + scrape, 4 * scrape)
