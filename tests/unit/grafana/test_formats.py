"""Each format's expectation is what Grafana 13 writes; see the facts named in the module."""

from __future__ import annotations

import pytest

from obsdeck.grafana.formats import BY_SOURCE, FORMATS
from obsdeck.grafana.variables import Value

ONE = Value("x", "a.b/c'd\"e")
TWO = Value("x", ("a.b", "c'd"), "a.b + c'd", multi=True)


@pytest.mark.parametrize(
    ("name", "one", "two"),
    [
        ("csv", "a.b/c'd\"e", "a.b,c'd"),
        ("raw", "a.b/c'd\"e", "a.b,c'd"),
        ("pipe", "a.b/c'd\"e", "a.b|c'd"),
        ("glob", "a.b/c'd\"e", "{a.b,c'd}"),
        ("regex", "a\\.b\\/c'd\"e", "(a\\.b|c'd)"),
        ("json", "a.b/c'd\"e", '["a.b","c\'d"]'),
        ("singlequote", "'a.b/c\\'d\"e'", "'a.b','c\\'d'"),
        ("doublequote", '"a.b/c\'d\\"e"', '"a.b","c\'d"'),
        ("sqlstring", "'a.b/c''d\\\"e'", "'a.b','c''d'"),
        ("percentencode", "a.b%2Fc%27d%22e", "%7Ba.b%2Cc%27d%7D"),
        ("uriencode", "a.b/c%27d%22e", "%7Ba.b,c%27d%7D"),
        ("queryparam", "var-x=a.b%2Fc%27d%22e", "var-x=a.b&var-x=c%27d"),
        ("distributed", "a.b/c'd\"e", "a.b,x=c'd"),
        ("html", "a.b/c&#39;d&quot;e", "a.b, c&#39;d"),
        ("lucene", "a.b\\/c'd\\\"e", '("a.b" OR "c\'d")'),
        ("text", "a.b/c'd\"e", "a.b + c'd"),
    ],
)
def test_a_format_writes_one_value_and_several(name: str, one: str, two: str) -> None:
    assert FORMATS[name](ONE, ()) == one
    assert FORMATS[name](TWO, ()) == two


def test_join_and_customqueryparam_take_arguments() -> None:
    assert FORMATS["join"](TWO, (" or ",)) == "a.b or c'd"
    assert FORMATS["customqueryparam"](TWO, ("p", "v-")) == "p=v-a.b&p=v-c%27d"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "2026-02-19T14:35:21.007Z"),
        (("iso",), "2026-02-19T14:35:21.007Z"),
        (("seconds",), "1771511721"),
        (("ms",), "1771511721007"),
        (("YYYY-MM-DD HH", "mm", "ss"), "2026-02-19 14:35:21"),
        (("D MMM YY [at] H",), "19 Feb 26 at 14"),
    ],
)
def test_a_moment_is_written_as_asked(arguments: tuple[str, ...], text: str) -> None:
    assert FORMATS["date"](Value("__from", 1_771_511_721_007), arguments) == text


def test_what_is_no_moment_is_written_as_none() -> None:
    assert FORMATS["date"](Value("x", "soon"), ()) == "NaN"


def test_prometheus_escapes_one_value_for_a_string_and_many_for_a_regex_in_a_string() -> None:
    prometheus = BY_SOURCE["prometheus"]
    assert prometheus(Value("x", "a.b"), ()) == "a.b"
    assert prometheus(Value("x", "it's \\"), ()) == "it\\\\'s \\\\"
    assert prometheus(Value("x", ("a.b",), multi=True), ()) == "a\\\\.b"
    assert prometheus(Value("x", "a|b", multi=True), ()) == "a\\\\|b"
    assert prometheus(Value("x", ("a.b", "c"), multi=True), ()) == "(a\\\\.b|c)"
    assert prometheus(Value("x", ("\\d",), multi=True), ()) == "\\\\\\\\d"


def test_loki_writes_many_without_parentheses_and_tempo_without_escapes() -> None:
    many = Value("x", ("a.b", "c"), multi=True)
    assert BY_SOURCE["loki"](many, ()) == "a\\\\.b|c"
    assert BY_SOURCE["loki"](Value("x", "a.b"), ()) == "a.b"
    assert BY_SOURCE["tempo"](many, ()) == "a.b|c"


def test_an_address_says_that_all_is_chosen_instead_of_listing_everything() -> None:
    assert FORMATS["queryparam"](Value("x", ("a", "b"), multi=True, all=True), ()) == "var-x=$__all"
