"""Plots as inline SVG: one quantity over the hour up to a trace, one line per route."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from obsdeck.cli.trace import words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from obsdeck.diagnose.trace.metrics import Course

WIDTH, HEIGHT = 360, 130
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 8, 10, 20
_PALETTE = 8
"""Classes c0 to c7 of the page's style."""

_GAP_SECONDS = 90
"""Points that are further apart are not joined: there was nothing between them."""


@dataclass(frozen=True)
class Line:
    """One line of a plot.

    Attributes:
        name: What it is of.
        course: Its points.
    """

    name: str
    course: Course


@dataclass(frozen=True)
class _Frame:
    """What the plot shows: seconds from `start` to `end`, values from 0 to `top`."""

    start: float
    end: float
    top: float

    def x(self, time: float) -> float:
        return _LEFT + (time - self.start) / (self.end - self.start) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - value / self.top * (HEIGHT - _TOP - _BOTTOM)


def plot(lines: Sequence[Line], moment: float, shown: Callable[[float], str]) -> str:
    """An SVG element with a mark at a moment; empty where no line has a point.

    Args:
        lines: What is plotted.
        moment: Where the mark stands, in seconds since the epoch.
        shown: A value in words, for the axis.
    """
    points = [point for line in lines for point in line.course.points]
    if not points:
        return ""
    times = [time for time, _ in points]
    frame = _Frame(min(times) - 1, max(*times, moment) + 1, max(value for _, value in points) or 1)
    inside = [
        _text(_LEFT - 4, frame.y(frame.top) + 4, "end", shown(frame.top)),
        _text(_LEFT - 4, frame.y(0), "end", "0"),
        _text(_LEFT, HEIGHT - 5, "start", words.clock(int(frame.start * 1e9))[:5]),
        _text(WIDTH - _RIGHT, HEIGHT - 5, "end", words.clock(int(frame.end * 1e9))[:5]),
        _stroke("axis", [(_LEFT, frame.y(frame.top)), (_LEFT, frame.y(0)), (WIDTH - _RIGHT, frame.y(0))]),
        _stroke("mark", [(frame.x(moment), _TOP), (frame.x(moment), frame.y(0))]),
        *(_line(line, number, frame) for number, line in enumerate(lines)),
    ]
    return f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{"".join(inside)}</svg>'


def _line(line: Line, number: int, frame: _Frame) -> str:
    pieces: list[list[tuple[float, float]]] = []
    last = float("-inf")
    for time, value in line.course.points:
        if time - last > _GAP_SECONDS:
            pieces.append([])
        pieces[-1].append((frame.x(time), frame.y(value)))
        last = time
    drawn = "".join(_stroke(f"line c{number % _PALETTE}", piece) for piece in pieces)
    return f"<g><title>{escape(line.name)}</title>{drawn}</g>"


def _stroke(kind: str, points: Sequence[tuple[float, float]]) -> str:
    """A line through points; a single one becomes a dot, by the round ends of the line."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (points if len(points) > 1 else [*points, *points]))
    return f'<polyline class="{kind}" fill="none" stroke="currentColor" points="{path}"/>'


def _text(x: float, y: float, anchor: str, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="10">{escape(text)}</text>'
