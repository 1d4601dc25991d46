"""From a metric or an alert to a trace, through exemplars: measurements kept with their trace's id."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING

from obsdeck.backends import prometheus
from obsdeck.diagnose.trace.find import Found, last_failed, load, slowest
from obsdeck.diagnose.trace.selectors import asked, selectors, with_exemplars, written
from obsdeck.errors import FailedError, UsageError
from obsdeck.stack.components import PROMETHEUS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from obsdeck.backends.prometheus import Exemplar, Rule
    from obsdeck.diagnose.trace.find import Question
    from obsdeck.packs.promql import Selector
    from obsdeck.stack.environment import Settings

_TRIED = 20
"""How many exemplars are followed before one gives up: their traces may not have been kept."""

_SERVICE_LABELS = ("service_name", "service", "job")


def by_metric(question: Question, settings: Settings) -> Found:
    """The trace of the largest measurement behind an expression. Raises as `find.by_id`."""
    read = selectors(question.value)
    found = _follow(read, {}, question, settings)
    if found:
        return found
    raise FailedError(
        "no exemplar leads to a trace",
        why=_looked(read, question, settings),
        hint="exemplars come with histograms of services; obsdeck trace --slowest SERVICE needs none",
    )


def by_alert(question: Question, settings: Settings) -> Found:
    """A trace behind an alert, firing or not: by exemplars of its metrics, else by its service.

    Raises as `find.by_id`.
    """
    rules = prometheus.rules(PROMETHEUS.url(settings))
    alerts = _named(question.value, rules)
    firing = [labels for alert in alerts for labels in alert.active]
    labels = firing[0] if firing else {}
    state = "firing" if firing else "not firing now"
    read = _expanded([alert.expression for alert in alerts], rules)
    found = _follow(read, labels, question, settings)
    if found:
        return replace(found, how=f"{question.value} ({state}): {found.how}")
    service = _service(labels, read)
    if not service:
        raise FailedError(
            f"{question.value} leads to no trace: no exemplar, and no service is named in it",
            why=_looked(read, question, settings),
            hint="an alert on the stack itself has no traces; its runbook says what to do",
        )
    found = _of_service(replace(question, value=service), settings)
    return replace(found, how=f"{question.value} ({state}), whose metrics have no exemplar: {found.how}")


def _named(name: str, rules: Iterable[Rule]) -> list[Rule]:
    names = {rule.name for rule in rules if rule.alerting}
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        raise UsageError(
            f"{name!r} is no alert",
            why="alerts are " + ", ".join(sorted(names)),
            hint=f"did you mean {close[0]}?" if close else "",
        )
    return [rule for rule in rules if rule.alerting and rule.name == name]


def _expanded(expressions: list[str], rules: Iterable[Rule]) -> tuple[Selector, ...]:
    """The selectors of some expressions and of the recorded ones in them, which have no exemplars."""
    recorded = {rule.name: rule.expression for rule in rules if not rule.alerting}
    waiting, seen = list(expressions), set[str]()
    found: dict[Selector, None] = {}
    while waiting:
        for selector in selectors(waiting.pop()):
            found[selector] = None
            if selector.name in recorded and selector.name not in seen:
                seen.add(selector.name)
                waiting.append(recorded[selector.name])
    return tuple(sorted(found, key=lambda one: -len(one.matchers)))


def _follow(
    read: Iterable[Selector], labels: Mapping[str, str], question: Question, settings: Settings
) -> Found | None:
    """The first trace that is there, of the narrowest selector first: it is what the expression is about."""
    tried: set[str] = set()
    for selector in (wider for narrow in read for wider in with_exemplars(narrow)):
        for exemplar in _largest(selector, labels, question, settings):
            trace_id = exemplar.labels.get("trace_id", "")
            if trace_id and trace_id not in tried and len(tried) < _TRIED:
                tried.add(trace_id)
                trace = load(trace_id, settings)
                if trace:
                    return Found(trace, f"the largest exemplar of {written(selector)}, {exemplar.value:.6g}")
    return None


def _largest(
    selector: Selector, labels: Mapping[str, str], question: Question, settings: Settings
) -> list[Exemplar]:
    """Exemplars that fit the labels, the largest first, and of equal ones the youngest."""
    found = prometheus.exemplars(
        PROMETHEUS.url(settings), written(selector), start=question.since, end=question.until
    )
    fitting = (
        one for one in found if all(one.series.get(name, value) == value for name, value in labels.items())
    )
    return sorted(fitting, key=lambda one: (-one.value, -one.time))


def _service(labels: Mapping[str, str], read: Iterable[Selector]) -> str:
    """The service that a firing alert is labelled with, or that its expression asks for."""
    said = [labels.get(label, "") for label in _SERVICE_LABELS]
    values = [asked(selector, label) for selector in read for label in _SERVICE_LABELS]
    return next((name for name in said + values if name), "")


def _of_service(question: Question, settings: Settings) -> Found:
    try:
        return last_failed(question, settings)
    except FailedError:
        return slowest(question, settings)


def _looked(read: Iterable[Selector], question: Question, settings: Settings) -> str:
    queries = "\n".join(f"  {written(selector)}" for selector in read) or "  (the expression reads no metric)"
    minutes = (question.until - question.since) / 60
    return f"looked in Prometheus at {PROMETHEUS.url(settings)}, the last {minutes:g} min:\n{queries}"
