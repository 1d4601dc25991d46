"""A trace on a terminal: header, waterfall, critical path, metrics, links, notes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from rich.text import Text

from obsdeck.cli.trace import words
from obsdeck.cli.trace.signs import ASCII, UNICODE
from obsdeck.cli.trace.waterfall import Canvas, colours, waterfall
from obsdeck.diagnose.printable import visible
from obsdeck.diagnose.trace.critical import seconds_by_span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from obsdeck.diagnose.trace.report import Report

_LONGEST_NAMES = 5
"""Names that are listed of the critical path."""


def show(report: Report, console: Console) -> None:
    """Print everything about a trace."""
    signs = ASCII if console.options.ascii_only else UNICODE
    canvas = Canvas(console.width, signs, cuts=console.is_terminal)
    for line in _lines(report, canvas):
        if signs is ASCII:
            line.plain = line.plain.replace("µ", "u").encode("ascii", "replace").decode()
        console.print(line)


def _lines(report: Report, canvas: Canvas) -> Iterator[Text]:
    yield from _header(report)
    yield Text()
    yield from waterfall(report, canvas)
    yield Text()
    yield from _critical(report, canvas)
    yield from _metrics(report)
    yield from _links(report)
    for note in report.notes:
        yield Text(f"note: {visible(note)}", style="yellow")


def _header(report: Report) -> Iterator[Text]:
    trace, root = report.trace, report.tree.spans[report.tree.root]
    yield _row("trace", Text(trace.id, style="bold"))
    yield _row("root", Text(words.title(root)))
    yield _row("start", Text(words.moment(trace.start)))
    yield _row("duration", Text(words.duration(trace.duration)))
    of = colours(report)
    names = (Text(words.service_name(service), style=of[service]) for service in trace.services)
    yield _row("services", Text(", ").join(names))
    errors = Text(f", {trace.errors} with an error", style="bold red") if trace.errors else Text(", no error")
    yield _row("spans", Text(str(len(trace.spans))).append_text(errors))
    if report.how:
        yield _row("found as", Text(visible(report.how)))


def _critical(report: Report, canvas: Canvas) -> Iterator[Text]:
    """The names that the critical path is made of, the longest first."""
    if not report.path:
        return
    spent: defaultdict[str, float] = defaultdict(float)
    for at, seconds in seconds_by_span(report.path).items():
        spent[words.title(report.tree.spans[at])] += seconds
    whole = sum(spent.values())
    root = words.title(report.tree.spans[report.tree.root])
    took = words.duration(whole * 1e9)
    yield Text(f"critical path ({canvas.signs.critical} above): {took} of {root}", style="bold")
    longest = sorted(spent.items(), key=lambda item: -item[1])
    for name, seconds in longest[:_LONGEST_NAMES]:
        took = words.duration(seconds * 1e9)
        yield canvas.cut(Text(f"  {100 * seconds / whole:3.0f} % {took:>10}  {name}"))
    rest = sum(seconds for _, seconds in longest[_LONGEST_NAMES:])
    if rest:
        took = words.duration(rest * 1e9)
        names = words.count(len(longest) - _LONGEST_NAMES, "other name")
        yield Text(f"  {100 * rest / whole:3.0f} % {took:>10}  {names}")


def _metrics(report: Report) -> Iterator[Text]:
    if not report.metrics:
        return
    yield Text("metrics around that time (and an hour before)", style="bold")
    for one in report.metrics:
        yield Text(f"  {words.service_name(one.service)} {visible(one.route)}")
        if one.rate.now is None and one.rate.before is None:
            yield Text("    no data", style="dim")
            continue
        yield Text(f"    requests {words.rate(one.rate)}")
        yield Text(f"    errors   {words.errors(one.errors)}")
        yield Text(f"    p95      {words.seconds(one.p95)}")


def _links(report: Report) -> Iterator[Text]:
    yield Text("open", style="bold")
    for name, url in report.links.items():
        yield Text(f"  {name:8} {url}")


def _row(name: str, value: Text) -> Text:
    return Text.assemble((f"{name:9} ", "dim"), value)
