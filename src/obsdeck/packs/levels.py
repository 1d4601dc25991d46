"""Levels: ranges of a value that are normal, anomaly or critical, and what follows from their numbers."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from obsdeck.packs.model.dashboard import LevelName

WORST_FIRST = ("critical", "anomaly", "normal")

_NUMBER = r"(-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"


@dataclass(frozen=True, order=True)
class Range:
    """Values from `low` to `high`.

    Attributes:
        low: Its lower end, minus infinity if it has none.
        high: Its upper end, infinity if it has none.
        has_low: Whether the lower end belongs to it.
        has_high: Whether the upper end belongs to it.
        level: What values in it are.
    """

    low: float
    high: float
    has_low: bool
    has_high: bool
    level: str

    def holds(self, value: float) -> bool:
        """Whether a value lies in it."""
        above = value > self.low or (self.has_low and value == self.low)
        below = value < self.high or (self.has_high and value == self.high)
        return above and below


def parse(levels: Mapping[LevelName, str | tuple[str, ...]]) -> tuple[Range, ...]:
    """Ranges in ascending order.

    Args:
        levels: Level to range or ranges: `< 70`, `70..90`, `>= 90`.

    Raises:
        ValueError: A range is none, or they leave a gap or overlap; says where.
    """
    found = sorted(
        _range(text, level)
        for level, texts in levels.items()
        for text in ((texts,) if isinstance(texts, str) else texts)
    )
    if not found:
        return ()
    _check_ends(found)
    for left, right in pairwise(found):
        _check_border(left, right)
    return tuple(found)


def level_of(ranges: Iterable[Range], value: float) -> str | None:
    """The level of a value; None for what is no number."""
    return next((one.level for one in ranges if one.holds(value)), None)


def steps(ranges: Sequence[Range]) -> tuple[tuple[float | None, str], ...]:
    """Thresholds as Grafana has them: a value and the level from it on; the first without a value.

    A range that does not own its lower end begins at the next number, or `> 0` would colour a healthy 0.
    """
    return tuple((_step(one), one.level) for one in ranges)


def _step(one: Range) -> float | None:
    if math.isinf(one.low):
        return None
    return one.low if one.has_low else math.nextafter(one.low, math.inf)


def condition(expr: str, ranges: Sequence[Range], level: str) -> str:
    """PromQL that has a result where the expression has reached the level, or a worse one.

    Raises:
        ValueError: No range has that level, or all values have reached it.
    """
    bad = WORST_FIRST[: WORST_FIRST.index(level) + 1]
    if not any(one.level == level for one in ranges):
        message = f"the panel has no level {level!r}"
        raise ValueError(message)
    runs = [list(run) for is_bad, run in groupby(ranges, lambda one: one.level in bad) if is_bad]
    if len(runs) == 1 and len(runs[0]) == len(ranges):
        message = f"every value of the panel is {level!r}, or worse"
        raise ValueError(message)
    return " or ".join(f"({expr}){_bounds(run[0], run[-1])}" for run in runs)


def _bounds(first: Range, last: Range) -> str:
    above = "" if math.isinf(first.low) else f" {'>=' if first.has_low else '>'} {_text(first.low)}"
    below = "" if math.isinf(last.high) else f" {'<=' if last.has_high else '<'} {_text(last.high)}"
    return above + below


def _range(text: str, level: str) -> Range:
    stripped = text.strip()
    if match := re.fullmatch(rf"(<=?|>=?)\s*{_NUMBER}", stripped):
        sign, end = match[1], float(match[2])
        if sign.startswith("<"):
            return Range(-math.inf, end, has_low=False, has_high=sign == "<=", level=level)
        return Range(end, math.inf, has_low=sign == ">=", has_high=False, level=level)
    if match := re.fullmatch(rf"{_NUMBER}\s*\.\.\s*{_NUMBER}", stripped):
        low, high = float(match[1]), float(match[2])
        if low > high:
            message = f"{level}: {stripped!r} ends before it begins"
            raise ValueError(message)
        return Range(low, high, has_low=True, has_high=True, level=level)
    message = f"{level}: {text!r} is no range; write `< 70`, `<= 70`, `70..90`, `> 90` or `>= 90`"
    raise ValueError(message)


def _check_ends(ranges: Sequence[Range]) -> None:
    for name, end in (("below", ranges[0].low), ("above", ranges[-1].high)):
        if not math.isinf(end):
            message = f"values {name} {_text(end)} have no level"
            raise ValueError(message)


def _check_border(left: Range, right: Range) -> None:
    if right.low > left.high:
        message = f"values between {_text(left.high)} and {_text(right.low)} have no level"
        raise ValueError(message)
    if right.low < left.high or (left.has_high and right.has_low):
        both = (
            _text(right.low)
            if right.low == left.high
            else f"between {_text(right.low)} and {_text(left.high)}"
        )
        message = f"{both} is both {left.level} and {right.level}"
        raise ValueError(message)
    if not (left.has_high or right.has_low):
        message = f"exactly {_text(right.low)} has no level: write <= or >="
        raise ValueError(message)


def _text(number: float) -> str:
    return repr(number).removesuffix(".0")
