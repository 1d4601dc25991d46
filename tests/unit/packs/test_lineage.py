from __future__ import annotations

from typing import TYPE_CHECKING

from obsdeck.packs import lineage

if TYPE_CHECKING:
    from obsdeck.packs.catalog import Catalog

    from .conftest import Repository

ORDERS = "shop_orders_total"


def used(catalog: Catalog, name: str) -> list[tuple[str, str]]:
    return [(use.kind, use.name) for use in lineage.asked(catalog).get(name, ())]


def test_everything_that_asks_for_a_metric_is_told_in_order_of_kind(shop: Catalog) -> None:
    assert used(shop, ORDERS) == [
        ("recording", "service:shop_orders:rate5m"),
        ("alert", "ShopFails"),
        ("slo", "shop/orders"),
        ("panel", "shop/Failing share"),
        ("panel", "shop/Orders"),
        ("runbook", "ShopBudgetBurns"),
        ("runbook", "ShopFails"),
        ("runbook", "ShopIdle"),
        ("link", "Orders per second"),
    ]


def test_a_histogram_is_asked_for_by_its_series(shop: Catalog) -> None:
    assert used(shop, "shop_order_duration_seconds_bucket") == [("panel", "shop/Duration")]
    assert used(shop, "shop_order_duration_seconds_sum") == []


def test_what_breaks_goes_on_through_what_is_recorded(shop: Catalog) -> None:
    broken = [(use.kind, use.name) for use in lineage.downstream(ORDERS, shop)]
    assert ("alert", "ShopIdle") in broken
    assert ("panel", "shop/Orders of the day") in broken
    assert len(broken) == len(set(broken)) == 11


def test_a_pattern_asks_for_all_that_it_matches(repository: Repository) -> None:
    repository.change(
        "dashboards/shop.yaml",
        'query: service:shop_orders:rate5m{service_name=~"$service"}',
        'query: "{__name__=~\\"shop_o.*\\"}"',
    )
    catalog = repository.catalog()
    for name in (ORDERS, "shop_order_duration_seconds_sum"):
        assert ("panel", "shop/Orders of the day") in used(catalog, name)
    assert ("panel", "shop/Orders of the day") not in used(catalog, "shop_fill_ratio")


def test_a_use_stands_where_it_is_written(shop: Catalog) -> None:
    places = {(use.kind, use.name): use.place for use in lineage.asked(shop)[ORDERS]}
    for use, wanted in (
        (("panel", "shop/Orders"), "signal: shop.orders"),
        (("alert", "ShopFails"), "level: critical"),
        (("slo", "shop/orders"), "error_query: "),
        (("runbook", "ShopFails"), "sum by (service_name, shop_outcome)"),
    ):
        place = places[use]
        assert wanted in place.path.read_text(encoding="utf-8").splitlines()[place.line - 1]


def test_an_emitted_series_tells_who_emits_it(shop: Catalog) -> None:
    assert lineage.source(ORDERS, shop) == {
        "signal": "shop.orders",
        "instrument": "counter",
        "unit": "{order}",
        "emitted_by": {"via": "otlp", "scope": "shop", "file": "shop/orders.py"},
    }


def test_a_recorded_series_tells_what_it_is_made_of(shop: Catalog) -> None:
    assert lineage.source("service:shop_orders:rate5m", shop) == {
        "recorded_by": "sum by (service_name) (rate(shop_orders_total[5m]))"
    }


def test_the_document_has_every_metric_with_its_source_and_its_uses(shop: Catalog) -> None:
    found = lineage.document(shop)
    assert found["schema_version"] == 1
    assert set(found["metrics"]) == {*shop.series, *shop.recorded}
    assert all({"signal", "recorded_by"} & set(one) for one in found["metrics"].values())
    assert {"kind": "panel", "name": "shop/Orders", "pack": "shop"} in found["metrics"][ORDERS]["used_by"]


def test_what_does_not_parse_is_left_to_the_checks(repository: Repository) -> None:
    repository.change("alerts.yaml", "expr: service:shop_orders:rate5m == 0", "expr: sum(")
    repository.change("alerts.yaml", "panel: shop/Failing share", "panel: shop/Nothing")
    repository.change("dashboards/shop.yaml", "signal: shop.fill", "signal: shop.full")
    kinds = {use.kind for use in lineage.asked(repository.read().catalog)[ORDERS]}
    assert kinds == {"recording", "slo", "panel", "runbook", "link"}


def test_a_signal_that_nothing_asks_for_is_told(repository: Repository) -> None:
    repository.change("dashboards/shop.yaml", "signal: shop.queue.size", "signal: shop.fill")
    assert repository.found() == ["unused-signal"]
