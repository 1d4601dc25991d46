"""Packs against reality: what is emitted is declared, and what is declared is emitted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from obsdeck.backends import prometheus
from obsdeck.packs import deck
from tests.stack.conftest import ROOT, LostError, Observed

if TYPE_CHECKING:
    from obsdeck.packs.signal import Signal

pytestmark = pytest.mark.stack

CATALOG = deck.read([ROOT / "observability" / "packs"]).catalog
EMITTERS = {
    "the quickstart": '{service_name="quickstart"}',
    "the collector": '{job="collector"}',
    "span metrics": '{__name__=~"traces_.+"}',
}
UNDECLARED = {
    "otel_sdk_exporter_.+_inflight": "exports take too short to be seen by looking now and then",
    "quickstart_items_viewed_total": "an example of a metric of one's own",
    "otelcol_exporter_in_flight_requests": "the queue behind it tells the same, and earlier",
    "otelcol_process_runtime_total_.+": "the resident memory says what matters",
    "otelcol_processor_(incoming|outgoing)_items": "receivers and exporters count the same items",
    "otelcol_processor_memory_limiter_accepted_.+": "receivers count the same items",
    "otelcol_receiver_failed_.+": "the difference between accepted and stored is seen at the exporters",
    "traces_service_graph_request_client_.+": "the server's side tells it, but for the network",
    "promhttp_metric_handler_errors_total": "a scrape that fails is told by `up`",
}
"""Emitted, and of no use to a dashboard or an alert; by pattern."""
COMPARED = {"http", "python", "pipeline", "logs", "host", "alertmanager"}
ABSENT = {
    "http.client.request.duration": "the quickstart calls nobody",
    "db.client.operation.duration": "the quickstart asks no database",
    "otelcol_exporter_send_failed_.+": "counted from the first failure on",
    "otelcol_processor_memory_limiter_refused_.+": "counted from the first refusal on",
    "loki_discarded_samples_total": "counted from the first discarded line on",
    "tempo_discarded_spans_total": "counted from the first discarded span on",
    "obsdeck.exporter.rejected": "counted from the first rejection on",
    "alertmanager_notifications_suppressed_total": "counted from the first one that was held back",
    "node_pressure_.+": "not every kernel has it",
    "traces_service_graph_.+": "Tempo alone makes it, once a request has gone from one service to another",
}
"""Declared, and not there as long as nothing happens; by pattern."""


def live(world: Observed, selector: str = "") -> set[str]:
    return set(prometheus.label_values(world.stack.urls["prometheus"], "__name__", selector))


def excused(name: str, reasons: dict[str, str]) -> bool:
    return any(re.fullmatch(pattern, name) for pattern in reasons)


@pytest.mark.parametrize("emitter", EMITTERS)
def test_every_metric_that_we_emit_is_declared(observed: Observed, emitter: str) -> None:
    def emitted() -> set[str]:
        if found := live(observed, EMITTERS[emitter]):
            return found
        raise LostError(f"{emitter} has sent nothing yet")

    unknown = observed.until_found(emitted) - CATALOG.names
    assert sorted(name for name in unknown if not excused(name, UNDECLARED)) == []


@pytest.mark.parametrize("pack", sorted(COMPARED & {one.name for one in CATALOG.packs}))
def test_every_declared_metric_is_emitted(observed: Observed, pack: str) -> None:
    """But for those that need something that is not there."""
    if pack == "host" and "node-exporter" not in observed.stack.urls:
        pytest.skip("node_exporter is not there")
    signals = [one for one in CATALOG.signals.values() if one.pack == pack and not one.emitted_by.needs]

    def follow() -> None:
        if missing := [name for name in absent(observed, signals) if not excused(name, ABSENT)]:
            raise LostError(f"nobody emits {missing}")

    observed.until_found(follow)


def absent(world: Observed, signals: list[Signal]) -> list[str]:
    there = live(world)
    return sorted(one.name for one in signals if there.isdisjoint(one.series))


def test_a_metric_that_nobody_declares_would_be_found(with_embedded_store: Observed) -> None:
    found = live(with_embedded_store, EMITTERS["the quickstart"]) - CATALOG.names
    assert "quickstart_items_viewed_total" in found


def test_a_metric_that_nobody_emits_would_be_found(with_embedded_store: Observed) -> None:
    signals = [one for one in CATALOG.signals.values() if one.pack == "redis"]
    assert len(absent(with_embedded_store, signals)) == len(signals) > 0
