from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsdeck.tracestore.traceql.errors import TraceQLError, UnsupportedError
from obsdeck.tracestore.traceql.parser import parse, parse_field
from obsdeck.tracestore.traceql.syntax import (
    TRUE,
    Aggregate,
    Attribute,
    Both,
    Combination,
    Comparison,
    Either,
    Exists,
    Filter,
    Intrinsic,
    Literal,
    Not,
    Pipeline,
    Scope,
    Select,
    Truth,
    Type,
)

A = Attribute(Scope.ANY, "a")
B = Attribute(Scope.ANY, "b")
ONE = Literal(Type.INT, 1)


def condition(query: str) -> object:
    [stage] = parse(query).stages
    assert isinstance(stage, Filter)
    return stage.condition


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{}", Truth(TRUE)),
        ("{ .a = 1 }", Comparison("=", A, ONE)),
        ("{ .a != -1 }", Comparison("!=", A, Literal(Type.INT, -1))),
        ("{ span.a >= 1.5 }", Comparison(">=", Attribute(Scope.SPAN, "a"), Literal(Type.FLOAT, 1.5))),
        ("{ resource.a = `x` }", Comparison("=", Attribute(Scope.RESOURCE, "a"), Literal(Type.STRING, "x"))),
        ("{ duration > -1ms }", Comparison(">", Intrinsic.DURATION, Literal(Type.DURATION, -1_000_000))),
        ("{ status = error }", Comparison("=", Intrinsic.STATUS, Literal(Type.STATUS, 2))),
        ("{ span:kind = server }", Comparison("=", Intrinsic.KIND, Literal(Type.KIND, 2))),
        (
            "{ trace:rootService = `x` }",
            Comparison("=", Intrinsic.ROOT_SERVICE_NAME, Literal(Type.STRING, "x")),
        ),
        ("{ .a = true }", Comparison("=", A, TRUE)),
        ("{ .a = .b }", Comparison("=", A, B)),
        ("{ .a != nil }", Exists(A, negated=False)),
        ("{ nil = .a }", Exists(A, negated=True)),
        ("{ .a }", Truth(A)),
        ("{ !.a }", Not(Truth(A))),
        ("{ !(.a = 1) }", Not(Comparison("=", A, ONE))),
        ("{ (.a) }", Truth(A)),
    ],
)
def test_conditions(text: str, wanted: object) -> None:
    assert condition(text) == wanted


def test_and_and_or_bind_equally_from_the_left() -> None:
    assert condition("{ .a || .b && .a }") == Both(Either(Truth(A), Truth(B)), Truth(A))
    assert condition("{ .a && .b || .a }") == Either(Both(Truth(A), Truth(B)), Truth(A))
    assert condition("{ .a || (.b && .a) }") == Either(Truth(A), Both(Truth(B), Truth(A)))


def test_a_literal_on_the_left_changes_sides() -> None:
    assert condition("{ 1 < .a }") == Comparison(">", A, ONE)
    assert condition("{ 1 = .a }") == Comparison("=", A, ONE)


def test_structure_binds_tighter_than_and() -> None:
    [stage] = parse("{ .a } > { .b } && { .a } >> { .b }").stages
    assert isinstance(stage, Combination)
    assert isinstance(stage.left, Combination)
    assert isinstance(stage.right, Combination)
    assert (stage.operator, stage.left.operator, stage.right.operator) == ("&&", ">", ">>")


def test_pipelines() -> None:
    assert parse("{ .a } | count() > 1 | avg(duration) <= 2s | select(.a, name)") == Pipeline(
        (
            Filter(Truth(A)),
            Aggregate("count", None, ">", ONE),
            Aggregate("avg", Intrinsic.DURATION, "<=", Literal(Type.DURATION, 2 * 10**9)),
            Select((A, Intrinsic.NAME)),
        )
    )


def test_brackets_keep_a_pipeline_together() -> None:
    [stage] = parse("({ .a } | count() > 1) && { .b }").stages
    assert isinstance(stage, Combination)
    assert stage.left == Pipeline((Filter(Truth(A)), Aggregate("count", None, ">", ONE)))


@pytest.mark.parametrize(
    ("query", "construct", "column"),
    [
        ("{ parent.a = 1 }", "parent.", 3),
        ("{ parent.span.a = 1 }", "parent.", 3),
        ("{ event.a = 1 }", "event.", 3),
        ("{ link.a = 1 }", "link.", 3),
        ("{ instrumentation.a = 1 }", "instrumentation.", 3),
        ("{ event:name = `x` }", "event:name", 3),
        ("{ span:id = `x` }", "span:id", 3),
        ("{ trace:id = `x` }", "trace:id", 3),
        ("{ statusMessage = `x` }", "statusMessage", 3),
        ("{ nestedSetParent < 0 }", "nestedSetParent", 3),
        ("{ span:childCount > 1 }", "span:childCount", 3),
        ("{ .a = 1 + 1 }", "+", 10),
        ("{ .a * 2 = 1 }", "*", 6),
        ("{ -.a = 1 }", "-", 3),
        ("{ (.a = 1) = true }", "= after a condition", 12),
        ("{ } | rate()", "rate()", 7),
        ("{ } | by(name)", "by()", 7),
        ("{ } | coalesce()", "coalesce()", 7),
        ("{ } | quantile_over_time(duration, 0.9)", "quantile_over_time()", 7),
        ("{ } | compare({ })", "compare()", 7),
        ("{ } !> { }", "!>", 5),
        ("{ } !~ { }", "!~", 5),
        ("{ } &>> { }", "&>>", 5),
        ("{ } with (most_recent=true)", "with", 5),
        ("{ } | count() + 1 > 2", "+", 15),
        ("{ } | count() > count()", "comparison of two aggregates", 15),
    ],
)
def test_what_only_tempo_offers_is_named_with_its_place(query: str, construct: str, column: int) -> None:
    with pytest.raises(UnsupportedError) as raised:
        parse(query)
    assert raised.value.construct == construct
    assert raised.value.column == column
    assert f"`{construct}` is not supported by this trace store" in raised.value.text
    assert "Tempo" in raised.value.text


@pytest.mark.parametrize(
    "query",
    [
        "",
        "{",
        "}",
        "{ }}",
        "{ } { }",
        "{ } |",
        "{ } | count()",
        "{ } | select()",
        "{ } | select(1)",
        "{ } &&",
        "{ .a = }",
        "{ .a > nil }",
        "{ nil }",
        "{ nil = nil }",
        "{ foo = 1 }",
        "{ name = db }",
        "{ .a and .b }",
        "{ .a IN (1) }",
        "( { }",
        "{ ( .a }",
        "{ duration > 50 ms }",
    ],
)
def test_what_is_no_traceql_is_refused_and_not_called_unsupported(query: str) -> None:
    with pytest.raises(TraceQLError) as raised:
        parse(query)
    assert not isinstance(raised.value, UnsupportedError)
    assert raised.value.text.startswith("invalid TraceQL query: line 1, col ")


def test_the_place_of_an_error_counts_lines() -> None:
    with pytest.raises(TraceQLError) as raised:
        parse("{\n  .a = 1 &&\n  foo = 2\n}")
    assert raised.value.where == "line 3, col 3"


@pytest.mark.parametrize("query", ["(" * 2000 + "{ }", "{ " + "(" * 2000 + ".a", "{ " + "!" * 2000 + ".a }"])
def test_a_query_of_brackets_is_refused(query: str) -> None:
    with pytest.raises(TraceQLError, match="nested deeper"):
        parse(query)


@pytest.mark.parametrize("text", ["resource.service.name", ".a", "name", "span:status", 'span."a b"'])
def test_a_field_alone(text: str) -> None:
    assert parse_field(text) is not None


@pytest.mark.parametrize("text", ["nope", "", "{", "resource.", "name name", "1", "span:id", "event.a"])
def test_what_is_no_field_alone(text: str) -> None:
    with pytest.raises(TraceQLError):
        parse_field(text)


WORDS = st.sampled_from(
    [
        *(
            "{",
            "}",
            "(",
            ")",
            "|",
            "&&",
            "||",
            "!",
            ">",
            ">>",
            "<",
            "<<",
            "~",
            "=",
            "!=",
            "=~",
            "!~",
            "+",
            "-",
        ),
        *("name", "duration", "status", "error", "nil", "true", "count", "avg", "select", "by", "rate", ","),
        *(
            ".a",
            "span.b",
            "resource.c",
            "parent.d",
            "span:name",
            "event:name",
            "1",
            "1.5",
            "2s",
            '"x"',
            "`y`",
            "foo",
        ),
    ]
)


@given(st.lists(WORDS, max_size=30).map(" ".join))
def test_any_sentence_of_the_languages_words_is_a_query_or_refused(query: str) -> None:
    refused = None
    try:
        parse(query)
    except TraceQLError as error:
        refused = error
    assert refused is None or (refused.line == 1 and 1 <= refused.column <= len(query) + 1)
