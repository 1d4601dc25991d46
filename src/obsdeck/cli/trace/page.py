"""A trace as one HTML page that needs nothing else: no script, no font, no network.

Everything that came with telemetry is escaped, and a policy in the page forbids whatever might slip through.
"""

from __future__ import annotations

from collections import defaultdict
from html import escape
from typing import TYPE_CHECKING

from obsdeck.cli.trace import words
from obsdeck.cli.trace.plots import Line, plot
from obsdeck.cli.trace.signs import UNICODE
from obsdeck.cli.trace.style import STYLE
from obsdeck.diagnose.printable import visible
from obsdeck.diagnose.trace.rows import layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from obsdeck.diagnose.trace.critical import Segment
    from obsdeck.diagnose.trace.logs import LogLine
    from obsdeck.diagnose.trace.model import Span
    from obsdeck.diagnose.trace.report import Report
    from obsdeck.diagnose.trace.rows import Row

BUDGET = 2000
"""Spans that are shown at most; --json has all."""

_PALETTE = 8
_SCALE = 10_000
_DEEPEST = 24
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(report: Report) -> str:
    """The whole page."""
    root = words.title(report.tree.spans[report.tree.root])
    parts = [
        f"<h1>{escape(root)}</h1>",
        _header(report),
        *(f'<p class="note">{_safe(note)}</p>' for note in report.notes),
        "<h2>Spans</h2>",
        '<p class="hint">Filled: on the critical path. A span opens to show its attributes.</p>',
        *_waterfall(report),
        *_metrics(report),
        _links(report),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(root)} · trace {report.trace.id}</title><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _header(report: Report) -> str:
    trace = report.trace
    classes = _classes(report)
    services = ", ".join(
        f'<b class="c{classes[service]}">{escape(words.service_name(service))}</b>'
        for service in trace.services
    )
    errors = f'<b class="bad">{trace.errors} with an error</b>' if trace.errors else "no error"
    rows = [
        ("trace", trace.id),
        ("start", escape(words.moment(trace.start))),
        ("duration", words.duration(trace.duration)),
        ("services", services),
        ("spans", f"{len(trace.spans)}, {errors}"),
        *([("found as", _safe(report.how))] if report.how else []),
    ]
    return f"<dl>{''.join(f'<dt>{name}</dt><dd>{value}</dd>' for name, value in rows)}</dl>"


def _waterfall(report: Report) -> Iterator[str]:
    segments: defaultdict[int, list[Segment]] = defaultdict(list)
    for segment in report.path:
        segments[segment.span].append(segment)
    written: defaultdict[str, list[LogLine]] = defaultdict(list)
    for line in report.logs:
        written[line.span_id].append(line)
    classes = _classes(report)
    for row in layout(report.tree, segments, BUDGET):
        spans = [report.tree.spans[at] for at in row.spans]
        pieces = [piece for at in row.spans for piece in segments.get(at, ())]
        bar = _bar(report, spans, pieces, classes[spans[0].service])
        yield _row(row, spans, bar, words.below(report.tree, row.spans[0]))
        if not row.folded:
            yield _failure(spans[0], len(row.guides))
            yield _logs(written.pop(spans[0].id, []), len(row.guides))
    known = {span.id for span in report.tree.spans}
    outside = [line for span_id, lines in written.items() if span_id not in known for line in lines]
    if outside:
        yield "<h3>Log lines outside of these spans</h3>" + _logs(outside, 0)
    folded = sum(len(lines) for span_id, lines in written.items() if span_id in known)
    if folded:
        yield f'<p class="hint">{words.count(folded, "more log line")} of spans that are folded</p>'


def _row(row: Row, spans: Sequence[Span], bar: str, name: str) -> str:
    if row.folded:
        same = len({(span.service, span.name) for span in spans}) == 1
        name = f"{UNICODE.times} {row.hidden} more " + (name if same else "spans")
    failed = ' <b class="bad">failed</b>' if any(span.error for span in spans) else ""
    took = words.duration(max(span.duration for span in spans))
    indent = _indent(len(row.guides) - 1)
    line = f'<span class="name" {indent}>{escape(name)}{failed}</span>{bar}<span class="took">{took}</span>'
    if row.folded:
        return f'<div class="row folded">{line}</div>'
    return f'<details><summary class="row">{line}</summary>{_attributes(spans[0])}</details>'


def _bar(report: Report, spans: Sequence[Span], segments: Iterable[Segment], colour: int) -> str:
    start, end = min(span.start for span in spans), max(span.end for span in spans)
    rectangles = _rectangle(report, start, end, 0.3) + "".join(
        _rectangle(report, one.start, one.end, 1) for one in segments
    )
    return f'<svg class="c{colour}" viewBox="0 0 {_SCALE} 10" preserveAspectRatio="none">{rectangles}</svg>'


def _rectangle(report: Report, start: int, end: int, opacity: float) -> str:
    whole = max(1, report.trace.duration)
    left = (start - report.trace.start) * _SCALE / whole
    # Wide enough to be seen, and still within the trace.
    width = max(_SCALE / 400, (end - start) * _SCALE / whole)
    place = f'x="{min(left, _SCALE - width):.1f}" y="0" width="{width:.1f}" height="10"'
    return f'<rect {place} fill="currentColor" opacity="{opacity}"/>'


def _attributes(span: Span) -> str:
    rows = [
        ("name", span.name),
        ("span", span.id),
        ("parent", span.parent_id or "none"),
        ("kind", span.kind or words.UNKNOWN),
        ("start", words.moment(span.start)),
        *([("error", span.message)] if span.message else []),
        *((key, str(value)) for key, value in span.attributes.items()),
    ]
    cells = "".join(f"<tr><th>{_safe(name)}</th><td>{_lines(value)}</td></tr>" for name, value in rows)
    return f"<table>{cells}</table>"


def _failure(span: Span, depth: int) -> str:
    """Why a span failed, where that is known; it stands under its row like a log line."""
    if not (span.error and span.message):
        return ""
    return f'<pre class="log" {_indent(depth)}><b class="bad">{_lines(span.message)}</b></pre>'


def _logs(lines: Iterable[LogLine], depth: int) -> str:
    return "".join(
        f'<pre class="log {_severity(line)}" {_indent(depth)}>{words.clock(line.time)} '
        f"<b>{_safe(line.severity) or '-'}</b> {_lines(line.text)}</pre>"
        for line in lines
    )


def _severity(line: LogLine) -> str:
    severity = line.severity.upper()
    if severity.startswith(("ERR", "FATAL", "CRIT")):
        return "bad"
    return "warn" if severity.startswith("WARN") else ""


def _metrics(report: Report) -> Iterator[str]:
    if not report.metrics:
        return
    yield "<h2>Metrics</h2>"
    yield '<p class="hint">At the time of the trace, over five minutes; in brackets an hour before.</p>'
    heads = "".join(f"<th>{head}</th>" for head in ("service", "route", "requests", "errors", "p95"))
    rows = "".join(
        f'<tr><td class="c{number % _PALETTE}">{escape(words.service_name(one.service))}</td>'
        f"<td>{_safe(one.route)}</td><td>{escape(words.rate(one.rate))}</td>"
        f"<td>{escape(words.errors(one.errors))}</td><td>{escape(words.seconds(one.p95))}</td></tr>"
        for number, one in enumerate(report.metrics)
    )
    yield f'<table class="metrics"><tr>{heads}</tr>{rows}</table><div class="plots">'
    moment = report.trace.end / 1e9
    names = [f"{words.service_name(one.service)} {visible(one.route)}" for one in report.metrics]
    for title, courses, shown in (
        ("Requests per second", [one.rate for one in report.metrics], words.number),
        ("Share of errors", [one.errors for one in report.metrics], words.percent),
        ("Duration, 95th percentile", [one.p95 for one in report.metrics], words.of_seconds),
    ):
        lines = [Line(name, course) for name, course in zip(names, courses, strict=True)]
        drawn = plot(lines, moment, shown)
        yield f"<figure><figcaption>{title}</figcaption>{drawn or 'no data'}</figure>"
    yield "</div>"


def _links(report: Report) -> str:
    items = "".join(
        f'<li>{escape(name)}: <a href="{escape(url)}">{escape(url.partition("?")[0])}</a></li>'
        for name, url in report.links.items()
    )
    return f"<h2>Open</h2><ul>{items}</ul>"


def _indent(depth: int) -> str:
    return f'style="padding-left:{min(depth, _DEEPEST)}em"'


def _classes(report: Report) -> dict[str, int]:
    return {service: number % _PALETTE for number, service in enumerate(report.trace.services)}


def _safe(text: str) -> str:
    return escape(visible(text))


def _lines(text: str) -> str:
    """Text that may have line breaks, which stay."""
    return "\n".join(_safe(line) for line in text.strip().splitlines())
