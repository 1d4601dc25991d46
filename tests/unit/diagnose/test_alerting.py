from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.diagnose import alerting
from obsdeck.stack.environment import Settings

if TYPE_CHECKING:
    from obsdeck.diagnose.subject import Subject


def rule(name: str, *, health: str = "ok", error: str = "", firing: bool = True) -> dict[str, Any]:
    alerts = [{"labels": {"alertname": name}, "state": "firing"}] if firing else []
    return {
        "name": name,
        "query": "vector(1)",
        "type": "alerting",
        "alerts": alerts,
        "health": health,
        "lastError": error,
    }


def tell(world: Any, *, rules: list[dict[str, Any]], known: tuple[str, ...] = (), age: float = 3600) -> None:
    """What Prometheus and Alertmanager answer; Alertmanager was started `age` seconds ago."""
    groups = {"data": {"groups": [{"rules": rules}]}}
    started = datetime.now(UTC) - timedelta(seconds=age)
    status = {
        "versionInfo": {"version": ""},
        "uptime": started.isoformat(),
        "cluster": {"status": "disabled"},
        "config": {"original": "receivers: [{name: people, webhook_configs: [{}]}, {name: nobody}]"},
    }
    alerts = [
        {"labels": {"alertname": name}, "annotations": {}, "status": {"state": "active"}, "startsAt": ""}
        for name in known
    ]
    world.answers["/api/v1/rules"] = (200, json.dumps(groups))
    world.answers["/api/v2/status"] = (200, json.dumps(status))
    world.answers["/api/v2/alerts"] = (200, json.dumps(alerts))


def test_rules_that_evaluate(subject: Subject, world: Any) -> None:
    recording = {"name": "a:b", "query": "1", "type": "recording", "health": "ok"}
    tell(world, rules=[rule("Slow"), recording])
    check = alerting.check_rules(subject)
    assert (check.ok, check.evidence) == (True, "1 alerts and 1 recording rules are evaluated")


def test_every_rule_that_failed_is_named(subject: Subject, world: Any) -> None:
    failing = [rule(name, health="err", error="many-to-many") for name in ("Slow", "Late")]
    tell(world, rules=[rule("Good"), *failing])
    check = alerting.check_rules(subject)
    assert not check.ok
    assert check.evidence.splitlines() == ["Slow: many-to-many", "Late: many-to-many"]
    assert check.next


def test_a_prometheus_without_alerts(subject: Subject, world: Any) -> None:
    tell(world, rules=[])
    check = alerting.check_rules(subject)
    assert not check.ok
    assert check.next == "obsdeck config prometheus"


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([rule("Slow")], "Prometheus has no alert Watchdog"),
        ([rule("Watchdog", firing=False)], "Watchdog (vector(1)) does not fire in Prometheus"),
        ([rule("Watchdog")], "does not know it"),
    ],
)
def test_a_watchdog_that_does_not_get_through(
    subject: Subject, world: Any, rules: list[dict[str, Any]], words: str
) -> None:
    tell(world, rules=rules, known=("Slow",))
    check = alerting.check_watchdog(subject)
    assert not check.ok
    assert words in check.evidence
    assert check.next


@pytest.mark.parametrize(
    ("health", "told", "words"),
    [
        ("ok", {"known": ("Watchdog",)}, "Alertmanager knows it"),
        ("unknown", {}, "not evaluated yet"),
        ("ok", {"age": 20}, "has yet to hear of it"),
    ],
)
def test_a_watchdog_that_gets_through_or_soon_will(
    subject: Subject, world: Any, health: str, told: dict[str, Any], words: str
) -> None:
    tell(world, rules=[rule("Watchdog", health=health, firing=health == "ok")], **told)
    check = alerting.check_watchdog(subject)
    assert check.ok
    assert words in check.evidence


def test_who_is_told_is_named(subject: Subject, world: Any) -> None:
    tell(world, rules=[])
    assert alerting.check_receivers(subject).evidence == "told: people by webhook"


def test_who_is_set_and_not_told_is_a_fault(subject: Subject, world: Any) -> None:
    tell(world, rules=[])
    values = {**subject.present.values, "OBSDECK_ALERT_WATCHDOG_URL": "https://example.org/s3cret"}
    check = alerting.check_receivers(replace(subject, present=Settings(values, subject.present.origins)))
    assert not check.ok
    assert check.evidence.startswith("OBSDECK_ALERT_WATCHDOG_URL is set")
    assert "s3cret" not in check.evidence


LINE = (
    "time=2026-11-21T13:00:00.000Z level=ERROR source=dispatch.go:360 "
    'msg="Notify for alerts failed" component=dispatcher num_alerts=1 '
    'err="people/webhook[0]: notify retry canceled: unexpected status code 403: Post \\"<redacted>\\""\n'
)


def test_what_was_given_up_is_counted_and_the_reason_taken_from_the_log(subject: Subject, world: Any) -> None:
    sample = {"metric": {"integration": "webhook"}, "value": [0, "2"]}
    world.answers["/api/v1/query"] = (200, json.dumps({"data": {"result": [sample]}}))
    subject.home.log("alertmanager").write_text(LINE)
    check = alerting.check_notifications(replace(subject, since=0))
    assert not check.ok
    first, reason = check.evidence.splitlines()
    assert first.endswith(": 2 by webhook")
    assert reason == 'people/webhook[0]: notify retry canceled: unexpected status code 403: Post "<redacted>"'


def test_nothing_given_up(subject: Subject, world: Any) -> None:
    world.answers["/api/v1/query"] = (200, json.dumps({"data": {"result": []}}))
    assert alerting.check_notifications(subject).ok
