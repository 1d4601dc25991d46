from __future__ import annotations

from typing import TYPE_CHECKING

from obsdeck.packs.dashboards import runbooks
from obsdeck.packs.dashboards.identity import made_of, runbook_path

if TYPE_CHECKING:
    from obsdeck.packs.catalog import Catalog

    from ..conftest import Repository  # noqa: TID252 - the tests of a package share its fixtures


def contents(catalog: Catalog) -> dict[str, str]:
    found = runbooks.dashboard(catalog.packs[0], catalog)
    return {one["title"]: one["options"]["content"] for one in found["panels"]}


def test_each_page_is_a_panel_of_its_own(shop: Catalog) -> None:
    found = runbooks.dashboard(shop.packs[0], shop)
    assert (found["uid"], found["title"]) == ("obsdeck-runbooks-shop", "Runbooks: Shop")
    assert [one["title"] for one in found["panels"]] == ["ShopBudgetBurns", "ShopFails", "ShopIdle"]
    for one in found["panels"]:
        assert runbook_path("shop", one["title"]) == f"/d/{found['uid']}?viewPanel={one['id']}"
    assert len({one["gridPos"]["y"] for one in found["panels"]}) == 3


def test_a_page_is_shown_without_its_front_matter(shop: Catalog) -> None:
    text = contents(shop)["ShopFails"]
    assert text.startswith("# ShopFails\n")
    assert "severity:" not in text


def test_links_between_pages_lead_to_their_panels(repository: Repository) -> None:
    text = (
        "Or [burns](../shop/ShopBudgetBurns.md), [gone](../http/ShopIdle.md), [a page](https://x.org/a.md)."
    )
    repository.change("ShopFails.md", "Roll back.", text)
    found = contents(repository.catalog())["ShopFails"]
    assert f"[ShopIdle]({runbook_path('shop', 'ShopIdle')})" in found
    assert f"[burns]({runbook_path('shop', 'ShopBudgetBurns')})" in found
    assert "[gone](../http/ShopIdle.md)" in found
    assert "(https://x.org/a.md)" in found


def test_the_levels_of_the_panel_are_a_table(shop: Catalog) -> None:
    found = contents(shop)
    assert found["ShopFails"].endswith(
        "## Levels of Failing share\n\n| level | value |\n|---|---|\n"
        "| normal | < 0.01 |\n| anomaly | 0.01..0.05 |\n| critical | > 0.05 |"
    )
    assert "## Levels" not in found["ShopIdle"]


def test_a_page_links_to_its_panel_and_keeps_the_time(shop: Catalog) -> None:
    panels = {one["title"]: one for one in runbooks.dashboard(shop.packs[0], shop)["panels"]}
    (link,) = panels["ShopIdle"]["links"]
    assert link["url"] == f"/d/shop?viewPanel={made_of('shop', 'Orders')}&${{__url_time_range}}"


def test_a_page_of_a_panel_that_is_not_there_has_no_link(repository: Repository) -> None:
    repository.change("ShopIdle.md", "panel: shop/Orders", "panel: shop/None")
    catalog = repository.read().catalog
    panels = {one["title"]: one for one in runbooks.dashboard(catalog.packs[0], catalog)["panels"]}
    assert panels["ShopIdle"]["links"] == []


def test_which_alerts_are_on_which_panel(shop: Catalog) -> None:
    found = runbooks.places(shop)
    assert found.on == {"shop/Failing share": ["ShopFails"], "shop/Orders": ["ShopIdle"]}
    assert set(found.urls) == {"ShopFails", "ShopIdle", "ShopBudgetBurns"}
