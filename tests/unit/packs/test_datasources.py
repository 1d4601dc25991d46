from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from obsdeck.packs import datasources, generate

if TYPE_CHECKING:
    from obsdeck.packs.catalog import Catalog

    from .conftest import Repository


def sources(catalog: Catalog) -> dict[str, dict[str, Any]]:
    """As Grafana reads them."""
    text = generate.files(catalog)["datasources/obsdeck.yaml"]
    return {source["uid"]: source for source in yaml.safe_load(text)["datasources"]}


def references(node: Any) -> list[str]:
    """All values under keys that name a data source by its uid, wherever they are."""
    if isinstance(node, dict):
        own = [value for key, value in node.items() if key == "datasourceUid" and isinstance(value, str)]
        return own + [uid for value in node.values() for uid in references(value)]
    if isinstance(node, list):
        return [uid for value in node for uid in references(value)]
    return []


def test_there_are_four_data_sources_with_fixed_uids(shop: Catalog) -> None:
    assert {uid: source["type"] for uid, source in sources(shop).items()} == {
        name: name for name in ("prometheus", "tempo", "loki", "alertmanager")
    }
    assert [uid for uid, source in sources(shop).items() if source.get("isDefault")] == ["prometheus"]


def test_addresses_come_from_grafanas_environment(shop: Catalog) -> None:
    kinds = {source["type"] for source in sources(shop).values()}
    assert {source["url"] for source in sources(shop).values()} == {
        f"${{OBSDECK_{kind.upper()}_URL}}" for kind in kinds
    }


def test_links_between_data_sources_lead_to_one_that_exists(shop: Catalog) -> None:
    found = references(list(sources(shop).values()))
    assert len(found) == 5
    assert set(found) <= sources(shop).keys()


def test_the_way_from_each_signal_to_the_next_is_wired(shop: Catalog) -> None:
    exemplar = sources(shop)["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert [(link["name"], link["datasourceUid"]) for link in exemplar] == [("trace_id", "tempo")]
    tempo = sources(shop)["tempo"]["jsonData"]
    assert "trace_id" in tempo["tracesToLogsV2"]["query"]
    assert tempo["tracesToLogsV2"]["tags"] == [{"key": "service.name", "value": "service_name"}]
    field = sources(shop)["loki"]["jsonData"]["derivedFields"][0]
    assert (field["matcherType"], field["matcherRegex"], field["datasourceUid"]) == (
        "label",
        "trace_id",
        "tempo",
    )


def test_a_trace_offers_what_the_packs_say_safe_from_grafanas_environment(shop: Catalog) -> None:
    assert sources(shop)["tempo"]["jsonData"]["tracesToMetrics"]["queries"] == [
        {
            "name": "Orders per second",
            "query": "sum by (shop_outcome) (rate(shop_orders_total{$$__tags}[$$__rate_interval]))",
        }
    ]


def test_a_query_that_is_not_about_the_span_is_told(repository: Repository) -> None:
    repository.change("links.yaml", "{$__tags}", "")
    assert repository.found() == ["link-tags"]


def test_a_pack_without_links_offers_nothing(repository: Repository) -> None:
    repository.file("links.yaml").unlink()
    tempo = datasources.document(repository.catalog())["datasources"][1]
    assert tempo["jsonData"]["tracesToMetrics"]["queries"] == []
