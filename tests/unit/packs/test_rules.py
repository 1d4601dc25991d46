from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.packs import rules
from obsdeck.packs.dashboards.identity import made_of

if TYPE_CHECKING:
    from obsdeck.packs.catalog import Catalog

    from .conftest import Repository


def groups(catalog: Catalog) -> dict[str, list[dict[str, Any]]]:
    (pack,) = catalog.packs
    return {group["name"]: group["rules"] for group in rules.groups(pack, catalog)}


def test_recordings_stand_before_alerts_in_one_group(shop: Catalog) -> None:
    assert [rule.get("record") or rule["alert"] for rule in groups(shop)["shop"]] == [
        "service:shop_orders:rate5m",
        "ShopFails",
        "ShopIdle",
    ]


def test_an_alert_by_level_asks_what_its_panel_asks_everywhere(shop: Catalog) -> None:
    part = 'sum by (service_name) (rate(shop_orders_total{shop_outcome="failed"}[5m]))'
    whole = "sum by (service_name) (rate(shop_orders_total[5m]))"
    assert groups(shop)["shop"][1] == {
        "alert": "ShopFails",
        "expr": f"(({part} or 0 * {whole}) / ({whole} > 0)) > 0.05",
        "for": "6m",
        "labels": {"severity": "critical"},
        "annotations": {
            "summary": "{{ $labels.service_name }} fails {{ $value | humanizePercentage }} of its orders",
            "description": "More than 5 % of the orders of {{ $labels.service_name }} fail.",
            "runbook_url": "runbooks/shop/ShopFails.md",
            "dashboard": "shop",
            "panel": str(made_of("shop", "Failing share")),
        },
    }


def test_an_alert_with_its_own_expression_keeps_it(shop: Catalog) -> None:
    assert groups(shop)["shop"][2]["expr"] == "service:shop_orders:rate5m == 0"


def test_objectives_become_groups_with_the_panel_of_their_runbook(shop: Catalog) -> None:
    burns = [
        rule for found in groups(shop).values() for rule in found if rule.get("alert") == "ShopBudgetBurns"
    ]
    assert [rule["labels"]["severity"] for rule in burns] == ["critical", "warning"]
    for rule in burns:
        assert rule["annotations"]["dashboard"] == "shop"
        assert rule["annotations"]["panel"] == str(made_of("shop", "Failing share"))
        assert rule["annotations"]["runbook_url"] == "runbooks/shop/ShopBudgetBurns.md"


def test_a_series_tells_where_each_alert_is_shown_and_answered(shop: Catalog) -> None:
    told = groups(shop)["shop-alerts"]
    assert [rule["labels"]["alertname"] for rule in told] == ["ShopFails", "ShopIdle", "ShopBudgetBurns"]
    assert told[0] == {
        "record": "obsdeck_alert_info",
        "expr": "vector(1)",
        "labels": {
            "alertname": "ShopFails",
            "pack": "shop",
            "runbook": f"/d/obsdeck-runbooks-shop?viewPanel={made_of('obsdeck-runbooks-shop', 'ShopFails')}",
            "shown": f"/d/shop?viewPanel={made_of('shop', 'Failing share')}",
        },
    }


def test_an_alert_with_two_severities_is_named_once(repository: Repository) -> None:
    repository.change("ShopIdle.md", "[warning]", "[warning, info]")
    alert = repository.file("alerts.yaml").read_text().partition("  - alert: ShopIdle")[2]
    alert = alert.replace("severity: warning", "severity: info").replace("    for: 10m\n", "")
    more = f"  - alert: ShopIdle{alert}"
    repository.put("alerts.yaml", repository.file("alerts.yaml").read_text() + more)
    pack, catalog = repository.pack()
    assert rules.names(pack) == ["ShopFails", "ShopIdle", "ShopBudgetBurns"]
    assert [rule["labels"]["alertname"] for rule in groups(catalog)["shop-alerts"]].count("ShopIdle") == 1


def test_a_pack_without_rules_has_no_groups(repository: Repository) -> None:
    for name in (
        "alerts.yaml",
        "slos.yaml",
        "tests/shop.yaml",
        "ShopFails.md",
        "ShopIdle.md",
        "ShopBudgetBurns.md",
    ):
        repository.file(name).unlink()
    repository.change("dashboards/shop.yaml", "        runbook: ShopFails\n", "")
    repository.change("dashboards/shop.yaml", 'service:shop_orders:rate5m{service_name=~"$service"}', "up")
    pack, catalog = repository.pack()
    assert rules.groups(pack, catalog) == []


def test_labels_and_timing_are_those_that_are_written(repository: Repository) -> None:
    repository.change("alerts.yaml", "    for: 10m", "    keep_firing_for: 1h\n    labels: {team: tills}")
    repository.change("alerts.yaml", "    expr: sum by", "    labels: {kind: shop}\n    expr: sum by")
    found = groups(repository.read().catalog)["shop"]
    assert found[0]["labels"] == {"kind": "shop"}
    assert "for" not in found[2]
    assert found[2]["keep_firing_for"] == "1h"
    assert found[2]["labels"] == {"severity": "warning", "team": "tills"}


def test_an_alert_on_a_panel_that_is_not_there_is_a_key_error(repository: Repository) -> None:
    repository.change("alerts.yaml", "panel: shop/Failing share", "panel: shop/Nothing")
    catalog = repository.read().catalog
    (pack,) = catalog.packs
    with pytest.raises(KeyError, match="shop/Nothing"):
        rules.expression(pack.alerts[0].value, catalog)
