"""The collector's own metrics: what it took in, passed on, queued and lost.

Names as the collector 0.155.0 exposes them; with or without the `_total` that other readers'
settings append.
"""

from __future__ import annotations

from dataclasses import dataclass

from obsdeck.backends import http

ITEMS = {"traces": "spans", "metrics": "metric_points", "logs": "log_records"}
"""Signal to the collector's word for its items."""

FILTERED_POINTS = "otelcol_processor_filter_datapoints_filtered"


@dataclass(frozen=True)
class Flow:
    """What has become of one signal's items since the collector was started.

    Attributes:
        accepted: Taken in.
        refused: Refused by a receiver: the sender was told, and has to send again.
        sent: Taken by the backend.
        failed: Given up, lost.
        not_queued: Lost because the queue was full or could not be written.
        queued: Requests that wait now, those under way included.
    """

    accepted: int
    refused: int
    sent: int
    failed: int
    not_queued: int
    queued: int


def flows(metrics_url: str) -> dict[str, Flow]:
    """What has become of the items of each signal: traces, metrics, logs.

    Args:
        metrics_url: Where the collector answers with its own metrics, `/metrics` included.

    Raises:
        UnreachableError: It does not answer.
        HttpError: It refuses.
    """
    totals = _totals(metrics_url)
    return {signal: _flow(totals, signal, items) for signal, items in ITEMS.items()}


def filtered_points(metrics_url: str) -> int:
    """Metric points that filter processors have dropped since the start. Raises as `flows`."""
    return int(_totals(metrics_url).get((FILTERED_POINTS, ""), 0))


def _totals(metrics_url: str) -> dict[tuple[str, str], float]:
    """The sum over all label sets, by name and signal (where a metric is told apart by signal)."""
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415 - 80 ms, only here

    totals: dict[tuple[str, str], float] = {}
    for family in text_string_to_metric_families(http.get(metrics_url).text):
        for sample in family.samples:
            key = (sample.name.removesuffix("_total"), sample.labels.get("data_type", ""))
            totals[key] = totals.get(key, 0) + sample.value
    return totals


def _flow(totals: dict[tuple[str, str], float], signal: str, items: str) -> Flow:
    def total(stem: str) -> int:
        return int(totals.get((f"otelcol_{stem}_{items}", ""), 0))

    return Flow(
        accepted=total("receiver_accepted"),
        refused=total("receiver_refused"),
        sent=total("exporter_sent"),
        failed=total("exporter_send_failed"),
        not_queued=total("exporter_enqueue_failed"),
        queued=int(totals.get(("otelcol_exporter_queue_size", signal), 0)),
    )
