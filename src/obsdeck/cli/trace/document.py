"""The document of `trace --json`: everything, unfolded, times in nanoseconds since the epoch."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from obsdeck.diagnose.trace.critical import seconds_by_span

if TYPE_CHECKING:
    from obsdeck.diagnose.trace.report import Report

SCHEMA_VERSION = 1


def document(report: Report) -> str:
    """A report as JSON."""
    trace, spans = report.trace, report.tree.spans
    spent = seconds_by_span(report.path)
    content = {
        "schema_version": SCHEMA_VERSION,
        "ok": True,
        "trace_id": trace.id,
        "found_as": report.how,
        "root": spans[report.tree.root].id,
        "start": trace.start,
        "end": trace.end,
        "services": trace.services,
        "errors": trace.errors,
        "spans": [{**asdict(spans[at]), "critical_seconds": spent.get(at, 0.0)} for at in report.tree.walk()],
        "critical_path": [
            {"span": spans[one.span].id, "start": one.start, "end": one.end} for one in report.path
        ],
        "logs": [asdict(line) for line in report.logs],
        "metrics": [_metrics(asdict(one)) for one in report.metrics],
        "links": report.links,
        "notes": report.notes,
    }
    return json.dumps(content, indent=2, default=str)


def _metrics(content: dict[str, Any]) -> dict[str, Any]:
    """Quantities with their values now and before; their course is for plots."""
    return {
        key: {"now": value["now"], "before": value["before"]} if isinstance(value, dict) else value
        for key, value in content.items()
    }
