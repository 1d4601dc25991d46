"""Everything about one trace, gathered: the tree, its critical path, its logs, its metrics, its links."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from obsdeck.diagnose.model import words
from obsdeck.diagnose.trace import exemplars, find, links, logs, metrics
from obsdeck.diagnose.trace.clocks import aligned
from obsdeck.diagnose.trace.critical import critical_path
from obsdeck.diagnose.trace.tree import grow
from obsdeck.errors import MissingError, ObsdeckError
from obsdeck.stack import health, record
from obsdeck.stack.components import GRAFANA, LOKI, PROMETHEUS

if TYPE_CHECKING:
    from collections.abc import Callable

    from obsdeck.diagnose.trace.critical import Segment
    from obsdeck.diagnose.trace.find import Found, Question, Way
    from obsdeck.diagnose.trace.logs import LogLine
    from obsdeck.diagnose.trace.metrics import RouteMetrics
    from obsdeck.diagnose.trace.model import Trace
    from obsdeck.diagnose.trace.tree import Tree
    from obsdeck.stack.environment import Settings
    from obsdeck.stack.home import Home
    from obsdeck.stack.record import Record

ARRIVING_SECONDS = 30
"""A trace that is younger may not be whole yet."""

_MILLISECOND = 10**6

_WAYS: dict[Way, Callable[[Question, Settings], Found]] = {
    "id": find.by_id,
    "slowest": find.slowest,
    "errors": find.last_failed,
    "metric": exemplars.by_metric,
    "alert": exemplars.by_alert,
}

T = TypeVar("T")


@dataclass(frozen=True)
class Report:
    """One trace and what belongs to it.

    Attributes:
        how: Why it is this trace; empty where its id was given.
        trace: The trace, all of it on the clock of its root.
        tree: Its spans and how they hang together.
        path: The critical path of its root.
        logs: Its lines, oldest first.
        metrics: Its routes around its time.
        links: What can be opened, and where.
        notes: What one should know of all this: what is missing, what was put right.
    """

    how: str
    trace: Trace
    tree: Tree
    path: tuple[Segment, ...]
    logs: tuple[LogLine, ...]
    metrics: tuple[RouteMetrics, ...]
    links: dict[str, str]
    notes: tuple[str, ...]


def report(question: Question, settings: Settings, home: Home) -> Report:
    """Find the trace and gather what belongs to it.

    A backend that does not answer is no reason to hide what the others know: a note says so. Tempo is needed.

    Args:
        question: Which trace.
        settings: The settings in force here and now.
        home: Where the stack's state lies.

    Raises:
        MissingError: No stack is up.
        UsageError: The id, the expression or the alert's name is none.
        FailedError: There is no such trace.
        UnreachableError: Tempo does not answer, or Prometheus where it has to find the trace.
    """
    kept = record.read(home)
    if kept is None:
        raise MissingError(
            "nothing is up",
            why=f"no stack was started from {home.root}, or it was stopped",
            hint="obsdeck up",
        )
    running = kept.settings(settings)
    found = _WAYS[question.way](question, running)
    trace = replace(found.trace, spans=aligned(grow(found.trace.spans)))
    tree = grow(trace.spans)
    notes = [*_incomplete(tree, question.until), *_clocks(tree)]

    def asked(title: str, ask: Callable[[], tuple[T, ...]]) -> tuple[T, ...]:
        try:
            return ask()
        except ObsdeckError as error:
            notes.append(f"{title} could not be asked: {words(error)}")
            return ()

    lines = asked(LOKI.title, lambda: logs.lines(LOKI.url(running), trace))
    if len(lines) == logs.LIMIT:
        notes.append(f"of its log lines only the last {logs.LIMIT} were read")
    beside = asked(PROMETHEUS.title, lambda: metrics.around(PROMETHEUS.url(running), trace, question.until))
    where = (links.grafana if _has_grafana(kept, running) else links.tempo)(running, trace)
    return Report(found.how, trace, tree, critical_path(tree), lines, beside, where, tuple(notes))


def _has_grafana(kept: Record, running: Settings) -> bool:
    started = any(one.name == GRAFANA.name and one.provider for one in kept.components)
    return started and health.is_ready(GRAFANA.ready_url(running))


def _incomplete(tree: Tree, now: float) -> list[str]:
    if not tree.orphans:
        return []
    ended = max(span.end for span in tree.spans) / 1e9
    why = (
        "still on the way, perhaps; ask again"
        if now - ended < ARRIVING_SECONDS
        else "lost on the way, or not kept"
    )
    one = len(tree.orphans) == 1
    what = "1 span has a parent" if one else f"{len(tree.orphans)} spans have parents"
    return [f"{what} that {'is' if one else 'are'} not there: {why}"]


def _clocks(tree: Tree) -> list[str]:
    """One line for each service whose clock was off; less than a millisecond is not worth one."""
    shifts: dict[str, int] = {}
    for span in tree.spans:
        if abs(span.shift) > abs(shifts.get(span.service, 0)):
            shifts[span.service] = span.shift
    return [
        f"the clock of {service} is {abs(shift) / 1e9:.3f} s {'behind' if shift > 0 else 'ahead'}; "
        "its spans are shown where they must have been"
        for service, shift in shifts.items()
        if abs(shift) >= _MILLISECOND
    ]
