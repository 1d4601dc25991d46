from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from obsdeck.packs import queries
from obsdeck.packs.dashboards import tables
from obsdeck.packs.model.dashboard import DashboardFile, Panel

from ..conftest import board  # noqa: TID252 - the tests of a package share its fixtures

if TYPE_CHECKING:
    from obsdeck.packs.catalog import Catalog

TWO = [
    {"name": "orders", "signal": "shop.orders", "by": ["service.name"]},
    {"name": "slow", "signal": "shop.order.duration", "by": ["service.name"]},
]


def table(**keys: Any) -> Panel:
    return Panel.model_validate({"title": "a", "description": "a", "show": "table", **keys})


def columns(one: Panel, shop: Catalog) -> list[dict[str, Any]]:
    return tables.columns(one, queries.targets(one, queries.within(board(shop)), shop.signals))


def overrides(one: Panel, shop: Catalog, file: DashboardFile | None = None) -> dict[str, dict[str, Any]]:
    used = file or board(shop)
    targets = queries.targets(one, queries.within(used), shop.signals)
    found: dict[str, dict[str, Any]] = {}
    for made in tables.overrides(one, one.show or "table", targets, used, shop.signals):
        for change in made["properties"]:
            found.setdefault(made["matcher"]["options"], {})[change["id"]] = change["value"]
    return found


def test_several_queries_become_one_table(shop: Catalog) -> None:
    assert [one["id"] for one in columns(table(queries=TWO), shop)] == ["merge", "organize"]
    assert [one["id"] for one in columns(table(signal="shop.orders"), shop)] == ["organize"]


def test_columns_are_ordered_and_named(shop: Catalog) -> None:
    one = table(queries=TWO, columns={"slow": "Slowest", "service.name": "Service"})
    assert columns(one, shop)[-1]["options"] == {
        "excludeByName": {},
        "indexByName": {"Value #slow": 0, "service_name": 1},
        "renameByName": {"Value #slow": "Slowest", "service_name": "Service"},
    }


def test_columns_that_are_not_named_are_hidden_and_may_still_be_read(shop: Catalog) -> None:
    found = overrides(table(queries=TWO, columns={"slow": "Slowest (s)", "service.name": "Service"}), shop)
    (hidden,) = [column for column, changes in found.items() if changes.get("custom.hidden")]
    names = ["Time", "Value #orders", "Slowest (s)", "Service", "Service 2"]
    assert [name for name in names if re.search(hidden, name)] == ["Time", "Value #orders", "Service 2"]


def test_without_columns_only_the_time_is_left_out(shop: Catalog) -> None:
    assert columns(table(signal="shop.orders"), shop)[-1]["options"]["excludeByName"] == {"Time": True}


def test_each_column_has_the_unit_of_its_query(shop: Catalog) -> None:
    one = table(queries=TWO, columns={"slow": "Slowest", "service.name": "Service"})
    found = overrides(one, shop)
    assert found["Slowest"]["unit"] == "s"
    assert found["Value #orders"]["unit"] == "cps"
    assert overrides(table(signal="shop.orders"), shop)["Value"]["unit"] == "cps"


def test_a_column_may_link_somewhere(shop: Catalog) -> None:
    one = table(
        signal="shop.orders",
        by=["service.name"],
        columns={"service.name": "Service"},
        links={"service.name": "/d/x"},
    )
    assert overrides(one, shop)["Service"]["links"] == [
        {"title": "Service", "url": "/d/x", "targetBlank": False}
    ]


def test_a_trace_is_chosen_where_the_dashboard_has_a_field_for_it(shop: Catalog) -> None:
    field = {"name": "trace_id", "title": "Trace", "text": ""}
    file = DashboardFile.model_validate(
        {"uid": "a", "title": "a", "description": "a", "variables": ["service", field]}
    )
    traces = Panel(title="a", description="a", show="traces", query="{ }")
    (link,) = overrides(traces, shop, file)["traceID"]["links"]
    assert link["url"] == (
        "/d/a?${__url_time_range}&${datasource:queryparam}&${service:queryparam}&var-trace_id=${__value.raw}"
    )
    assert overrides(traces, shop) == {}
