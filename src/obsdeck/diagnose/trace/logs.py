"""The log lines of a trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from obsdeck.backends import loki

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obsdeck.diagnose.trace.model import Trace

LIMIT = 1000
"""Lines that are read; of more the youngest."""

_AROUND_SECONDS = 300
"""A line may be written before its span begins or after it ends, and clocks differ."""


@dataclass(frozen=True)
class LogLine:
    """One line.

    Attributes:
        time: Nanoseconds since the epoch, by the clock of its service.
        span_id: 16 hexadecimal digits; empty where it was written outside of a span.
        service: Who wrote it.
        severity: As sent: `INFO`, `WARN`; empty where nothing was sent.
        text: The line, and the exception that came with it.
    """

    time: int
    span_id: str
    service: str
    severity: str
    text: str


def lines(url: str, trace: Trace) -> tuple[LogLine, ...]:
    """The lines that carry the trace's id, oldest first.

    Args:
        url: Loki's base URL.
        trace: The trace.

    Raises:
        UnreachableError: Loki does not answer.
        HttpError: It refuses the query.
    """
    found = loki.query_range(
        url,
        of_trace(trace.id),
        start=trace.start / 1e9 - _AROUND_SECONDS,
        end=trace.end / 1e9 + _AROUND_SECONDS,
        limit=LIMIT,
    )
    return tuple(
        LogLine(
            entry.time,
            entry.labels.get("span_id", ""),
            entry.labels.get("service_name", ""),
            entry.labels.get("severity_text", ""),
            _with_exception(entry.line, entry.labels),
        )
        for entry in reversed(found)
    )


def of_trace(trace_id: str) -> str:
    """LogQL for the lines of a trace, whoever wrote them."""
    return f'{{service_name=~".+"}} | trace_id="{trace_id}"'


def _with_exception(line: str, labels: Mapping[str, str]) -> str:
    message = labels.get("exception_message", "")
    if not message or message in line:
        return line
    kind = labels.get("exception_type", "")
    return f"{line.rstrip()} ({kind}: {message})" if kind else f"{line.rstrip()} ({message})"
