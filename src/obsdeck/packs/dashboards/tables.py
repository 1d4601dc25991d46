"""Tables: several queries in one, columns in order, and what a click in a column opens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from obsdeck import names
from obsdeck.packs import promql
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
    for field in sorted(_linked(one)):
        yield _override(field, "custom.hidden", value=True)


def _linked(one: Panel) -> set[str]:
    """Fields that only links read: a field that is excluded would be gone for them too."""
    read = {name for url in one.links.values() for name in re.findall(r"__data\.fields\.(\w+)", url)}
    return read - one.columns.keys() if one.columns else set()


def _override(column: str, key: str, value: object) -> dict[str, Any]:
    return {"matcher": {"id": "byName", "options": column}, "properties": [{"id": key, "value": value}]}


def _choosing(board: DashboardFile) -> dict[str, Any]:
    """A link that shows the trace of a row in this same dashboard."""
    kept = "".join(f"&${{{name}:queryparam}}" for name in names_of(board) if name != TRACE_ID)
    url = f"/d/{board.uid}?${{__url_time_range}}{kept}&var-{TRACE_ID}=${{__value.raw}}"
    return {"title": "Show this trace here", "url": url, "targetBlank": False}


def columns(one: Panel, targets: Sequence[Target]) -> list[dict[str, Any]]:
    """Several queries become one table; columns are put in order, named, and the rest is hidden."""
    merged: list[dict[str, Any]] = [{"id": "merge", "options": {}}] if len(targets) > 1 else []
    if not one.columns:
        hidden = {"id": "organize", "options": {"excludeByName": {"Time": True}}}
        return [*merged, hidden]
    fields = {key: _field_name(key, targets) for key in one.columns}
    labels = {names.label_name(key) for query in one.asked for key in query.by}
    written = (target.expr for target in targets if target.language == "promql")
    labels |= {label for expr in written for label in promql.grouped_by(expr) or ()}
    values = {_field_name(target.ref, targets) for target in targets}
    others = {"Time", *labels, *values} - set(fields.values()) - _linked(one)
    organized = {
        "excludeByName": dict.fromkeys(sorted(others), True),
        "indexByName": {field: index for index, field in enumerate(fields.values())},
        "renameByName": {fields[key]: heading for key, heading in one.columns.items()},
    }
    return [*merged, {"id": "organize", "options": organized}]


def _field_name(key: str, targets: Sequence[Target]) -> str:
    if key in {target.ref for target in targets}:
        return f"Value #{key}" if len(targets) > 1 else "Value"
    return names.label_name(key)
