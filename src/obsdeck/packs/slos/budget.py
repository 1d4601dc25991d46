"""The budget's group: what is allowed, how fast it is spent, what is left."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from obsdeck.packs.slos import indicators, windows

if TYPE_CHECKING:
    from obsdeck.packs.slos.identity import Identity
    from obsdeck.packs.slos.model import Slo

_FORMAT = "v0.16.0"
"""The version of Sloth whose names these rules have."""

_BUDGET = "slo:error_budget:ratio"
_PERIOD_BURN = "slo:period_burn_rate:ratio"


def group(who: Identity, slo: Slo) -> dict[str, Any]:
    """The group of one SLO."""
    burn = "\n/ on(sloth_id, sloth_slo, sloth_service) group_left\n" + who.series(_BUDGET)
    info = {
        "sloth_mode": "obsdeck",
        "sloth_objective": f"{_decimal(slo.objective):f}",
        "sloth_spec": "prometheus/v1",
        "sloth_version": _FORMAT,
    }
    rules = [
        _rule(who, "slo:objective:ratio", f"vector({1 - exact(slo.objective):f})"),
        _rule(who, _BUDGET, f"vector({exact(slo.objective):f})"),
        _rule(who, "slo:time_period:days", f"vector({windows.PERIOD.removesuffix('d')})"),
        _rule(who, "slo:current_burn_rate:ratio", who.series(indicators.RATIO + windows.BASE) + burn),
        _rule(who, _PERIOD_BURN, who.series(indicators.RATIO + windows.PERIOD) + burn),
        _rule(who, "slo:period_error_budget_remaining:ratio", f"1 - {who.series(_PERIOD_BURN)}"),
        _rule(who, "sloth_slo_info", "vector(1)", info),
    ]
    return {"name": f"sloth-slo-meta-recordings-{who.id}", "interval": windows.INTERVAL, "rules": rules}


def exact(objective: float) -> Decimal:
    """The budget that an objective in percent leaves, in the decimals that the user wrote: 0.001 of 99.9."""
    return 1 - _decimal(objective) / 100


def _decimal(objective: float) -> Decimal:
    return Decimal(repr(objective)).normalize()


def _rule(who: Identity, metric: str, expr: str, more: dict[str, str] | None = None) -> dict[str, Any]:
    labels = {**who.labels, **(more or {})}
    return {"record": metric, "expr": expr, "labels": dict(sorted(labels.items()))}
