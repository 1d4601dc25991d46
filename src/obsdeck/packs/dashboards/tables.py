"""Tables: several queries in one, columns in order, and what a click in a column opens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from obsdeck import names
from obsdeck.packs.dashboards.units import of_query
from obsdeck.packs.dashboards.variables import names_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from obsdeck.packs.model.dashboard import DashboardFile, Panel
    from obsdeck.packs.queries import Target
    from obsdeck.packs.signal import Signal

TRACE_ID = "trace_id"
_ID_COLUMNS = {"traces": "traceID", "exemplars": TRACE_ID}
"""Grafana's names of the columns with a trace's id."""


def overrides(
    one: Panel, shown: str, targets: Sequence[Target], board: DashboardFile, signals: Mapping[str, Signal]
) -> Iterator[dict[str, Any]]:
    """What single columns have of their own: units, links."""
    if shown in _ID_COLUMNS and TRACE_ID in names_of(board):
        yield _override(_ID_COLUMNS[shown], "links", [_choosing(board)])
    if shown != "table":
        return
    for query, target in zip(one.asked, targets, strict=True):
        heading = one.columns.get(target.ref, _field_name(target.ref, targets))
        yield _override(heading, "unit", of_query(query, signals, one))
    for key, url in one.links.items():
        heading = one.columns.get(key, _field_name(key, targets))
        yield _override(heading, "links", [{"title": heading, "url": url, "targetBlank": False}])
    if one.columns:
        headings = "|".join(re.escape(heading) for heading in one.columns.values())
        yield _override(f"^(?!(?:{headings})$).*$", "custom.hidden", value=True, by="byRegexp")


def _override(column: str, key: str, value: object, by: str = "byName") -> dict[str, Any]:
    return {"matcher": {"id": by, "options": column}, "properties": [{"id": key, "value": value}]}


def _choosing(board: DashboardFile) -> dict[str, Any]:
    """A link that shows the trace of a row in this same dashboard."""
    kept = "".join(f"&${{{name}:queryparam}}" for name in names_of(board) if name != TRACE_ID)
    url = f"/d/{board.uid}?${{__url_time_range}}{kept}&var-{TRACE_ID}=${{__value.raw}}"
    return {"title": "Show this trace here", "url": url, "targetBlank": False}


def columns(one: Panel, targets: Sequence[Target]) -> list[dict[str, Any]]:
    """Several queries become one table; columns are put in order and named.

    The others are hidden (see `overrides`) and not excluded: links may read them.
    """
    merged: list[dict[str, Any]] = [{"id": "merge", "options": {}}] if len(targets) > 1 else []
    fields = {key: _field_name(key, targets) for key in one.columns}
    organized = {
        "excludeByName": {} if one.columns else {"Time": True},
        "indexByName": {field: index for index, field in enumerate(fields.values())},
        "renameByName": {fields[key]: heading for key, heading in one.columns.items()},
    }
    return [*merged, {"id": "organize", "options": organized}]


def _field_name(key: str, targets: Sequence[Target]) -> str:
    if key in {target.ref for target in targets}:
        return f"Value #{key}" if len(targets) > 1 else "Value"
    return names.label_name(key)
