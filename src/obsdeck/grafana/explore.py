"""Addresses of Grafana's Explore page, which open it on a query."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_QUERY: Mapping[str, Mapping[str, Any]] = {
    "prometheus": {"expr": None, "range": True, "instant": False},
    "loki": {"expr": None, "queryType": "range"},
    "tempo": {"query": None, "queryType": "traceql", "limit": 20, "tableType": "traces", "filters": []},
}


def explore_url(datasource: str, query: str, *, start: str = "${__from}", end: str = "${__to}") -> str:
    """The address of Explore on a query, relative to Grafana.

    Grafana puts its own variables (`${...}`) into it, so they stay as they are.

    Args:
        datasource: `prometheus`, `loki` or `tempo`: the uid and the type of the data source.
        query: PromQL, LogQL, TraceQL or a trace's id.
        start: Milliseconds since the epoch, or a variable.
        end: The same.
    """
    body = {key: query if value is None else value for key, value in _QUERY[datasource].items()}
    pane = {
        "datasource": datasource,
        "queries": [{"refId": "A", "datasource": {"type": datasource, "uid": datasource}, **body}],
        "range": {"from": start, "to": end},
    }
    text = json.dumps({"obsdeck": pane}, separators=(",", ":"))
    parts = re.split(r"(\$\{[^}]*\})", text)
    parts[::2] = [quote(part, safe="") for part in parts[::2]]
    return f"/explore?schemaVersion=1&orgId=1&panes={''.join(parts)}"


@dataclass(frozen=True)
class Pane:
    """One half of the page.

    Attributes:
        datasource: The uid that is chosen at its head.
        queries: Its queries, as the targets of a panel.
        range: From and to, as written.
    """

    datasource: str
    queries: tuple[Mapping[str, Any], ...]
    range: tuple[str, str]


def panes(url: str) -> tuple[Pane, ...]:
    """The panes that an address of Explore opens, left to right.

    Raises:
        ValueError: It is no address of Explore, or Grafana could not read what it says.
    """
    parts = urlsplit(url)
    if not parts.path.rstrip("/").endswith("/explore"):
        raise ValueError("this is no address of Explore")
    written = parse_qs(parts.query).get("panes", [""])[0]
    try:
        document = json.loads(written)
        found = tuple(_pane(one) for one in document.values())
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"its panes cannot be read ({error})") from error
    if not found:
        raise ValueError("it has no panes")
    return found


def _pane(one: Mapping[str, Any]) -> Pane:
    span = one.get("range") or {}
    if not all(isinstance(query, dict) for query in one["queries"]):
        raise TypeError("a query is no object")
    return Pane(
        datasource=str(one.get("datasource") or ""),
        queries=tuple(one["queries"]),
        range=(str(span.get("from", "now-1h")), str(span.get("to", "now"))),
    )
