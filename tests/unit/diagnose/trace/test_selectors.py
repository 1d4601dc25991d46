from __future__ import annotations

import pytest

from obsdeck.diagnose.trace.selectors import asked, selectors, with_exemplars, written
from obsdeck.errors import UsageError


def read(expression: str) -> list[str]:
    return [written(one) for one in selectors(expression)]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("up", ["up{}"]),
        ('up{job="a",b!="c",d=~"e|f",g!~"h"}', ['up{job="a",b!="c",d=~"e|f",g!~"h"}']),
        ('histogram_quantile(0.9, sum by (le) (rate(x_bucket{a="b"}[5m] offset 1h)))', ['x_bucket{a="b"}']),
        ("max_over_time(rate(q[5m])[1h:1m])", ["q{}"]),
        ('{__name__="z"} > 5', ["z{}"]),
        ("-a + on() b unless absent(c)", ["a{}", "b{}", "c{}"]),
        ("a / a", ["a{}"]),
        ("1 + 1", []),
    ],
)
def test_every_selector_once(expression: str, found: list[str]) -> None:
    assert read(expression) == found


def test_the_one_with_the_most_conditions_comes_first() -> None:
    assert read('sum(a) / sum(a{x="1",y="2"}) + a{x="1"}') == ['a{x="1",y="2"}', 'a{x="1"}', "a{}"]


def test_quotes_and_backslashes_are_written_as_they_were_read() -> None:
    assert read(r'a{x="say \"hi\" \\d"}') == [r'a{x="say \"hi\" \\d"}']


def test_exemplars_of_a_count_are_with_the_buckets() -> None:
    [count] = selectors('x_seconds_count{a="b"}')
    assert [written(one) for one in with_exemplars(count)] == [
        'x_seconds_count{a="b"}',
        'x_seconds_bucket{a="b"}',
    ]
    [total] = selectors("x_total")
    assert with_exemplars(total) == (total,)


def test_a_label_has_a_value_where_one_is_asked_for() -> None:
    [one] = selectors('x{service_name="shop",job=~"a|b"}')
    assert tuple(asked(one, label) for label in ("service_name", "job", "other")) == ("shop", "", "")


@pytest.mark.parametrize("expression", ["", "sum(", "a{", 'a{b="c"} [', "not promql at all"])
def test_what_is_no_promql_is_refused(expression: str) -> None:
    with pytest.raises(UsageError, match="is no PromQL"):
        selectors(expression)
