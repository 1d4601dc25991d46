from __future__ import annotations

from typing import Any

import pytest

from obsdeck.backends import collector

METRICS = """\
# TYPE otelcol_exporter_queue_size gauge
otelcol_exporter_queue_size{data_type="logs",exporter="otlp_http/loki"} 3
otelcol_exporter_queue_size{data_type="traces",exporter="otlp_http/tempo"} 0
# TYPE otelcol_exporter_send_failed_log_records counter
otelcol_exporter_send_failed_log_records{error_permanent="true",url_path="/otlp/v1/logs"} 2
otelcol_exporter_send_failed_log_records{error_permanent="false",url_path="/otlp/v1/logs"} 5
# TYPE otelcol_exporter_sent_log_records counter
otelcol_exporter_sent_log_records{exporter="otlp_http/loki"} 40
# TYPE otelcol_receiver_accepted_log_records counter
otelcol_receiver_accepted_log_records{receiver="otlp",transport="http"} 30
otelcol_receiver_accepted_log_records{receiver="otlp",transport="grpc"} 20
# TYPE otelcol_processor_filter_datapoints_filtered counter
otelcol_processor_filter_datapoints_filtered{filter="filter/a"} 1
otelcol_processor_filter_datapoints_filtered{filter="filter/b"} 2
"""


@pytest.mark.parametrize("suffix", ["", "_total"])
def test_counters_are_added_up_by_signal(server: Any, suffix: str) -> None:
    server.answers["/metrics"] = (200, METRICS.replace("_log_records{", f"_log_records{suffix}{{"))
    flows = collector.flows(f"{server.url}/metrics")
    assert flows["logs"] == collector.Flow(accepted=50, refused=0, sent=40, failed=7, not_queued=0, queued=3)


def test_what_did_not_happen_yet_counts_as_nothing(server: Any) -> None:
    server.answers["/metrics"] = (200, METRICS)
    flows = collector.flows(f"{server.url}/metrics")
    assert flows["metrics"] == collector.Flow(0, 0, 0, 0, 0, 0)


def test_points_of_all_filters_are_added_up(server: Any) -> None:
    server.answers["/metrics"] = (200, METRICS)
    assert collector.filtered_points(f"{server.url}/metrics") == 3
