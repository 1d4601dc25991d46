from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.packs.dashboards import panels, runbooks
from obsdeck.packs.dashboards.identity import made_of
from obsdeck.packs.model.dashboard import Panel

from ..conftest import board, panel_of  # noqa: TID252 - the tests of a package share its fixtures

if TYPE_CHECKING:
    from obsdeck.packs.catalog import Catalog

    from ..conftest import Repository  # noqa: TID252

PLACE = {"x": 0, "y": 1, "w": 12, "h": 8}


def made(one: Panel, catalog: Catalog) -> dict[str, Any]:
    return panels.panel(one, board(catalog), catalog, runbooks.places(catalog), PLACE)


def defaults(one: Panel, catalog: Catalog) -> dict[str, Any]:
    found: dict[str, Any] = made(one, catalog)["fieldConfig"]["defaults"]
    return found


def test_a_panel_says_what_it_shows_and_where(shop: Catalog) -> None:
    found = made(panel_of(shop, "Orders"), shop)
    assert (found["id"], found["type"], found["gridPos"]) == (made_of("shop", "Orders"), "timeseries", PLACE)
    assert found["description"] == "Orders per second."
    assert found["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert found["targets"][0]["legendFormat"] == "{{service_name}} {{shop_outcome}}"


def test_levels_are_thresholds_and_colours(shop: Catalog) -> None:
    found = defaults(panel_of(shop, "Failing share"), shop)
    assert [(one["value"], one["color"]) for one in found["thresholds"]["steps"]] == [
        (None, "green"),
        (0.01, "orange"),
        (math.nextafter(0.05, 1), "red"),
    ]
    assert found["color"] == {"mode": "thresholds"}


def test_levels_of_lines_are_lines_and_not_their_colours(shop: Catalog) -> None:
    found = defaults(panel_of(shop, "Failing share", show="timeseries"), shop)
    assert found["custom"]["thresholdsStyle"] == {"mode": "dashed"}
    assert found["color"] == {"mode": "palette-classic"}


def test_without_levels_nothing_is_red(shop: Catalog) -> None:
    found = defaults(panel_of(shop, "Orders"), shop)
    assert found["thresholds"]["steps"] == [{"value": None, "color": "green"}]
    assert found["custom"]["thresholdsStyle"] == {"mode": "off"}


def test_an_empty_panel_says_why_or_who_would_fill_it(shop: Catalog) -> None:
    assert (
        defaults(panel_of(shop, "Failing share"), shop)["noValue"]
        == "Nothing was ordered in the last minutes."
    )
    assert "obsdeck lineage shop_orders_total" in defaults(panel_of(shop, "Orders"), shop)["noValue"]
    assert defaults(panel_of(shop, "Orders of the day"), shop)["noValue"] == "No data in this time range."


@pytest.mark.parametrize(
    ("title", "unit"),
    [
        ("Failing share", "percentunit"),
        ("Orders", "cps"),
        ("Duration", "s"),
        ("Waiting", "short"),
        ("Fill", "percentunit"),
        ("Last sale", "s"),
        ("Orders of the day", "ops"),
    ],
)
def test_the_unit_follows_from_what_is_asked(shop: Catalog, title: str, unit: str) -> None:
    assert defaults(panel_of(shop, title), shop)["unit"] == unit


def test_a_panel_links_to_the_runbooks_of_the_alerts_on_it(shop: Catalog) -> None:
    def links(title: str) -> list[tuple[str, str]]:
        return [(one["title"], one["url"]) for one in made(panel_of(shop, title), shop)["links"]]

    address = "/d/obsdeck-runbooks-shop?viewPanel="
    assert links("Failing share") == [
        ("Runbook: ShopFails", f"{address}{made_of('obsdeck-runbooks-shop', 'ShopFails')}")
    ]
    assert links("Orders") == [
        ("Runbook: ShopIdle", f"{address}{made_of('obsdeck-runbooks-shop', 'ShopIdle')}")
    ]
    assert links("Fill") == []


def test_a_text_is_markdown_and_asks_nothing(shop: Catalog) -> None:
    found = made(Panel(title="a", description="a", show="text", text="# b"), shop)
    assert found["options"] == {"mode": "markdown", "content": "# b"}
    assert "targets" not in found


def test_each_language_asks_its_own_data_source(shop: Catalog) -> None:
    logs = made(Panel(title="a", description="a", show="logs", query='{a="b"}'), shop)
    assert logs["datasource"] == {"type": "loki", "uid": "loki"}
    assert logs["targets"][0]["queryType"] == "range"
    traces = made(Panel(title="a", description="a", show="traces", query="{ }"), shop)
    assert traces["datasource"] == {"type": "tempo", "uid": "tempo"}
    assert (traces["targets"][0]["query"], traces["targets"][0]["tableType"]) == ("{ }", "traces")
    graph = made(Panel(title="a", description="a", show="graph"), shop)
    assert graph["targets"] == [
        {"refId": "A", "datasource": traces["datasource"], "queryType": "serviceMap", "filters": []}
    ]


def test_durations_are_asked_with_exemplars(shop: Catalog) -> None:
    assert made(panel_of(shop, "Duration"), shop)["targets"][0]["exemplar"] is True
    assert made(panel_of(shop, "Orders"), shop)["targets"][0]["exemplar"] is False
    heatmap = made(panel_of(shop, "Duration", measure="buckets", by=[]), shop)["targets"][0]
    assert (heatmap["format"], heatmap["legendFormat"], heatmap["exemplar"]) == ("heatmap", "{{le}}", True)


def test_a_table_of_exemplars_takes_those_of_another_panel(shop: Catalog) -> None:
    found = made(panel_of(shop, "Duration", show="exemplars"), shop)
    assert found["datasource"] == {"type": "datasource", "uid": "-- Dashboard --"}
    assert found["targets"][0]["panelId"] == made_of("shop", "Duration")
    with pytest.raises(KeyError, match=r"shop\.orders"):
        panels.exemplified(panel_of(shop, "Orders", show="exemplars"), board(shop), shop.signals)


def test_what_a_panel_says_of_its_values_is_kept(shop: Catalog) -> None:
    found = defaults(panel_of(shop, "Fill", unit="percent", decimals=1, min=0, max=100), shop)
    assert (found["unit"], found["decimals"], found["min"], found["max"]) == ("percent", 1, 0, 100)
    assert {"decimals", "min", "max"}.isdisjoint(defaults(panel_of(shop, "Fill"), shop))


def test_lines_are_stacked_where_that_is_asked(shop: Catalog) -> None:
    assert defaults(panel_of(shop, "Orders", stack=True), shop)["custom"]["stacking"]["mode"] == "normal"
    assert defaults(panel_of(shop, "Orders"), shop)["custom"]["stacking"]["mode"] == "none"


def test_a_panel_that_names_a_runbook_and_has_its_alert_links_to_it_once(repository: Repository) -> None:
    repository.change(
        "dashboards/shop.yaml",
        "        signal: shop.fill",
        "        signal: shop.fill\n        runbook: ShopIdle",
    )
    repository.change("alerts.yaml", "panel: shop/Orders", "panel: shop/Fill")
    catalog = repository.catalog()
    links = made(panel_of(catalog, "Fill"), catalog)["links"]
    assert [one["title"] for one in links] == ["Runbook: ShopIdle"]
