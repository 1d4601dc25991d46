"""The way of an alert: rules evaluated, the Watchdog fired, known to Alertmanager, receivers told."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from typing import TYPE_CHECKING

from obsdeck.backends import alertmanager, prometheus
from obsdeck.diagnose.machine import RESTART
from obsdeck.diagnose.model import Check
from obsdeck.stack import receivers
from obsdeck.stack.components import ALERTMANAGER, PROMETHEUS

if TYPE_CHECKING:
    from obsdeck.diagnose.subject import Subject

WATCHDOG = "Watchdog"
"""The alert that fires always."""

GRACE_SECONDS = 90
"""Alertmanager keeps no alerts over a restart, and Prometheus sends a firing one again after a minute at most
and then with the next evaluation, which are 15 s apart."""

_FAILED = "alertmanager_notifications_failed_total"
_REASON = re.compile(r'\berr=("(?:[^"\\]|\\.)*")')


def check_rules(subject: Subject) -> Check:
    """Prometheus has rules, and none failed when it was last evaluated. Raises as `prometheus.rules`."""
    name, rules = "alerting.rules", prometheus.rules(PROMETHEUS.url(subject.settings))
    failed = [f"{rule.name}: {rule.error}" for rule in rules if rule.error]
    if failed:
        return Check(name, ok=False, evidence="\n".join(failed), next="correct these rules, then " + RESTART)
    alerts = sum(rule.alerting for rule in rules)
    evidence = f"{alerts} alerts and {len(rules) - alerts} recording rules are evaluated"
    return Check(name, ok=alerts > 0, evidence=evidence, next="" if alerts else "obsdeck config prometheus")


def check_watchdog(subject: Subject) -> Check:
    """The alert that fires always does, and Alertmanager knows it. Raises as `prometheus.rules`."""
    name = "alerting.watchdog"
    rules = prometheus.rules(PROMETHEUS.url(subject.settings))
    rule = next((rule for rule in rules if rule.name == WATCHDOG), None)
    if rule is None:
        evidence = f"Prometheus has no alert {WATCHDOG}, by which one could tell that alerts work"
        return Check(name, ok=False, evidence=evidence, next="obsdeck config prometheus")
    if rule.health == "unknown":
        return Check(name, ok=True, evidence=f"{WATCHDOG} is loaded, and not evaluated yet")
    if not rule.active:
        evidence = f"{WATCHDOG} ({rule.expression}) does not fire in Prometheus"
        return Check(name, ok=False, evidence=evidence, next="obsdeck config prometheus")
    url = ALERTMANAGER.url(subject.settings)
    if any(alert.labels["alertname"] == WATCHDOG for alert in alertmanager.alerts(url)):
        return Check(name, ok=True, evidence=f"{WATCHDOG} fires, and Alertmanager knows it")
    age = time.time() - datetime.fromisoformat(alertmanager.status(url).started).timestamp()
    if age < GRACE_SECONDS:
        evidence = f"{WATCHDOG} fires; Alertmanager, started {age:.0f} s ago, has yet to hear of it"
        return Check(name, ok=True, evidence=evidence)
    evidence = f"{WATCHDOG} fires in Prometheus, and Alertmanager at {url} does not know it"
    return Check(name, ok=False, evidence=evidence, next="obsdeck logs prometheus")


def check_receivers(subject: Subject) -> Check:
    """Whoever is to be told by the settings in force here is told by the Alertmanager that runs.

    Raises:
        UsageError: The settings contradict each other.
        UnreachableError: Alertmanager has stopped answering meanwhile.
    """
    name = "alerting.receivers"
    running = alertmanager.integrations(ALERTMANAGER.url(subject.settings))
    lacking = [
        f"{one.needs[0]} is set, and the Alertmanager that runs has no {one.name}"
        for one in receivers.wanted(subject.present)
        if one.key not in running.get(one.receiver, frozenset())
    ]
    if lacking:
        return Check(name, ok=False, evidence="\n".join(lacking), next=RESTART)
    told = [f"{receiver} by {_names(receiver, keys)}" for receiver, keys in running.items() if keys]
    evidence = "told: " + ", ".join(told) if told else "nobody is told of alerts: no OBSDECK_ALERT_* is set"
    return Check(name, ok=True, evidence=evidence)


def check_notifications(subject: Subject) -> Check:
    """No notification was given up lately. Raises as `prometheus.query`."""
    name, seconds = "alerting.notifications", max(1, round(time.time() - subject.since))
    before = f"({_FAILED} offset {seconds}s or 0 * {_FAILED})"
    failures = prometheus.query(
        PROMETHEUS.url(subject.settings), f"sum by (integration) (({_FAILED} - {before}) > 0)"
    )
    if not failures:
        return Check(name, ok=True, evidence=f"none was given up in the last {seconds} s")
    counts = ", ".join(f"{one.value:g} by {one.labels['integration']}" for one in failures)
    lines = subject.recent_lines(ALERTMANAGER.name)
    reasons = [json.loads(found[1]) for line in lines if (found := _REASON.search(line))]
    evidence = f"given up in the last {seconds} s: {counts}" + (f"\n{reasons[-1]}" if reasons else "")
    return Check(name, ok=False, evidence=evidence, next="obsdeck logs alertmanager")


def _names(receiver: str, keys: frozenset[str]) -> str:
    known = {(one.receiver, one.key): one.name for one in receivers.INTEGRATIONS}
    return " and ".join(sorted(known.get((receiver, key), key.removesuffix("_configs")) for key in keys))
