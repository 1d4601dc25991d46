"""Grafana's data sources, with every link between metrics, traces and logs.

    metric -> trace   an exemplar's trace_id opens the trace
    trace -> log      the lines that carry the trace's id, in the service of the span
    trace -> metric   what the packs' `links.yaml` offer, for the service of the span
    log -> trace      trace_id of the line

Facts: https://grafana.com/docs/grafana/latest/datasources/tempo/configure-tempo-data-source/provision/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from obsdeck.packs.catalog import Catalog

# `$$` is a `$` that Grafana must see: a single one is expanded from its environment.
_TAGS = [{"key": "service.name", "value": "service_name"}]


def document(catalog: Catalog) -> dict[str, Any]:
    """The provisioning file; addresses come from Grafana's environment."""
    return {"apiVersion": 1, "datasources": [_prometheus(), _tempo(catalog), _loki(), _alertmanager()]}


def _prometheus() -> dict[str, Any]:
    return {
        **_source("Prometheus", "prometheus"),
        "isDefault": True,
        "jsonData": {
            "httpMethod": "POST",
            "prometheusType": "Prometheus",
            "manageAlerts": True,
            # $__rate_interval is four times this: the interval of scrapes and of span metrics.
            "timeInterval": "15s",
            "exemplarTraceIdDestinations": [
                {"name": "trace_id", "datasourceUid": "tempo", "urlDisplayLabel": "Open trace"}
            ],
        },
    }


def _tempo(catalog: Catalog) -> dict[str, Any]:
    offered = [one.value for pack in catalog.packs for one in pack.links]
    return {
        **_source("Tempo", "tempo"),
        "jsonData": {
            # A line may be written before its span starts or after it ends, and clocks differ.
            "tracesToLogsV2": {
                "datasourceUid": "loki",
                "spanStartTimeShift": "-5m",
                "spanEndTimeShift": "5m",
                "tags": _TAGS,
                "customQuery": True,
                "query": '{$${__tags}} | trace_id = "$${__trace.traceId}"',
            },
            # Wide enough for at least one rate, whatever the span's length.
            "tracesToMetrics": {
                "datasourceUid": "prometheus",
                "spanStartTimeShift": "-15m",
                "spanEndTimeShift": "15m",
                "tags": _TAGS,
                "queries": [
                    {"name": one.name, "query": one.query.strip().replace("$", "$$")} for one in offered
                ],
            },
            "serviceMap": {"datasourceUid": "prometheus"},
            "nodeGraph": {"enabled": True},
            "spanBar": {"type": "Tag", "tag": "http.route"},
            # The embedded trace store, which takes Tempo's place where there is none, does not stream.
            "streamingEnabled": {"search": False, "metrics": False},
        },
    }


def _loki() -> dict[str, Any]:
    # The trace id of a line is structured metadata, which Grafana treats as a label.
    derived = {
        "name": "Trace",
        "matcherType": "label",
        "matcherRegex": "trace_id",
        "url": "$${__value.raw}",
        "datasourceUid": "tempo",
        "urlDisplayLabel": "Open trace",
    }
    return {**_source("Loki", "loki"), "jsonData": {"maxLines": 1000, "derivedFields": [derived]}}


def _alertmanager() -> dict[str, Any]:
    options = {"implementation": "prometheus", "handleGrafanaManagedAlerts": False}
    return {**_source("Alertmanager", "alertmanager"), "jsonData": options}


def _source(name: str, kind: str) -> dict[str, Any]:
    return {
        "name": name,
        "uid": kind,
        "type": kind,
        "access": "proxy",
        "url": f"${{OBSDECK_{kind.upper()}_URL}}",
        "editable": False,
    }
