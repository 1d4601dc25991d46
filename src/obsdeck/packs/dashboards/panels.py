"""One panel as Grafana's JSON: its type, its queries, how its values look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from obsdeck.packs import levels, queries
from obsdeck.packs.dashboards import follow, tables, units
from obsdeck.packs.dashboards.identity import panel_id
from obsdeck.packs.dashboards.links import link
from obsdeck.packs.dashboards.types import TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.model.dashboard import DashboardFile, Panel
    from obsdeck.packs.queries import Target
    from obsdeck.packs.signal import Signal

COLOURS = {"normal": "green", "anomaly": "orange", "critical": "red"}
DASHBOARD = {"type": "datasource", "uid": "-- Dashboard --"}
SOURCES = {
    "promql": {"type": "prometheus", "uid": "${datasource}"},
    "logql": {"type": "loki", "uid": "loki"},
    "traceql": {"type": "tempo", "uid": "tempo"},
}


@dataclass(frozen=True)
class Runbooks:
    """Where the runbook of an alert is shown in Grafana, and which alert is on a panel.

    Attributes:
        urls: Alert to address.
        on: Panel (uid / title) to the alerts on it.
    """

    urls: Mapping[str, str]
    on: Mapping[str, Sequence[str]]


def panel(
    one: Panel, board: DashboardFile, catalog: Catalog, runbooks: Runbooks, place: Mapping[str, int]
) -> dict[str, Any]:
    """The panel's JSON.

    Args:
        one: The panel.
        board: Its dashboard.
        catalog: Every signal.
        runbooks: Where runbooks are.
        place: Its `gridPos`.
    """
    shown = queries.show(one, catalog.signals)
    kind = TYPES[shown]
    base = {
        "id": panel_id(board.uid, one),
        "type": kind.plugin,
        "title": one.title,
        "description": one.description.strip(),
        "gridPos": place,
        "links": _runbook_links(one, board, runbooks),
    }
    if shown == "text":
        return {**base, "options": {"mode": "markdown", "content": one.text}}
    targets = queries.targets(one, queries.within(board), catalog.signals)
    source = DASHBOARD if shown == "exemplars" else SOURCES[targets[0].language if targets else "traceql"]
    made: dict[str, Any] = {
        **base,
        "datasource": source,
        "targets": _targets(one, shown, targets, board, catalog),
        "fieldConfig": {
            "defaults": _field(one, shown, board, catalog),
            "overrides": list(tables.overrides(one, shown, targets, board, catalog.signals)),
        },
        "options": kind.options,
    }
    return {**made, "transformations": tables.columns(one, targets)} if shown == "table" else made


def _targets(
    one: Panel, shown: str, targets: Sequence[Target], board: DashboardFile, catalog: Catalog
) -> list[dict[str, Any]]:
    if shown == "graph":
        return [{"refId": "A", "datasource": SOURCES["traceql"], "queryType": "serviceMap", "filters": []}]
    if shown == "exemplars":
        measured = exemplified(one, board, catalog.signals)
        shared = {"panelId": panel_id(board.uid, measured), "topic": "annotations", "withTransforms": False}
        return [{"refId": "A", "datasource": DASHBOARD, **shared}]
    return [_target(target, shown) for target in targets]


def exemplified(one: Panel, board: DashboardFile, signals: Mapping[str, Signal]) -> Panel:
    """The panel of the dashboard whose exemplars a table of exemplars shows.

    Grafana gives exemplars to charts only; a table gets them as the annotations of another panel.

    Raises:
        KeyError: No panel asks for exemplars of that signal.
    """
    for other in (panel for row in board.rows for panel in row.panels):
        if other.show == "exemplars" or not {query.signal for query in other.asked} & {one.signal}:
            continue
        if any(target.exemplars for target in queries.targets(other, queries.within(board), signals)):
            return other
    raise KeyError(one.signal)


def _target(target: Target, shown: str) -> dict[str, Any]:
    base = {"refId": target.ref, "datasource": SOURCES[target.language]}
    if target.language == "logql":
        kind = "instant" if target.instant else "range"
        lines = {"maxLines": 200} if shown == "logs" else {}
        return {**base, "expr": target.expr, "queryType": kind, "legendFormat": target.legend, **lines}
    if target.language == "traceql":
        table = {"limit": 20, "tableType": "traces"} if shown == "traces" else {}
        return {**base, "queryType": "traceql", "query": target.expr, "filters": [], **table}
    return {
        **base,
        "editorMode": "code",
        "expr": target.expr,
        "legendFormat": "{{le}}" if target.format == "heatmap" else target.legend,
        "format": target.format,
        "instant": target.instant,
        "range": not target.instant,
        "exemplar": target.exemplars,
    }


def _field(one: Panel, shown: str, board: DashboardFile, catalog: Catalog) -> dict[str, Any]:
    ranges = levels.parse(one.levels)
    steps = [{"value": value, "color": COLOURS[level]} for value, level in levels.steps(ranges)]
    custom = dict(TYPES[shown].custom)
    if shown == "timeseries":
        custom["thresholdsStyle"] = {"mode": "dashed" if ranges else "off"}
        custom["stacking"] = {"mode": "normal" if one.stack else "none", "group": "A"}
    coloured = ranges and shown not in {"timeseries", "heatmap"}
    found = {
        "noValue": (one.empty or _no_value(one, catalog)).strip(),
        "unit": units.of_query(one, catalog.signals),
        "decimals": one.decimals,
        "min": one.min,
        "max": one.max,
        "thresholds": {"mode": "absolute", "steps": steps or [{"value": None, "color": COLOURS["normal"]}]},
        "color": {"mode": "thresholds" if coloured else "palette-classic"},
        "links": follow.data_links(one, shown, board, catalog),
        "custom": custom,
    }
    return {key: value for key, value in found.items() if value is not None}


def _no_value(one: Panel, catalog: Catalog) -> str:
    asked = next((query.signal for query in one.asked if query.signal), None)
    if asked is None:
        return "No data in this time range."
    return f"No data. `obsdeck lineage {catalog.signals[asked].metric}` tells who sends it."


def _runbook_links(one: Panel, board: DashboardFile, runbooks: Runbooks) -> list[dict[str, Any]]:
    on = [one.runbook] if one.runbook else []
    on += [alert for alert in runbooks.on.get(f"{board.uid}/{one.title}", ()) if alert not in on]
    return [
        link(f"Runbook: {alert}", runbooks.urls[alert], new_tab=True)
        for alert in on
        if alert in runbooks.urls
    ]
