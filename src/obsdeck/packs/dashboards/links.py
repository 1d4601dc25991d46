"""Links of a dashboard's and a panel's head, with all the keys that Grafana's schema wants."""

from __future__ import annotations

from typing import Any


def link(title: str, url: str, *, new_tab: bool) -> dict[str, Any]:
    """A link to an address."""
    return {**_BASE, "type": "link", "title": title, "url": url, "targetBlank": new_tab}


def menu(title: str, tag: str) -> dict[str, Any]:
    """A menu of all dashboards with a tag, which keeps time range and variables."""
    kept = {"asDropdown": True, "includeVars": True, "keepTime": True}
    return {**_BASE, "type": "dashboards", "title": title, "tags": [tag], "icon": "external link", **kept}


_BASE = {
    "icon": "",
    "tags": [],
    "tooltip": "",
    "url": "",
    "asDropdown": False,
    "includeVars": False,
    "keepTime": False,
    "targetBlank": False,
}
