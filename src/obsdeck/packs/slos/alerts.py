"""The alerts' group: a page and a ticket for a budget that is spent too fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from obsdeck.packs.slos import budget, indicators, windows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from obsdeck.packs.slos.identity import Identity
    from obsdeck.packs.slos.model import Alert, Slo
    from obsdeck.packs.slos.windows import Pair, Severity

_SEVERITIES: dict[Severity, str] = {"page": "critical", "ticket": "warning"}


def group(who: Identity, slo: Slo, added: Mapping[str, str]) -> dict[str, Any]:
    """The group of one SLO; without rules where both alerts are disabled.

    Args:
        who: Its identity.
        slo: The SLO.
        added: Annotations for both alerts; weaker than the user's.
    """
    kinds: dict[Severity, Alert] = {"page": slo.alerting.page_alert, "ticket": slo.alerting.ticket_alert}
    rules = [_rule(who, slo, kind, alert, added) for kind, alert in kinds.items() if not alert.disable]
    return {"name": f"sloth-slo-alerts-{who.id}", "rules": rules}


def _rule(who: Identity, slo: Slo, kind: Severity, alert: Alert, added: Mapping[str, str]) -> dict[str, Any]:
    allowed = budget.exact(slo.objective)
    counted = slo.alerting.minimum_errors if kind == "page" and slo.sli.events else 0
    pairs = [_pair(who, pair, allowed, counted) for pair in windows.PAIRS[kind]]
    labels = {
        "severity": _SEVERITIES[kind],
        "sloth_severity": kind,
        **slo.alerting.labels,
        **alert.labels,
    }
    annotations = {
        **_words(slo, kind),
        **added,
        **slo.alerting.annotations,
        **alert.annotations,
    }
    return {
        "alert": slo.alerting.name,
        "expr": "\nor\n".join(pairs),
        "labels": dict(sorted(labels.items())),
        "annotations": dict(sorted(annotations.items())),
    }


def _pair(who: Identity, pair: Pair, allowed: Decimal, errors: int) -> str:
    """Both windows of a pair burn too fast, and the long one has as many failed events as are asked for."""
    fast = f"> ({pair.factor} * {allowed:f})"
    conditions = [f"{who.series(indicators.RATIO + window)} {fast}" for window in (pair.short, pair.long)]
    if errors > 1:
        rate = who.series(indicators.ERRORS + pair.long)
        # Rounded: five events as a rate, times the seconds again, may be 4.999.
        conditions.append(f"round({rate} * {windows.SECONDS[pair.long]}) >= {errors}")
    # The windows' names are all in which these differ, and `and` wants equal labels.
    both = "\n  and\n".join(f"  max without (sloth_window) ({condition})" for condition in conditions)
    return f"(\n{both}\n)"


def _words(slo: Slo, kind: Severity) -> dict[str, str]:
    """What people read. The value of such an alert is the ratio over the pair's short window."""
    which = "{{ $labels.sloth_service }} {{ $labels.sloth_slo }}"
    kept = ", ".join(f"{{{{ $labels.{label} }}}}" for label in sorted(slo.sli.labels))
    subject = f"{which} ({kept})" if kept else which
    spent = f"{subject}: the error budget is spent too fast"
    allowed = (budget.exact(slo.objective) * 100).normalize()
    tail = f" {slo.description.strip()}" if slo.description.strip() else ""
    return {
        "title": f"({kind}) {spent}",
        "summary": spent,
        "description": "{{ $value | humanizePercentage }} of the latest events failed;"
        f" {allowed:f} % may, over {windows.PERIOD.removesuffix('d')} days.{tail}",
    }
