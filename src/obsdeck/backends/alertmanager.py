"""Questions to Alertmanager's HTTP API, version 2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from obsdeck.backends import http

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Status:
    """Alertmanager as it is now.

    Attributes:
        version: The server's version; empty where it was built without one.
        started: When it was started, as RFC 3339 text.
        cluster: `ready` or `disabled` when all is well.
    """

    version: str
    started: str
    cluster: str


@dataclass(frozen=True)
class Alert:
    """One alert that Alertmanager knows.

    Attributes:
        labels: `alertname` among them.
        annotations: Summary, description, runbook.
        state: active, suppressed or unprocessed.
        started: Since when, as RFC 3339 text.
    """

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    state: str
    started: str


def status(url: str) -> Status:
    """How it is.

    Raises:
        UnreachableError: Alertmanager does not answer.
        HttpError: It refuses.
    """
    document = http.get(f"{url}/api/v2/status").json()
    return Status(document["versionInfo"]["version"], document["uptime"], document["cluster"]["status"])


def integrations(url: str) -> dict[str, frozenset[str]]:
    """How each receiver of the configuration in force is told, in its own words: `webhook_configs`, ...

    Raises as `status`.
    """
    import yaml  # noqa: PLC0415 - its configuration is the one answer that is no JSON

    configuration = yaml.safe_load(http.get(f"{url}/api/v2/status").json()["config"]["original"])
    return {row["name"]: frozenset(row) - {"name"} for row in configuration["receivers"]}


def alerts(url: str) -> tuple[Alert, ...]:
    """The alerts it holds now. Raises as `status`."""
    return tuple(
        Alert(row["labels"], row["annotations"], row["status"]["state"], row["startsAt"])
        for row in http.get(f"{url}/api/v2/alerts").json()
    )
