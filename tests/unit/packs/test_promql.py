from __future__ import annotations

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsdeck.packs import promql
from obsdeck.packs.promql import Matcher, Selector

names = st.sampled_from(["up", "shop_orders_total", "a:b:rate5m"])
labels = st.sampled_from(["job", "service_name", "le"])
operators = st.sampled_from(["=", "!=", "=~", "!~"])
plain = st.builds('{}{}"{}"'.format, labels, operators, st.sampled_from(["", "a", "a b", "x,y", "}{", "2.."]))
narrowing = st.builds(
    '{}=~"{}"'.format,
    labels,
    st.sampled_from(["$service", "${service}", "${service:pipe}", "${route:regex}"]),
)
matchers = st.lists(plain | narrowing, max_size=4)
separators = st.sampled_from([",", ", ", " , "])
windows = st.sampled_from(
    ["$__rate_interval", "$window", "${window}", "5m", "$__range", "1h:1m", "$__range:1m"]
)


@st.composite
def vectors(draw: st.DrawFn) -> str:
    inside = draw(separators).join(draw(matchers))
    return f"{draw(names)}{{{inside}}}" if inside or draw(st.booleans()) else draw(names)


rates = st.builds("rate({}[{}])".format, vectors(), windows)
expressions = st.recursive(
    vectors() | rates,
    lambda inner: st.one_of(
        st.builds("sum by ({}) ({})".format, st.sampled_from(["job", "job, $label", "${label}"]), inner),
        st.builds("max({})".format, inner),
        st.builds("({}) / ({} > 0)".format, inner, inner),
        st.builds("histogram_quantile($quantile, {})".format, inner),
        st.builds("topk($n, {}) > ${{limit}}".format, inner),
        st.builds("{} offset $shift".format, vectors()),
    ),
    max_leaves=4,
)


@given(expressions)
def test_an_expression_with_variables_parses(expr: str) -> None:
    promql_parser.parse(promql.substituted(expr))


@given(expressions)
def test_without_what_a_dashboard_narrows_an_expression_still_parses_and_asks_for_the_same(expr: str) -> None:
    everywhere = promql.everywhere(expr, "5m")
    promql_parser.parse(promql.substituted(everywhere))
    assert {one.name for one in promql.selectors(everywhere)} == {one.name for one in promql.selectors(expr)}


@given(expressions)
def test_only_what_a_variable_narrows_is_left_out(expr: str) -> None:
    before = {one for found in promql.selectors(expr) for one in found.matchers if "$" not in one.value}
    after = {one for found in promql.selectors(promql.everywhere(expr, "5m")) for one in found.matchers}
    assert after == before


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_no_expression(text: str) -> None:
    try:
        promql.selectors(text)
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017 - most texts are none, some are


def test_selectors_are_told_with_their_conditions_each_once() -> None:
    found = promql.selectors(
        'sum(rate(a{x="1", y!~"b.*"}[5m])) / a{x="1", y!~"b.*"} + on (x) topk(scalar(b), c)'
    )
    conditions = (Matcher("x", "=", "1"), Matcher("y", "!~", "b.*"))
    assert found == (Selector("a", conditions), Selector("b", ()), Selector("c", ()))


def test_a_metric_may_be_named_as_a_condition() -> None:
    assert promql.selectors('{__name__="a", x!="1"}') == (Selector("a", (Matcher("x", "!=", "1"),)),)


def test_conditions_that_are_alternatives_are_all_told() -> None:
    (found,) = promql.selectors('a{x="1" or y=~"2"}')
    assert {one.label for one in found.matchers} == {"x", "y"}


def test_a_metric_whose_name_is_a_variable_is_no_metric_that_is_known() -> None:
    assert promql.selectors("rate($metric[5m]) / up") == (Selector("up", ()),)
    assert promql.selectors("sum($metric)") == ()


@pytest.mark.parametrize(
    ("selector", "name", "wanted"),
    [
        ('{__name__=~"shop_.*"}', "shop_orders_total", True),
        ('{__name__=~"shop_.*"}', "a_shop_orders_total", False),
        ('{__name__=~"shop_.*", __name__!~".*_total"}', "shop_orders_total", False),
        ('{__name__=~"shop_.*", __name__!="shop_size"}', "shop_size", False),
        ('{job="a"}', "shop_orders_total", False),
        ("shop", "shop", True),
        ("shop", "shop_size", False),
    ],
)
def test_which_metrics_a_selector_asks_for(selector: str, name: str, wanted: bool) -> None:  # noqa: FBT001 - a table
    (one,) = promql.selectors(selector)
    assert one.wants(name) is wanted


@pytest.mark.parametrize(
    ("expr", "kept"),
    [
        ("sum by (job, service_name) (up)", ("job", "service_name")),
        ("(sum by (job) (up)) / 2", ("job",)),
        ("sum(up)", ()),
        ("topk(3, sum by (job) (up))", ("job",)),
        ("sum without (job) (up)", None),
        ("up", None),
        ("sum by (job) (rate(up[$__rate_interval]))", ("job",)),
    ],
)
def test_the_labels_that_an_aggregation_keeps(expr: str, kept: tuple[str, ...] | None) -> None:
    assert promql.grouped_by(expr) == kept


def test_variables_become_what_they_stand_for() -> None:
    assert promql.substituted('rate(a{x="$x"}[$__rate_interval]) > $limit') == 'rate(a{x="$x"}[5m]) > 1'
    assert promql.substituted("a[$__range:1m] offset $shift") == "a[5m:1m] offset 5m"
    assert promql.substituted("histogram_quantile(${quantile:raw}, a)") == "histogram_quantile(0.95, a)"


def test_a_variable_that_nobody_can_know_stays_in_an_alert() -> None:
    assert (
        promql.everywhere('rate(a{x=~"$x", y="1"}[$window]) > $limit', "5m") == 'rate(a{y="1"}[5m]) > $limit'
    )
    assert promql.everywhere('a{x=~"b|$x"}', "5m") == 'a{x=~"b|$x"}'


def test_why_it_does_not_parse_is_one_line() -> None:
    with pytest.raises(ValueError, match="unclosed left parenthesis") as caught:
        promql.selectors("sum(rate(a[5m])")
    assert "\n" not in str(caught.value)
