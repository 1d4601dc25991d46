"""Packs -> Prometheus rule files: recordings, alerts, and what follows from objectives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from obsdeck.packs import levels, queries
from obsdeck.packs.dashboards import identity
from obsdeck.packs.slos import rules as slo_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.model.alerts import Alert
    from obsdeck.packs.pack import Pack

INFO = "obsdeck_alert_info"
"""A series per alert: `alertname`, `pack`, and where its runbook and its panel are in Grafana."""


def groups(pack: Pack, catalog: Catalog) -> list[dict[str, Any]]:
    """The groups of a pack's rule file: its own, and those of its objectives.

    Recordings and alerts are one group, because rules of a group are evaluated in order and groups are not.
    """
    own: list[dict[str, Any]] = []
    for recording in (one.value for one in pack.recordings):
        labels = {"labels": recording.labels} if recording.labels else {}
        own.append({"record": recording.record, "expr": recording.expr.strip(), **labels})
    own += [_alert(one.value, pack, catalog) for one in pack.alerts]
    found: list[dict[str, Any]] = [{"name": pack.name, "rules": own}] if own else []
    if pack.slos:
        found += slo_rules.groups(pack.slos.value, lambda name: _of_runbook(name, pack, catalog))
    told = [_info(name, pack, catalog) for name in names(pack) if name in catalog.runbooks]
    return [*found, {"name": f"{pack.name}-alerts", "interval": "1m", "rules": told}] if told else found


def added(name: str, pack: Pack, catalog: Catalog) -> Mapping[str, str]:
    """The annotations of an alert that nobody writes."""
    panel = next((one.value.panel for one in pack.alerts if one.value.alert == name), None)
    if panel is None:
        return _of_runbook(name, pack, catalog)
    return {"runbook_url": runbook_url(name, pack), **_shown(panel, catalog)}


def _info(name: str, pack: Pack, catalog: Catalog) -> dict[str, Any]:
    """A series with what ALERTS does not carry, so that a table of alerts can link to runbook and panel."""
    words = added(name, pack, catalog)
    labels = {"alertname": name, "pack": pack.name, "runbook": identity.runbook_path(pack.name, name)}
    if "dashboard" in words:
        labels["shown"] = f"/d/{words['dashboard']}?viewPanel={words['panel']}"
    return {"record": INFO, "expr": "vector(1)", "labels": labels}


def expression(alert: Alert, catalog: Catalog) -> str:
    """The PromQL of an alert: its own, or its panel's beyond a level.

    Raises:
        KeyError: There is no such panel or signal.
        ValueError: The panel has no such level.
    """
    if alert.expr:
        return alert.expr.strip()
    _, panel = catalog.panels[alert.panel]
    query = panel.value.asked[0]
    asked = queries.expression(query, queries.ANYWHERE, catalog.signals, alert.by)
    return levels.condition(asked, levels.parse(panel.value.levels), alert.level or "critical")


def names(pack: Pack) -> list[str]:
    """The names of a pack's alerts, those of its objectives among them; each once."""
    own = [one.value.alert for one in pack.alerts]
    if pack.slos:
        own += [slo.alerting.name for slo in pack.slos.value.slos if _alerts(slo)]
    return list(dict.fromkeys(own))


def _alerts(slo: Any) -> bool:
    return not (slo.alerting.page_alert.disable and slo.alerting.ticket_alert.disable)


def _alert(alert: Alert, pack: Pack, catalog: Catalog) -> dict[str, Any]:
    timing = {"for": alert.duration, "keep_firing_for": alert.keep_firing_for}
    return {
        "alert": alert.alert,
        "expr": expression(alert, catalog),
        **{key: value for key, value in timing.items() if value},
        "labels": {"severity": alert.severity, **alert.labels},
        "annotations": {
            "summary": alert.summary.strip(),
            "description": alert.description.strip(),
            **added(alert.alert, pack, catalog),
        },
    }


def runbook_url(alert: str, pack: Pack) -> str:
    """Where an alert's runbook lies, below what `OBSDECK_RUNBOOKS_URL` says."""
    return f"runbooks/{pack.name}/{alert}.md"


def _shown(panel: str, catalog: Catalog) -> Mapping[str, str]:
    board, one = catalog.panels[panel]
    return {"dashboard": board.value.uid, "panel": str(identity.panel_id(board.value.uid, one.value))}


def _of_runbook(name: str, pack: Pack, catalog: Catalog) -> Mapping[str, str]:
    """Sloth's format has no panel, so its alerts take the one that their runbook names."""
    found = {"runbook_url": runbook_url(name, pack)}
    _, page = catalog.runbooks.get(name, (None, None))
    panel = page.front.data.get("panel") if page and isinstance(page.front.data, dict) else None
    return found | dict(_shown(panel, catalog)) if panel in catalog.panels else found
