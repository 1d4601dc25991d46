from __future__ import annotations

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from obsdeck.tracestore.traceql.check import compiled, literal_prefix
from obsdeck.tracestore.traceql.errors import TraceQLError
from obsdeck.tracestore.traceql.parser import parse


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ('{ duration > "1s" }', "same type"),
        ("{ status = 2 }", "same type"),
        ('{ kind = "server" }', "same type"),
        ("{ kind = error }", "same type"),
        ("{ rootName = 1 }", "same type"),
        ("{ name = .a && rootName = duration }", "same type"),
        ("{ status > ok }", "illegal operation"),
        ("{ .a > true }", "illegal operation"),
        ("{ .a =~ 1 }", "illegal operation"),
        ("{ duration =~ .a }", "illegal operation"),
        ("{ .a =~ .b }", "needs a text"),
        ('{ "x" =~ name }', "needs a text"),
        ('{ name =~ "(" }', "invalid regex"),
        ('{ name =~ "(?=a)b" }', "invalid regex"),
        ("{ name =~ `(a)\\1` }", "invalid regex"),
        ("{ name =~ `a*+` }", "invalid regex"),
        ("{ name = nil }", "cannot be nil"),
        ("{ nil = duration }", "cannot be nil"),
        ("{ resource.service.name = nil }", "cannot be nil"),
        ("{ 1 }", "must resolve to a boolean"),
        ("{ name }", "must resolve to a boolean"),
        ("{ .a && duration }", "must resolve to a boolean"),
        ("{ !(name) }", "must resolve to a boolean"),
        ("{ } | avg(name) > 1", "must resolve to a number"),
        ("{ } | count() > true", "compares with a number"),
    ],
)
def test_what_can_never_be_right_is_refused(query: str, why: str) -> None:
    with pytest.raises(TraceQLError, match=why):
        parse(query)


@pytest.mark.parametrize(
    "query",
    [
        "{ duration > 1 }",
        "{ duration > 5e7 }",
        "{ traceDuration > 1 && .a > 1s }",
        "{ .a = error || .a = server }",
        "{ name != nil }",
        "{ .a > `x` }",
        '{ "x" = "y" }',
        "{ } | count() > 1.5 | max(span.a) > 2s",
    ],
)
def test_what_may_be_right_is_not_refused(query: str) -> None:
    assert parse(query)


def test_regular_expressions_are_those_of_re2() -> None:
    assert parse('{ name =~ "[[:alpha:]]+" }')
    assert compiled("[[:alpha:]]+")("abc")
    assert not compiled(r"\d+")("\u0663"), "digits are 0 to 9"


def test_no_pattern_takes_for_ever() -> None:
    assert not compiled("(a+)+b")("a" * 100_000)


def test_a_regular_expression_matches_from_start_to_end_and_over_lines() -> None:
    assert compiled("a.c")("a\nc")
    assert not compiled("b")("abc")
    assert not compiled("a|b")("ab")
    assert not compiled("a")("a\n")


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [
        ("abc", "abc"),
        ("abc.*", "abc"),
        ("/api/(users|carts)/.*", "/api/"),
        ("abc?", "ab"),
        ("abc*", "ab"),
        ("abc+", "abc"),
        ("abc{0,2}", "ab"),
        ("a|b", ""),
        ("ab[|]c|d", ""),
        ("ab[|]c", "ab"),
        (r"ab\|c", "ab"),
        ("(?i)abc", ""),
        (".*abc", ""),
        ("((a|b)|c)d", ""),
        ("", ""),
    ],
)
def test_the_prefix_of_a_regular_expression(pattern: str, prefix: str) -> None:
    assert literal_prefix(pattern) == prefix


@given(st.text("ab.|()[]*?+\\{}1,^$-", max_size=12), st.text("ab|.1", max_size=6))
def test_whatever_matches_begins_with_the_prefix(pattern: str, text: str) -> None:
    try:
        matches = compiled(pattern)
    except re2.error:
        return
    if matches(text):
        assert text.startswith(literal_prefix(pattern))
