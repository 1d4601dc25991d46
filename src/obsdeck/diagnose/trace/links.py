"""Where a trace, its logs and its metrics can be opened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from obsdeck.diagnose.trace.logs import of_trace
from obsdeck.diagnose.trace.metrics import WINDOW, routes, selector
from obsdeck.stack.components import GRAFANA, TEMPO

if TYPE_CHECKING:
    from obsdeck.diagnose.trace.model import Trace
    from obsdeck.stack.environment import Settings

_AROUND_SECONDS = 900


def grafana(settings: Settings, trace: Trace) -> dict[str, str]:
    """Grafana's Explore with the trace, its logs and its metrics: what it shows to its URL.

    The uids are those of `observability/generated/datasources/obsdeck.yaml`.
    """
    base = GRAFANA.url(settings)
    links = {
        "trace": _explore(base, trace, "tempo", {"queryType": "traceql", "query": trace.id}),
        "logs": _explore(base, trace, "loki", {"queryType": "range", "expr": of_trace(trace.id)}),
    }
    wanted = routes(trace)
    if wanted:
        buckets = f"rate(http_server_request_duration_seconds_bucket{{{selector(wanted)}}}[{WINDOW}s])"
        p95 = f"histogram_quantile(0.95, sum by (le, service_name, http_route) ({buckets}))"
        links["metrics"] = _explore(base, trace, "prometheus", {"range": True, "exemplar": True, "expr": p95})
    return links


def tempo(settings: Settings, trace: Trace) -> dict[str, str]:
    """The trace as Tempo's API has it, where there is no Grafana."""
    return {"trace": f"{TEMPO.url(settings)}/api/v2/traces/{trace.id}"}


def _explore(base: str, trace: Trace, source: str, query: dict[str, Any]) -> str:
    """Facts: https://grafana.com/docs/grafana/latest/explore/get-started-with-explore/."""
    first = trace.start // 10**6 - _AROUND_SECONDS * 1000
    last = trace.end // 10**6 + _AROUND_SECONDS * 1000
    pane = {
        "datasource": source,
        "queries": [{"refId": "A", "datasource": {"type": source, "uid": source}, **query}],
        "range": {"from": str(first), "to": str(last)},
    }
    words = {"schemaVersion": "1", "orgId": "1", "panes": json.dumps({"trace": pane})}
    return f"{base}/explore?{urlencode(words)}"
