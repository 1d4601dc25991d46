"""The waterfall of a trace, line by line: tree, bars, durations, and log lines under their spans."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from obsdeck.cli.trace import words
from obsdeck.diagnose.printable import visible
from obsdeck.diagnose.trace.rows import layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from obsdeck.cli.trace.signs import Signs
    from obsdeck.diagnose.trace.critical import Segment
    from obsdeck.diagnose.trace.logs import LogLine
    from obsdeck.diagnose.trace.report import Report
    from obsdeck.diagnose.trace.rows import Row

BUDGET = 100
"""Spans that are shown at most; --html and --json show more."""

LOG_LINES = 10
"""Lines that are shown at most under one span, the worst first to stay."""

_COLOURS = ("cyan", "magenta", "yellow", "blue", "green", "bright_cyan", "bright_magenta", "bright_yellow")
_SEVERITIES = (("FATAL", "bold red"), ("CRIT", "bold red"), ("ERR", "red"), ("WARN", "yellow"))

_DURATION = 10
_NARROWEST_BAR = 10


@dataclass(frozen=True)
class Canvas:
    """What is drawn on.

    Attributes:
        width: Columns.
        signs: Characters.
        cuts: Whether a long line ends at the right edge; where there is no terminal it is whole.
    """

    width: int
    signs: Signs
    cuts: bool

    def cut(self, text: Text) -> Text:
        """A line that ends at the right edge."""
        if self.cuts and text.cell_len > self.width:
            text.truncate(self.width - 1)
            text.append(self.signs.cut)
        return text


@dataclass(frozen=True)
class _Columns:
    label: int
    bar: int


def waterfall(report: Report, canvas: Canvas) -> Iterator[Text]:
    """The lines of the waterfall, and below them the log lines that have no place in it."""
    segments: defaultdict[int, list[Segment]] = defaultdict(list)
    for segment in report.path:
        segments[segment.span].append(segment)
    written: defaultdict[str, list[LogLine]] = defaultdict(list)
    for line in report.logs:
        written[line.span_id].append(line)
    rows = layout(report.tree, segments, BUDGET)
    drawing = _Drawing(report, canvas, dict(segments))
    for row in rows:
        yield drawing.row(row)
        if not row.folded:
            span = report.tree.spans[row.spans[0]]
            yield from drawing.below(row, written.pop(span.id, []))
    yield from drawing.outside(written)


class _Drawing:
    """One waterfall: where its columns are, and which service has which colour."""

    def __init__(self, report: Report, canvas: Canvas, segments: dict[int, list[Segment]]) -> None:
        self._report = report
        self._canvas = canvas
        self._segments = segments
        self._colours = colours(report)
        label = max(16, min(canvas.width * 2 // 5, 60))
        bar = canvas.width - label - _DURATION - 3
        self._columns = (
            _Columns(label, bar)
            if bar >= _NARROWEST_BAR
            else _Columns(max(8, canvas.width - _DURATION - 3), 0)
        )
        # Names need half of the room; what is deeper in the tree stands at this depth.
        self._deepest = self._columns.label // 4

    def row(self, row: Row) -> Text:
        """The line of a span, or of what is folded."""
        signs, spans = self._canvas.signs, [self._report.tree.spans[at] for at in row.spans]
        colour = self._colours[spans[0].service]
        longest = max(span.duration for span in spans)
        took = words.duration(longest)
        line = Text().append(self._label(row), style="dim" if row.folded else "")
        if self._columns.bar:
            line.append(" ")
            line.append(self._bar(row), style="dim" if row.folded else colour)
        line.append(f" {took:>{_DURATION}}")
        if any(span.error for span in spans):
            line.append(f" {signs.failed}", style="bold red")
        return line

    def below(self, row: Row, lines: Sequence[LogLine]) -> Iterator[Text]:
        """Under a span: why it failed, then its log lines."""
        [at] = row.spans
        span = self._report.tree.spans[at]
        indent = self._indent(row.guides, own=True) + (
            self._canvas.signs.down if self._report.tree.children[at] else "  "
        )
        if span.error and span.message:
            yield self._canvas.cut(Text(f"{indent}  {_first_line(span.message)}", style="red"))
        yield from self._logs(lines, indent + "  ")

    def outside(self, written: dict[str, list[LogLine]]) -> Iterator[Text]:
        """The log lines under no span; those of spans that are folded are only counted."""
        known = {span.id for span in self._report.tree.spans}
        homeless = [line for span_id, lines in written.items() if span_id not in known for line in lines]
        folded = sum(len(lines) for span_id, lines in written.items() if span_id in known)
        if homeless:
            yield Text("log lines outside of these spans", style="bold")
            yield from self._logs(sorted(homeless, key=lambda line: line.time), "  ")
        if folded:
            yield Text(f"{words.count(folded, 'more log line')} of spans that are folded", style="dim")

    def _label(self, row: Row) -> str:
        tree, signs = self._report.tree, self._canvas.signs
        branch = signs.fork if row.guides[-1] else signs.end
        prefix = self._indent(row.guides, own=False) + (branch if len(row.guides) > 1 else "")
        name = words.below(tree, row.spans[0])
        if row.folded:
            same = len({(tree.spans[at].service, tree.spans[at].name) for at in row.spans}) == 1
            name = f"{signs.times} {row.hidden} more" + (f" {name}" if same else " spans")
        return _sized(prefix + name, self._columns.label, signs.cut)

    def _indent(self, guides: Sequence[bool], *, own: bool) -> str:
        """The branches that pass a row by; roots hang on none."""
        signs, passing = self._canvas.signs, guides[1:] if own else guides[1:-1]
        branches = "".join(signs.down if more else "  " for more in passing[-self._deepest :])
        return branches if len(passing) <= self._deepest else f"{signs.cut} {branches}"

    def _bar(self, row: Row) -> str:
        signs, spans = self._canvas.signs, self._report.tree.spans
        start = min(spans[at].start for at in row.spans)
        end = max(spans[at].end for at in row.spans)
        cells = [" "] * self._columns.bar
        self._fill(cells, start, end, signs.folded if row.folded else signs.bar)
        for at in row.spans:
            for segment in self._segments.get(at, ()):
                self._fill(cells, segment.start, segment.end, signs.critical)
        return "".join(cells)

    def _fill(self, cells: list[str], start: int, end: int, sign: str) -> None:
        """A time takes at least one cell."""
        trace, width = self._report.trace, len(cells)
        whole = max(1, trace.duration)
        first = min(width - 1, (start - trace.start) * width // whole)
        last = min(width, max(first + 1, ceil((end - trace.start) * width / whole)))
        cells[first:last] = sign * (last - first)

    def _logs(self, lines: Sequence[LogLine], indent: str) -> Iterator[Text]:
        shown = sorted(sorted(lines, key=_badness)[:LOG_LINES], key=lambda line: line.time)
        for line in shown:
            text = Text().append(f"{indent}{words.clock(line.time)} ", style="dim")
            text.append(f"{visible(line.severity) or '-'} ", style=_style(line))
            text.append(_first_line(line.text))
            yield self._canvas.cut(text)
        if len(lines) > len(shown):
            yield Text(f"{indent}{words.count(len(lines) - len(shown), 'more log line')}", style="dim")


def colours(report: Report) -> dict[str, str]:
    """A colour for each service; more services than colours share them."""
    services = enumerate(report.trace.services)
    return {service: _COLOURS[number % len(_COLOURS)] for number, service in services}


def _first_line(text: str) -> str:
    lines = text.strip().splitlines() or [""]
    more = f" (+{words.count(len(lines) - 1, 'line')})" if len(lines) > 1 else ""
    return visible(lines[0]) + more


def _badness(line: LogLine) -> int:
    severity = line.severity.upper()
    return next((rank for rank, (word, _) in enumerate(_SEVERITIES) if severity.startswith(word)), 99)


def _style(line: LogLine) -> str:
    severity = line.severity.upper()
    return next((style for word, style in _SEVERITIES if severity.startswith(word)), "dim")


def _sized(text: str, width: int, cut: str) -> str:
    """Text in exactly so many columns; wide characters take two."""
    return (
        text
        if cell_len(text) == width
        else (set_cell_size(text, width) if cell_len(text) < width else set_cell_size(text, width - 1) + cut)
    )
