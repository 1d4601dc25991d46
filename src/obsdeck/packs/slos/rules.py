"""The rules of a file of SLOs, as groups of a Prometheus rule file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from obsdeck.packs.slos import alerts, budget, indicators
from obsdeck.packs.slos.identity import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from obsdeck.packs.slos.model import Slo, Slos


def groups(slos: Slos, annotate: Callable[[str], Mapping[str, str]]) -> list[dict[str, Any]]:
    """The groups of all SLOs of a file, in its order: indicators, budget, alerts of each.

    Args:
        slos: The file.
        annotate: Gives the annotations to add to the alerts of a name, such as `runbook_url`.

    Returns:
        What goes under `groups:` of a rule file. Equal input gives equal output.
    """
    return [group for slo in slos.slos for group in _of_one(slos, slo, annotate)]


def recorded(slos: Slos) -> list[str]:
    """The names of all metrics that the rules of a file record, sorted."""
    rules = (rule for group in groups(slos, lambda _: {}) for rule in group["rules"])
    return sorted({rule["record"] for rule in rules if "record" in rule})


def _of_one(slos: Slos, slo: Slo, annotate: Callable[[str], Mapping[str, str]]) -> list[dict[str, Any]]:
    who = identity(slos, slo)
    made = [indicators.group(who, slo.sli), budget.group(who, slo)]
    alerting = alerts.group(who, slo, annotate(slo.alerting.name))
    return [*made, alerting] if alerting["rules"] else made
