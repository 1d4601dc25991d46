from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.grafana import explore
from obsdeck.packs import queries
from obsdeck.packs.dashboards import follow
from obsdeck.packs.model.dashboard import DashboardFile, Panel

if TYPE_CHECKING:
    from obsdeck.packs.catalog import Catalog


def followed(shop: Catalog, *variables: str, **keys: Any) -> list[str]:
    """The queries that the links of a panel open."""
    board = DashboardFile.model_validate(
        {"uid": "a", "title": "a", "description": "a", "variables": variables}
    )
    one = Panel.model_validate({"title": "a", "description": "a", **keys})
    links = follow.data_links(one, queries.show(one, shop.signals), board, shop)
    panes = [explore.panes(link["url"])[0] for link in links]
    assert [pane.datasource for pane in panes] in ([], ["tempo", "loki"])
    return [pane.queries[0].get("query") or pane.queries[0]["expr"] for pane in panes]


def test_a_line_of_a_service_leads_to_its_traces_and_its_log_lines(shop: Catalog) -> None:
    field = "${__field.labels.service_name}"
    assert followed(shop, signal="shop.orders", by=["service.name"]) == [
        f'{{ resource.service.name =~ "{field}" }}',
        f'{{service_name=~"{field}"}}',
    ]


def test_a_line_of_all_leads_to_those_of_the_chosen_services(shop: Catalog) -> None:
    assert followed(shop, "service", signal="shop.orders") == [
        '{ resource.service.name =~ "${service:pipe}" }',
        '{service_name=~"${service:pipe}"}',
    ]


def test_what_is_on_spans_narrows_their_traces(shop: Catalog) -> None:
    traces, _ = followed(
        shop, "service", query='sum by (http_route) (rate(a{service_name=~"$service"}[$__rate_interval]))'
    )
    assert traces == (
        '{ resource.service.name =~ "${service:pipe}" && span.http.route = "${__field.labels.http_route}" }'
    )


def test_numbers_of_log_lines_lead_on_as_well(shop: Catalog) -> None:
    expr = 'topk(3, sum by (service_name, level) (rate({job=~"$service"}[5m])))'
    traces, logs = followed(shop, "service", query=expr, language="logql", show="table")
    assert traces == '{ resource.service.name =~ "${__data.fields.service_name}" }'
    assert logs == '{service_name=~"${__data.fields.service_name}"}'


def test_what_is_recorded_of_the_chosen_services_leads_to_them(shop: Catalog) -> None:
    traces, _ = followed(shop, "service", query='a:b:c{job=~"(.+/)?($service)"} / on (x) d:e:f')
    assert traces == '{ resource.service.name =~ "${service:pipe}" }'


def test_errors_lead_to_the_traces_of_errors(shop: Catalog) -> None:
    catalog = shop
    one = Panel(title="a", description="a", signal="shop.orders", where={"http.response.status_code": "~5.."})
    board = DashboardFile(uid="a", title="a", description="a", variables=("service",))
    traces, _ = follow.data_links(one, "stat", board, catalog)
    assert (
        explore.panes(traces["url"])[0]
        .queries[0]["query"]
        .endswith("&& span.http.response.status_code >= 500 }")
    )


@pytest.mark.parametrize(
    "keys",
    [
        {"signal": "till_last_sale_timestamp_seconds"},
        {"signal": "shop.orders", "follow": False},
        {"query": "up"},
        {"query": '{service_name="a"}', "show": "logs"},
        {"queries": [{"signal": "shop.orders"}, {"query": "up"}]},
        {"query": "rate($services[5m])"},
    ],
    ids=["scraped", "switched off", "of no service", "logs", "partly of no service", "something like it"],
)
def test_there_is_nothing_to_follow(shop: Catalog, keys: dict[str, Any]) -> None:
    assert followed(shop, "service", **keys) == []


def test_without_a_service_to_name_there_is_nothing_to_follow(shop: Catalog) -> None:
    assert followed(shop, signal="shop.orders") == []
