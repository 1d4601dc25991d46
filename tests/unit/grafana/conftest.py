"""Three data sources, wired as a provisioning file would, and one real HTTP server behind all of them."""

from __future__ import annotations

import pytest

from obsdeck.grafana.sources import DataSource, DataSources
from tests.unit.backends.conftest import server

__all__ = ["server"]

URL = "http://127.0.0.1:9"


@pytest.fixture
def sources() -> DataSources:
    return DataSources(
        (
            DataSource(
                "prometheus",
                "Prometheus",
                "prometheus",
                URL,
                {
                    "timeInterval": "15s",
                    "exemplarTraceIdDestinations": [
                        {"name": "trace_id", "datasourceUid": "tempo", "urlDisplayLabel": "Open trace"}
                    ],
                },
                default=True,
            ),
            DataSource(
                "tempo",
                "Tempo",
                "tempo",
                URL,
                {
                    "serviceMap": {"datasourceUid": "prometheus"},
                    "tracesToLogsV2": {
                        "datasourceUid": "loki",
                        "spanStartTimeShift": "-5m",
                        "spanEndTimeShift": "5m",
                        "tags": [{"key": "service.name", "value": "service_name"}],
                        "customQuery": True,
                        "query": '{${__tags}} | trace_id = "${__trace.traceId}"',
                    },
                    "tracesToMetrics": {
                        "datasourceUid": "prometheus",
                        "tags": [{"key": "service.name", "value": "service_name"}, {"key": "http.route"}],
                        "queries": [{"name": "Rate", "query": "rate(x{$__tags}[$__rate_interval])"}],
                    },
                },
            ),
            DataSource(
                "loki",
                "Loki",
                "loki",
                URL,
                {
                    "maxLines": 500,
                    "derivedFields": [
                        {
                            "name": "Trace",
                            "matcherType": "label",
                            "matcherRegex": "trace_id",
                            "url": "${__value.raw}",
                            "datasourceUid": "tempo",
                        }
                    ],
                },
            ),
        )
    )
