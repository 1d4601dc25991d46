from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from obsdeck.errors import UsageError
from obsdeck.packs import signal, source
from obsdeck.packs.model.pack import EmittedBy
from obsdeck.packs.model.signal import Group
from obsdeck.packs.source import Sourced

if TYPE_CHECKING:
    from pathlib import Path

    from obsdeck.packs.catalog import Catalog

COUNTER = Group(id="metric.a", type="metric", brief="a", metric_name="a", instrument="counter", unit="By")


def test_the_name_in_prometheus_follows_from_name_unit_and_instrument(shop: Catalog) -> None:
    assert {one.name: one.metric for one in shop.signals.values()} == {
        "shop.orders": "shop_orders_total",
        "shop.order.duration": "shop_order_duration_seconds",
        "shop.queue.size": "shop_queue_size",
        "shop.fill": "shop_fill_ratio",
        "till_last_sale_timestamp_seconds": "till_last_sale_timestamp_seconds",
    }


def test_a_histogram_has_three_series_and_others_one(shop: Catalog) -> None:
    name = "shop_order_duration_seconds"
    assert shop.signals["shop.order.duration"].series == (f"{name}_bucket", f"{name}_count", f"{name}_sum")
    assert shop.signals["shop.orders"].series == ("shop_orders_total",)


def test_what_a_service_sends_has_the_labels_of_its_resource(shop: Catalog) -> None:
    orders, till = shop.signals["shop.orders"], shop.signals["till_last_sale_timestamp_seconds"]
    assert {"shop_outcome", "service_name", "deployment_environment_name", "job", "instance"} <= orders.labels
    assert orders.has("service.name")
    assert not orders.has("shop.lane")
    assert "service_name" not in till.labels
    assert not till.has("service.name")
    assert till.has("till")
    assert till.has("job")


def test_only_a_histogram_has_buckets(shop: Catalog) -> None:
    assert "le" in shop.signals["shop.order.duration"].labels
    assert "le" not in shop.signals["shop.orders"].labels


def test_a_signal_is_emitted_by_whom_the_pack_says_unless_it_says_otherwise(shop: Catalog) -> None:
    assert shop.signals["shop.orders"].emitted_by == EmittedBy(scope="shop", file="shop/orders.py")
    assert shop.signals["till_last_sale_timestamp_seconds"].emitted_by == EmittedBy(
        via="scrape", job="tills", needs="a till"
    )


def test_what_is_scraped_keeps_its_name(tmp_path: Path) -> None:
    group = Sourced(COUNTER.model_copy(update={"metric_name": "node_reads"}), source.parse("", tmp_path))
    assert signal.resolve(group, "host", EmittedBy(via="scrape")).metric == "node_reads"
    assert signal.resolve(group, "host", EmittedBy()).metric == "node_reads_bytes_total"


def test_a_name_without_a_letter_is_refused(tmp_path: Path) -> None:
    broken = COUNTER.model_copy(update={"metric_name": "...", "instrument": "gauge", "unit": ""})
    with pytest.raises(UsageError, match="no letter or digit"):
        signal.resolve(Sourced(broken, source.parse("", tmp_path)), "shop", EmittedBy())
