from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.packs.dashboards import units
from obsdeck.packs.model.dashboard import Panel, Query

if TYPE_CHECKING:
    from obsdeck.packs.catalog import Catalog


@pytest.mark.parametrize(
    ("asked", "unit"),
    [
        ({"signal": "shop.orders"}, "cps"),
        ({"signal": "shop.orders", "measure": "per_minute"}, "cpm"),
        ({"signal": "shop.orders", "measure": "increase"}, "short"),
        ({"signal": "shop.order.duration"}, "s"),
        ({"signal": "shop.order.duration", "measure": "rate"}, "cps"),
        ({"signal": "shop.order.duration", "measure": "mean"}, "s"),
        ({"signal": "shop.order.duration", "measure": "increase"}, "short"),
        ({"signal": "shop.fill"}, "percentunit"),
        ({"signal": "till_last_sale_timestamp_seconds", "measure": "age"}, "s"),
        ({"signal": "shop.orders", "unit": "ops"}, "ops"),
        ({"query": "up"}, "short"),
    ],
)
def test_a_unit_follows_from_signal_and_measure(shop: Catalog, asked: dict[str, Any], unit: str) -> None:
    assert units.of_query(Query.model_validate(asked), shop.signals) == unit


def test_a_query_without_a_unit_has_that_of_its_panel(shop: Catalog) -> None:
    panel = Panel(title="a", description="a", query="up", unit="ops")
    assert units.of_query(Query(query="up"), shop.signals, panel) == "ops"
    assert units.of_query(Query(query="up", unit="s"), shop.signals, panel) == "s"


def test_a_panel_has_the_unit_of_its_first_signal(shop: Catalog) -> None:
    queries = (Query(query="up"), Query(signal="shop.order.duration"))
    assert units.of_query(Panel(title="a", description="a", queries=queries), shop.signals) == "s"
