from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsdeck.tracestore.traceql.errors import TraceQLError
from obsdeck.tracestore.traceql.lexer import parse_duration, tokens

SECOND = 10**9


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1ns", 1),
        ("1us", 1000),
        ("1µs", 1000),
        ("1.5ms", 1_500_000),
        ("50ms", 50_000_000),
        ("1s", SECOND),
        (".5s", SECOND // 2),
        ("1m30s", 90 * SECOND),
        ("1s500ms", 1_500_000_000),
        ("1.5h30m", 7200 * SECOND),
        ("2h", 7200 * SECOND),
        ("1d", 86_400 * SECOND),
        ("1w", 604_800 * SECOND),
        ("1y", 31_536_000 * SECOND),
    ],
)
def test_durations_are_whole_nanoseconds(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds
    [token, _] = tokens(text)
    assert (token.kind, token.value) == ("duration", nanoseconds)


@pytest.mark.parametrize("text", ["", "1", "s", "1x", "1s1", "1.5"])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("1", "int", 1),
        ("007", "int", 7),
        ("1.5", "float", 1.5),
        (".25", "float", 0.25),
        ("5e7", "float", 5e7),
        ("15e-1", "float", 1.5),
        ('"a b"', "text", "a b"),
        (r'"a\"b\\c\n\t"', "text", 'a"b\\c\n\t'),
        (r'"\x45\u0020\101"', "text", "E A"),
        (r"`\d+`", "text", r"\d+"),
        ("name", "word", "name"),
        ("span:name", "scoped", "span:name"),
        (".foo", "attribute", "foo"),
        ("span.http.status-code", "attribute", "http.status-code"),
        ('resource."a b".c', "attribute", "a b.c"),
        (r'span."a\"b"', "attribute", 'a"b'),
        ("parent.span.foo", "attribute", "foo"),
        (">>", "operator", ">>"),
        ("!~", "operator", "!~"),
        ("&>>", "operator", "&>>"),
    ],
)
def test_tokens(text: str, kind: str, value: object) -> None:
    [token, end] = tokens(text)
    assert (token.kind, token.value, end.kind) == (kind, value, "end")


def test_an_attribute_ends_where_an_operator_begins() -> None:
    assert [token.text for token in tokens("{span.a>=1&&.b=~`x`}")] == [
        *("{", "span.a", ">=", "1", "&&", ".b", "=~", "`x`", "}", "")
    ]


def test_comments_and_spaces_are_passed_over() -> None:
    assert [token.text for token in tokens("{ // one\n /* two\n */ }")] == ["{", "}", ""]


@pytest.mark.parametrize(
    ("text", "column"),
    [('{ name = "a', 10), ("{ name = 'a' }", 10), ('{ name = "\\d" }', 10), ("{ . = 1 }", 3), ("#", 1)],
)
def test_what_is_no_token_is_refused_with_its_place(text: str, column: int) -> None:
    with pytest.raises(TraceQLError) as raised:
        list(tokens(text))
    assert raised.value.where == f"line 1, col {column}"


@given(st.text())
def test_any_text_is_tokens_or_refused(text: str) -> None:
    try:
        found = list(tokens(text))
    except TraceQLError:
        return
    assert found[-1].kind == "end"
    assert all(text[token.position :].startswith(token.text) for token in found)


@given(st.text(st.characters(exclude_characters='"\\\n', exclude_categories=["Cs"])))
def test_a_quoted_text_stands_for_itself(text: str) -> None:
    [token, _] = tokens(f'"{text}"')
    assert token.value == text
