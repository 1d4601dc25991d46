from __future__ import annotations

import json
from typing import Any

from obsdeck.backends import alertmanager


def test_status(server: Any) -> None:
    content = {
        "versionInfo": {"version": "0.31.1"},
        "uptime": "2026-11-21T06:00:00Z",
        "cluster": {"status": "disabled"},
    }
    server.answers["/api/v2/status"] = (200, json.dumps(content))
    assert alertmanager.status(server.url) == alertmanager.Status(
        "0.31.1", "2026-11-21T06:00:00Z", "disabled"
    )


def test_alerts(server: Any) -> None:
    row = {
        "labels": {"alertname": "Slow"},
        "annotations": {"summary": "slow"},
        "status": {"state": "active"},
        "startsAt": "2026-11-21T06:00:00Z",
    }
    server.answers["/api/v2/alerts"] = (200, json.dumps([row]))
    (alert,) = alertmanager.alerts(server.url)
    assert (alert.labels["alertname"], alert.state) == ("Slow", "active")


def test_how_each_receiver_is_told(server: Any) -> None:
    original = "receivers: [{name: people, slack_configs: [{}], email_configs: [{}]}, {name: nobody}]"
    server.answers["/api/v2/status"] = (200, json.dumps({"config": {"original": original}}))
    assert alertmanager.integrations(server.url) == {
        "people": {"slack_configs", "email_configs"},
        "nobody": set(),
    }
