"""A dashboard as Grafana's JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from obsdeck import names
from obsdeck.packs import queries
from obsdeck.packs.dashboards.identity import made_of
from obsdeck.packs.dashboards.links import menu
from obsdeck.packs.dashboards.panels import Runbooks, panel
from obsdeck.packs.dashboards.types import TYPES
from obsdeck.packs.dashboards.variables import PROMETHEUS, variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.model.dashboard import DashboardFile, Row
    from obsdeck.packs.pack import Pack

SCHEMA_VERSION = 41
COLUMNS = 24
TAG = "obsdeck"


def dashboard(board: DashboardFile, pack: Pack, catalog: Catalog, runbooks: Runbooks) -> dict[str, Any]:
    """The dashboard's JSON.

    Args:
        board: What is declared.
        pack: Its pack.
        catalog: All packs.
        runbooks: Where runbooks are shown.
    """
    return {
        **frame(board.uid, board.title, board.description),
        "tags": [TAG, pack.name],
        "time": {"from": f"now-{board.time}", "to": "now"},
        "refresh": board.refresh,
        "links": [menu("obsdeck", TAG)],
        "annotations": {"list": [_deployments(board), _alerts(board)]},
        "templating": {"list": variables(board, pack.about.value.emitted_by.job, catalog.signals)},
        "panels": list(_panels(board, catalog, runbooks)),
    }


def frame(uid: str, title: str, description: str) -> dict[str, Any]:
    """What all dashboards share."""
    return {
        "uid": uid,
        "title": title,
        "description": description.strip(),
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "fiscalYearStartMonth": 0,
    }


def _panels(board: DashboardFile, catalog: Catalog, runbooks: Runbooks) -> Iterator[dict[str, Any]]:
    top = 0
    for row in board.rows:
        places, bottom = _layout(row, top + 1, catalog)
        made = [
            panel(one, board, catalog, runbooks, place) for one, place in zip(row.panels, places, strict=True)
        ]
        yield {
            "id": made_of(board.uid, f"row {row.title}"),
            "type": "row",
            "title": row.title,
            "collapsed": row.collapsed,
            "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1},
            "panels": made if row.collapsed else [],
        }
        yield from () if row.collapsed else made
        top = top + 1 if row.collapsed else bottom


def _layout(row: Row, top: int, catalog: Catalog) -> tuple[list[dict[str, int]], int]:
    """Panels from left to right, and the next line where one does not fit."""
    places: list[dict[str, int]] = []
    x, y, tallest = 0, top, 0
    for one in row.panels:
        kind = TYPES[queries.show(one, catalog.signals)]
        width, height = one.width or kind.width, one.height or kind.height
        if x + width > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        places.append({"x": x, "y": y, "w": width, "h": height})
        x, tallest = x + width, max(tallest, height)
    return places, y + tallest


def _deployments(board: DashboardFile) -> dict[str, Any]:
    """A version that was not there before."""
    matchers = _matchers(board, ("environment", "service"))
    now = f"max by (service_name, service_version) (target_info{{{matchers}}})"
    before = f"max by (service_name, service_version) (target_info{{{matchers}}} offset 2m)"
    known = f"max by (service_name) (target_info{{{matchers}}} offset 2m)"
    expr = f"{now} unless on (service_name, service_version) {before} and on (service_name) {known}"
    return _annotation("Deployments", "blue", expr, "{{service_name}} {{service_version}}")


def _alerts(board: DashboardFile) -> dict[str, Any]:
    """Alerts on what is selected, and those that are on no service."""
    firing = 'alertstate="firing", alertname!="Watchdog"'
    matchers = _matchers(board, ("service",))
    of_services = f'ALERTS{{{firing}, {matchers}}} or ALERTS{{{firing}, service_name=""}}'
    expr = of_services if matchers else f"ALERTS{{{firing}}}"
    return _annotation("Alerts", "red", expr, "{{alertname}} ({{severity}})")


def _matchers(board: DashboardFile, variables: tuple[str, ...]) -> str:
    return ", ".join(
        f'{names.label_name(queries.NARROWS[name])}=~"${name}"'
        for name in variables
        if name in board.variables
    )


def _annotation(name: str, colour: str, expr: str, title: str) -> dict[str, Any]:
    return {
        "name": name,
        "datasource": PROMETHEUS,
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "expr": expr,
        "step": "60s",
        "titleFormat": title,
        "textFormat": "",
        "tagKeys": "",
        "useValueForTime": False,
    }
