"""The runbooks of a pack as a dashboard, so that they are where the panels are, also without a network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from obsdeck.packs.dashboards.build import COLUMNS, TAG, frame
from obsdeck.packs.dashboards.identity import made_of, panel_id, runbook_path, runbooks_uid
from obsdeck.packs.dashboards.links import link
from obsdeck.packs.dashboards.panels import Runbooks

if TYPE_CHECKING:
    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.model.dashboard import DashboardFile, Panel
    from obsdeck.packs.pack import Pack
    from obsdeck.packs.runbook import Runbook
    from obsdeck.packs.source import Sourced

_HEIGHT = 24


def places(catalog: Catalog) -> Runbooks:
    """Where every runbook is shown, and which alerts are on which panel."""
    urls = {alert: runbook_path(pack.name, alert) for alert, (pack, _) in catalog.runbooks.items()}
    on: dict[str, list[str]] = {}
    for _, alert in catalog.alerts():
        told = on.setdefault(alert.value.panel, [])
        if alert.value.alert not in told:
            told.append(alert.value.alert)
    return Runbooks(urls, on)


def dashboard(pack: Pack, catalog: Catalog) -> dict[str, Any]:
    """A panel per runbook; each is looked at alone, by its address."""
    title = f"Runbooks: {pack.about.value.title}"
    panels = [
        {
            "id": made_of(runbooks_uid(pack.name), page.path.stem),
            "type": "text",
            "title": page.path.stem,
            "description": f"What to do when {page.path.stem} fires.",
            "gridPos": {"x": 0, "y": index * _HEIGHT, "w": COLUMNS, "h": _HEIGHT},
            "links": _panel_link(page, catalog),
            "options": {
                "mode": "markdown",
                "content": _content(page, pack, catalog) + _levels(page, catalog),
            },
        }
        for index, page in enumerate(pack.runbooks)
    ]
    return {
        **frame(
            runbooks_uid(pack.name), title, f"What to do when an alert of {pack.about.value.title} fires."
        ),
        "tags": [TAG, "runbooks", pack.name],
        "time": {"from": "now-1h", "to": "now"},
        "links": [],
        "annotations": {"list": []},
        "templating": {"list": []},
        "panels": panels,
    }


def _content(page: Runbook, pack: Pack, catalog: Catalog) -> str:
    """The page, with its links to other runbooks turned into links to their panels."""

    def panel(found: re.Match[str]) -> str:
        owner, alert = found[1] or pack.name, found[2]
        of, _ = catalog.runbooks.get(alert, (None, None))
        return f"]({runbook_path(owner, alert)})" if of and of.name == owner else found[0]

    return re.sub(r"\]\((?:\.\./([\w-]+)/)?(\w+)\.md\)", panel, page.text).strip()


def _levels(page: Runbook, catalog: Catalog) -> str:
    """The levels of the alert's panel, as a table."""
    found = _shown(page, catalog)
    if found is None or not found[1].value.levels:
        return ""
    rows = [
        f"| {level} | {' or '.join([ranges] if isinstance(ranges, str) else ranges)} |"
        for level, ranges in found[1].value.levels.items()
    ]
    head = f"## Levels of {found[1].value.title}\n\n| level | value |\n|---|---|"
    return "\n\n" + "\n".join([head, *rows])


def _shown(page: Runbook, catalog: Catalog) -> tuple[Sourced[DashboardFile], Sourced[Panel]] | None:
    data = page.front.data
    return catalog.panels.get(str(data.get("panel"))) if isinstance(data, dict) else None


def _panel_link(page: Runbook, catalog: Catalog) -> list[dict[str, Any]]:
    found = _shown(page, catalog)
    if found is None:
        return []
    board, one = found
    url = f"/d/{board.value.uid}?viewPanel={panel_id(board.value.uid, one.value)}&${{__url_time_range}}"
    return [link(f"Panel: {one.value.title}", url, new_tab=False)]
