"""Links from what is selected in a panel to its traces and its log lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from obsdeck import names
from obsdeck.grafana.explore import explore_url
from obsdeck.packs import promql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.model.dashboard import DashboardFile, Panel, Query

_ON_SPANS = ("http.route", "http.request.method")
_STATUS = "http.response.status_code"
_NOTHING_TO_FOLLOW = frozenset({"text", "logs", "traces", "trace", "graph"})


def data_links(panel: Panel, shown: str, board: DashboardFile, catalog: Catalog) -> list[dict[str, Any]]:
    """What a click on a line or a cell offers; empty where the data is of no service."""
    if (
        not panel.follow
        or shown in _NOTHING_TO_FOLLOW
        or not all(_of_service(q, catalog) for q in panel.asked)
    ):
        return []
    query = panel.asked[0]
    by = set(query.by) if query.signal else _kept(query)
    # In a table the labels of a series are the fields of a row.
    clicked = "__data.fields" if shown == "table" else "__field.labels"
    service = _service(by, board, clicked)
    if not service:
        return []
    conditions = [f'resource.service.name =~ "{service}"', *_conditions(query, by, clicked)]
    traces = explore_url("tempo", f"{{ {' && '.join(conditions)} }}")
    logs = explore_url("loki", f'{{service_name=~"{service}"}}')
    return [
        {"title": "Traces of what is selected", "url": traces, "targetBlank": True},
        {"title": "Log lines of the service", "url": logs, "targetBlank": True},
    ]


def _service(by: set[str], board: DashboardFile, clicked: str) -> str:
    if "service.name" in by:
        return f"${{{clicked}.service_name}}"
    return "${service:pipe}" if "service" in board.variables else ""


def _conditions(query: Query, by: set[str], clicked: str) -> Iterator[str]:
    for key in _ON_SPANS:
        if key in by:
            yield f'span.{key} = "${{{clicked}.{names.label_name(key)}}}"'
    if str(query.where.get(_STATUS, "")).startswith("~5"):
        yield f"span.{_STATUS} >= 500"


def _of_service(query: Query, catalog: Catalog) -> bool:
    if query.signal:
        return catalog.signals[query.signal].emitted_by.via == "otlp"
    # What is written out is of a service where it names one, or is narrowed by the one that is chosen.
    return bool(re.search(r"\bservice_name\b|\$\{?service\b", query.query or ""))


def _kept(query: Query) -> set[str]:
    text = query.query or ""
    if query.language == "logql":
        found = re.search(r"\bby\s*\(([^()]*)\)", text)
        labels = [label.strip() for label in found[1].split(",")] if found else []
    else:
        labels = list(promql.grouped_by(text) or ())
    return {key for key in ("service.name", *_ON_SPANS) if names.label_name(key) in labels}
