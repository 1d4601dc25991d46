"""A time range as Grafana writes it in dashboards and URLs, and what it is at a given moment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from obsdeck.errors import UsageError
from obsdeck.grafana import interval

_RELATIVE = re.compile(r"now(?:([+-])(\d+)([smhdwMy]))?(?:/([smhdwMy]))?")

_WHOLE = {
    "s": "%Y%m%d%H%M%S", "m": "%Y%m%d%H%M", "h": "%Y%m%d%H", "d": "%Y%m%d", "w": "%Y%m%d",
    "M": "%Y%m", "y": "%Y",
}  # fmt: skip
_TO_NEXT = {
    "s": interval.SECOND, "m": interval.MINUTE, "h": interval.HOUR, "d": interval.DAY, "w": interval.WEEK,
    "M": 31 * interval.DAY, "y": 366 * interval.DAY,
}  # fmt: skip
"""From the start of any such unit, so much later is within the next one."""


@dataclass(frozen=True)
class TimeRange:
    """From when to when.

    Attributes:
        start: Milliseconds since the epoch.
        end: Milliseconds since the epoch.
        raw_from: As it was written: `now-15m`, milliseconds, RFC 3339.
        raw_to: Likewise.
    """

    start: int
    end: int
    raw_from: str
    raw_to: str

    @property
    def length(self) -> int:
        """Milliseconds."""
        return self.end - self.start

    def shifted(self, by: int) -> TimeRange:
        """The range so many milliseconds earlier."""
        return absolute(self.start - by, self.end - by)


def absolute(start: int, end: int) -> TimeRange:
    """A range between two moments in milliseconds; its end is later than its start, as links need it."""
    end = max(end, start + 1)
    return TimeRange(start, end, str(start), str(end))


def parse(raw_from: str, raw_to: str, *, now: int) -> TimeRange:
    """A range from its two texts.

    Args:
        raw_from: `now-15m`, `now-1d/d`, milliseconds since the epoch, or RFC 3339.
        raw_to: Likewise; what is rounded is rounded up.
        now: Milliseconds since the epoch.

    Raises:
        UsageError: One of them is no time.
    """
    return TimeRange(_moment(raw_from, now, up=False), _moment(raw_to, now, up=True), raw_from, raw_to)


def _moment(text: str, now: int, *, up: bool) -> int:
    if text.isdigit():
        return int(text)
    relative = _RELATIVE.fullmatch(text)
    if relative:
        return _relative(relative, now, up=up)
    try:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError as error:
        raise UsageError(f"{text!r} is no time", hint="write it like now-1h, or in milliseconds") from error


def _relative(match: re.Match[str], now: int, *, up: bool) -> int:
    sign, count, unit, whole = match.groups()
    moment = now
    if sign:
        moment += (1 if sign == "+" else -1) * (interval.parse(f"{count}{unit}") or 0)
    if not whole:
        return moment
    start = _start_of(whole, datetime.fromtimestamp(moment / 1000, UTC))
    if up:
        start = _start_of(whole, start + timedelta(milliseconds=_TO_NEXT[whole])) - timedelta(milliseconds=1)
    return round(start.timestamp() * 1000)


def _start_of(unit: str, moment: datetime) -> datetime:
    """The beginning of the second, minute, hour, day, week, month or year that a moment is in, in UTC."""
    pattern = _WHOLE[unit]
    start = datetime.strptime(f"{moment:{pattern}}+0000", f"{pattern}%z")
    return start - timedelta(days=start.weekday()) if unit == "w" else start
