from __future__ import annotations

from typing import TYPE_CHECKING, Any

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsdeck.packs import promql, queries
from obsdeck.packs.model.dashboard import DashboardFile, Panel, Query

from .conftest import DATA, Repository

if TYPE_CHECKING:
    from obsdeck.packs.catalog import Catalog

SHOP = Repository(DATA).catalog()
PLAIN = queries.Scope({}, "5m", "0.95")
TILL = "till_last_sale_timestamp_seconds"
MEASURES = {
    "shop.orders": ("rate", "per_minute", "increase", "share"),
    "shop.order.duration": ("rate", "per_minute", "increase", "share", "mean", "quantile", "buckets"),
    "shop.queue.size": ("last",),
    "shop.fill": ("last",),
    TILL: ("last", "age"),
}
ATTRIBUTES = {name: [*one.attributes, "job", "instance"] for name, one in SHOP.signals.items()}
values: st.SearchStrategy[Any] = st.text(max_size=8) | st.sampled_from(
    ["~5..", "!a", "!~a|b", 404, ("a.b", "{c}"), (500, "x")]
)


def asked(signal: str, **more: Any) -> str:
    return queries.expression(Query(signal=signal, **more), PLAIN, SHOP.signals)


def written(text: str) -> DashboardFile:
    """A dashboard of variables."""
    return DashboardFile.model_validate({"uid": "a", "title": "a", "description": "a", "variables": text})


@st.composite
def derived(draw: st.DrawFn) -> Query:
    """Any question to any signal."""
    signal = draw(st.sampled_from(sorted(MEASURES)))
    measure = draw(st.sampled_from(MEASURES[signal]))
    keys = st.sampled_from(ATTRIBUTES[signal])
    return Query(
        signal=signal,
        measure=measure,  # type: ignore[arg-type]
        by=tuple(draw(st.lists(keys, max_size=2))),
        where=draw(st.dictionaries(keys, values, min_size=measure == "share", max_size=2)),
        top=draw(st.none() | st.integers(1, 10)),
    )


names = ["environment", "service", "instance", "route", "method", "status_class", "quantile", "window"]


def parses(expr: str) -> bool:
    """Whether it is PromQL; what is asked for as a pattern may be none."""
    try:
        promql_parser.parse(promql.substituted(expr))
    except ValueError as error:
        return "regex" in str(error)
    return True


@given(derived(), st.lists(st.sampled_from(names), unique=True))
def test_whatever_is_asked_is_promql(query: Query, variables: list[str]) -> None:
    board = DashboardFile.model_validate(
        {"uid": "a", "title": "a", "description": "a", "variables": variables}
    )
    assert parses(queries.expression(query, queries.within(board), SHOP.signals))


@given(derived())
def test_what_an_alert_asks_has_no_variable_and_is_the_same_signal(query: Query) -> None:
    expr = queries.expression(query, queries.ANYWHERE, SHOP.signals)
    assert parses(expr)
    assert not any(f"${name}" in expr for name in [*names, "__range", "__rate_interval"])


@given(derived())
def test_a_query_asks_only_for_series_of_its_signal(query: Query) -> None:
    expr = queries.expression(query, PLAIN, SHOP.signals)
    try:
        found = promql.selectors(expr)
    except ValueError:
        return
    assert {one.name for one in found} <= set(SHOP.signals[query.signal or ""].series)


@pytest.mark.parametrize(
    ("signal", "more", "expr"),
    [
        ("shop.orders", {}, "sum(rate(shop_orders_total[5m]))"),
        ("shop.orders", {"by": ["service.name"]}, "sum by (service_name) (rate(shop_orders_total[5m]))"),
        ("shop.orders", {"measure": "per_minute"}, "60 * sum(rate(shop_orders_total[5m]))"),
        ("shop.orders", {"measure": "increase"}, "sum(increase(shop_orders_total[$__range]))"),
        ("shop.orders", {"top": 3, "by": ["job"]}, "topk(3, sum by (job) (rate(shop_orders_total[5m])))"),
        (
            "shop.orders",
            {"measure": "share", "where": {"shop.outcome": "failed"}},
            (
                '(sum(rate(shop_orders_total{shop_outcome="failed"}[5m])) '
                "or 0 * sum(rate(shop_orders_total[5m]))) / (sum(rate(shop_orders_total[5m])) > 0)"
            ),
        ),
        ("shop.order.duration", {"measure": "rate"}, "sum(rate(shop_order_duration_seconds_count[5m]))"),
        (
            "shop.order.duration",
            {},
            "histogram_quantile(0.95, sum by (le) (rate(shop_order_duration_seconds_bucket[5m])))",
        ),
        (
            "shop.order.duration",
            {"quantile": 0.5, "by": ["shop.lane"]},
            "histogram_quantile(0.5, sum by (le, shop_lane) (rate(shop_order_duration_seconds_bucket[5m])))",
        ),
        (
            "shop.order.duration",
            {"measure": "buckets"},
            "sum by (le) (rate(shop_order_duration_seconds_bucket[5m]))",
        ),
        (
            "shop.order.duration",
            {"measure": "mean"},
            (
                "sum(rate(shop_order_duration_seconds_sum[5m])) "
                "/ (sum(rate(shop_order_duration_seconds_count[5m])) > 0)"
            ),
        ),
        ("shop.queue.size", {}, "sum(shop_queue_size)"),
        ("shop.fill", {}, "max(shop_fill_ratio)"),
        ("shop.fill", {"aggregate": "avg", "by": ["shop.lane"]}, "avg by (shop_lane) (shop_fill_ratio)"),
        (TILL, {"measure": "age"}, f"time() - max({TILL})"),
    ],
)
def test_each_measure_is_the_promql_that_people_write(signal: str, more: dict[str, Any], expr: str) -> None:
    assert asked(signal, **more) == expr


@pytest.mark.parametrize(
    ("value", "matcher"),
    [
        ("failed", '="failed"'),
        ("", '=""'),
        (404, '="404"'),
        ("~5..|", '=~"5..|"'),
        ("!ok", '!="ok"'),
        ("!~a.*", '!~"a.*"'),
        (["/a.b", "/c/{id}"], r'=~"/a\\.b|/c/\\{id\\}"'),
        ('say "a\\b"', r'="say \"a\\b\""'),
    ],
)
def test_each_condition_is_a_matcher(value: Any, matcher: str) -> None:
    assert asked("shop.orders", where={"shop.outcome": value}) == (
        f"sum(rate(shop_orders_total{{shop_outcome{matcher}}}[5m]))"
    )


def test_a_query_is_narrowed_by_the_variables_whose_attribute_its_signal_has(shop: Catalog) -> None:
    scope = queries.within(shop.dashboards["shop"].value)
    assert scope.filters == {
        "deployment.environment.name": "$environment",
        "service.name": "$service",
        "shop.lane": "$lane",
    }
    expr = queries.expression(Query(signal="shop.orders"), scope, shop.signals)
    assert expr == (
        'sum(rate(shop_orders_total{deployment_environment_name=~"$environment", '
        'service_name=~"$service"}[$window]))'
    )
    scraped = queries.expression(Query(signal="till_last_sale_timestamp_seconds"), scope, shop.signals)
    assert scraped == "max(till_last_sale_timestamp_seconds)"


def test_what_a_query_narrows_itself_no_variable_narrows(shop: Catalog) -> None:
    scope = queries.within(shop.dashboards["shop"].value)
    expr = queries.expression(Query(signal="shop.fill", where={"service.name": "a"}), scope, shop.signals)
    assert '$service"' not in expr
    assert 'service_name="a"' in expr


def test_choices_that_are_patterns_are_not_escaped() -> None:
    scope = queries.within(written(["status_class"]))  # type: ignore[arg-type]
    assert scope.filters == {"http.response.status_code": "${status_class:pipe}"}


def test_without_the_variables_windows_and_quantiles_are_fixed() -> None:
    scope = queries.within(written([]))  # type: ignore[arg-type]
    assert (scope.window, scope.quantile) == ("$__rate_interval", "0.95")


def test_a_field_to_type_in_narrows_nothing() -> None:
    typed = {"name": "a", "title": "a", "attribute": "job", "text": ""}
    assert queries.within(written([typed])).filters == {}  # type: ignore[arg-type]


def panel(**keys: Any) -> Panel:
    return Panel.model_validate({"title": "a", "description": "a", **keys})


@pytest.mark.parametrize(
    ("keys", "shown", "instant", "format_", "exemplars"),
    [
        ({"signal": "shop.orders"}, "timeseries", False, "time_series", False),
        ({"signal": "shop.order.duration"}, "timeseries", False, "time_series", True),
        ({"signal": "shop.order.duration", "show": "stat"}, "stat", True, "time_series", False),
        ({"signal": "shop.order.duration", "measure": "buckets"}, "heatmap", False, "heatmap", True),
        ({"signal": "shop.orders", "show": "table"}, "table", True, "table", False),
        ({"signal": "shop.orders", "show": "stat", "instant": False}, "stat", False, "time_series", False),
    ],
)
def test_how_a_panel_is_shown_says_how_it_is_asked(
    keys: dict[str, Any],
    shown: str,
    instant: object,
    format_: str,
    exemplars: object,
) -> None:
    one = panel(**keys)
    (target,) = queries.targets(one, PLAIN, SHOP.signals)
    assert queries.show(one, SHOP.signals) == shown
    assert (target.instant, target.format, target.exemplars) == (instant, format_, exemplars)


def test_each_query_of_a_panel_has_a_name_and_a_legend() -> None:
    one = panel(
        queries=[
            {"signal": "shop.orders", "by": ["job", "instance"]},
            {"name": "slow", "query": "up"},
            {"query": "up", "legend": "{{job}} is up"},
        ]
    )
    assert [(made.ref, made.legend) for made in queries.targets(one, PLAIN, SHOP.signals)] == [
        ("A", "{{job}} {{instance}}"),
        ("slow", "slow"),
        ("C", "{{job}} is up"),
    ]


def test_the_language_follows_from_what_is_shown() -> None:
    for shown, language in (
        ("logs", "logql"),
        ("traces", "traceql"),
        ("trace", "traceql"),
        ("stat", "promql"),
    ):
        one = panel(query=" up ", show=shown)
        (target,) = queries.targets(one, PLAIN, SHOP.signals)
        assert (target.language, target.expr) == (language, "up")


def test_a_query_that_is_written_out_is_left_as_it_is_and_widened_for_an_alert() -> None:
    query = Query(query='rate(a{b="c", service_name=~"$service"}[$__rate_interval])')
    assert queries.expression(query, PLAIN, {}) == query.query
    assert queries.expression(query, queries.ANYWHERE, {}) == 'rate(a{b="c"}[5m])'


def test_a_signal_that_nobody_declares_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="no_such"):
        queries.targets(panel(signal="no_such"), PLAIN, SHOP.signals)
