from __future__ import annotations

from typing import TYPE_CHECKING, Any

from obsdeck.packs.dashboards import variables
from obsdeck.packs.model.dashboard import DashboardFile

from ..conftest import board  # noqa: TID252 - the tests of a package share its fixtures

if TYPE_CHECKING:
    from obsdeck.packs.catalog import Catalog


def made(shop: Catalog, *written: Any, job: str = "") -> dict[str, dict[str, Any]]:
    file = DashboardFile.model_validate({"uid": "a", "title": "a", "description": "a", "variables": written})
    return {one["name"]: one for one in variables.variables(file, job, shop.signals)}


def test_a_dashboard_always_says_where_its_metrics_are(shop: Catalog) -> None:
    found = made(shop)
    assert list(found) == ["datasource"]
    assert found["datasource"]["query"] == "prometheus"


def test_each_variable_is_narrowed_by_those_before_it(shop: Catalog) -> None:
    found = made(shop, "environment", "service", "route", "instance")
    environment = 'deployment_environment_name=~"$environment"'
    both = f'{environment}, service_name=~"$service"'
    assert {name: one["query"] for name, one in found.items() if name != "datasource"} == {
        "environment": "label_values(target_info, deployment_environment_name)",
        "service": f"label_values(target_info{{{environment}}}, service_name)",
        "route": f"label_values(http_server_request_duration_seconds_count{{{both}}}, http_route)",
        "instance": f"label_values(target_info{{{both}}}, instance)",
    }


def test_a_variable_is_not_narrowed_by_those_after_it(shop: Catalog) -> None:
    assert (
        made(shop, "service", "environment")["service"]["query"] == "label_values(target_info, service_name)"
    )


def test_instances_of_a_scraped_job_are_those_of_the_job(shop: Catalog) -> None:
    found = made(shop, "service", "instance", job="tills")
    assert found["instance"]["query"] == 'label_values(up{job="tills"}, instance)'


def test_a_service_without_an_environment_belongs_to_all(shop: Catalog) -> None:
    found = made(shop, "environment", "service")
    assert (found["environment"]["allValue"], found["service"]["allValue"]) == (".*", ".+")


def test_patterns_quantiles_and_windows_are_fixed_choices(shop: Catalog) -> None:
    found = made(shop, "status_class", "quantile", "window")
    assert found["status_class"]["query"] == "2xx : 2.., 3xx : 3.., 4xx : 4.., 5xx : 5.."
    assert found["status_class"]["multi"]
    assert found["quantile"]["current"]["value"] == "0.95"
    assert found["window"]["current"] == {"text": "auto", "value": "$__rate_interval", "selected": True}
    for name in ("quantile", "window"):
        assert not found[name]["multi"]
        assert sum(option["selected"] for option in found[name]["options"]) == 1


def test_choices_of_a_signal_are_narrowed_by_what_it_has(shop: Catalog) -> None:
    lane = {"name": "lane", "title": "Lane", "attribute": "shop.lane", "of": "shop.order.duration"}
    outcome = {"name": "outcome", "title": "Outcome", "attribute": "shop.outcome", "of": "shop.orders"}
    found = made(shop, "service", lane, outcome)
    assert found["lane"]["query"] == (
        'label_values(shop_order_duration_seconds_count{service_name=~"$service"}, shop_lane)'
    )
    assert (
        found["outcome"]["query"] == 'label_values(shop_orders_total{service_name=~"$service"}, shop_outcome)'
    )


def test_choices_of_a_recording_are_narrowed_by_nothing(shop: Catalog) -> None:
    one = {"name": "who", "title": "Who", "attribute": "service.name", "of": "service:shop_orders:rate5m"}
    assert (
        made(shop, "service", one)["who"]["query"] == "label_values(service:shop_orders:rate5m, service_name)"
    )


def test_written_choices_may_have_commas(shop: Catalog) -> None:
    side = {"name": "side", "title": "Side", "values": ["buy", "sell, short"]}
    found = made(shop, side)["side"]
    assert found["query"] == "buy, sell\\, short"
    assert [option["value"] for option in found["options"]] == ["buy", "sell, short"]


def test_one_choice_at_a_time_begins_with_the_first(shop: Catalog) -> None:
    found = made(shop, {"name": "side", "title": "Side", "values": ["buy", "sell"], "multi": False})["side"]
    assert found["current"] == {"text": "buy", "value": "buy", "selected": True}
    assert not found["includeAll"]


def test_a_field_to_type_in_begins_with_its_text(shop: Catalog) -> None:
    found = made(shop, {"name": "trace_id", "title": "Trace", "text": "abc"})["trace_id"]
    assert (found["type"], found["current"]) == ("textbox", {"text": "abc", "value": "abc"})


def test_the_names_of_all_variables(shop: Catalog) -> None:
    assert variables.names_of(board(shop)) == (
        "datasource",
        "environment",
        "service",
        "quantile",
        "window",
        "lane",
    )
