from __future__ import annotations

import pytest

from obsdeck.tracestore.model import Resource, Span, Trace, Value
from obsdeck.tracestore.traceql.parser import parse_field
from obsdeck.tracestore.traceql.syntax import Attribute, Intrinsic, Literal, Scope, Type
from obsdeck.tracestore.traceql.values import comparable, compare, getter, literal_test, number

SPAN = Span(1, 0, "work", 5, 7, 2, 3, Resource(b""), b"")
TRACE = Trace(b"", (SPAN,), "root", "shop")
ATTRIBUTE = Attribute(Scope.ANY, "a")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "work"),
        ("duration", 7),
        ("status", 2),
        ("kind", 3),
        ("rootName", "root"),
        ("rootServiceName", "shop"),
        ("traceDuration", 7),
        (".absent", None),
        ("span.service.name", None),
        ("resource.service.name", ""),
        (".service.name", ""),
    ],
)
def test_every_field_has_its_value(field: str, value: Value | None) -> None:
    assert getter(parse_field(field))(SPAN, TRACE) == value


@pytest.mark.parametrize(
    ("operator", "literal", "value", "holds"),
    [
        ("=", Literal(Type.INT, 1), 1, True),
        ("=", Literal(Type.INT, 1), 1.0, False),
        ("=", Literal(Type.INT, 1), True, False),
        (">", Literal(Type.FLOAT, 1.5), 2, False),
        ("!=", Literal(Type.STRING, "x"), "y", True),
        ("!=", Literal(Type.STRING, "x"), 1, False),
        ("=~", Literal(Type.STRING, "x+"), "xx", True),
        ("!~", Literal(Type.STRING, "x+"), "y", True),
        ("!~", Literal(Type.STRING, "x+"), 1, False),
        (">", Literal(Type.DURATION, 1), 5, False),
        ("=", Literal(Type.STATUS, 2), 2, False),
    ],
)
def test_an_attribute_meets_literals_of_its_own_type(
    operator: str, literal: Literal, value: str | float, *, holds: bool
) -> None:
    assert literal_test(ATTRIBUTE, operator, literal)(value) is holds


def test_a_duration_meets_any_number() -> None:
    for literal in (Literal(Type.DURATION, 6), Literal(Type.INT, 6), Literal(Type.FLOAT, 6.5)):
        assert literal_test(Intrinsic.DURATION, ">", literal)(7)


@pytest.mark.parametrize(
    ("left", "right", "fit"),
    [
        (1, 2.5, True),
        ("a", "b", True),
        (True, False, True),
        (1, True, False),
        (1, "1", False),
        (["a"], ["a"], False),
    ],
)
def test_two_fields_compare_where_their_values_can(left: Value, right: Value, *, fit: bool) -> None:
    assert comparable(left, right) is fit


def test_values_compare() -> None:
    assert compare("<", 1, 2.5)
    assert compare("!~", "a", "b")


def test_a_boolean_is_no_number() -> None:
    assert [number(value) for value in (1, 1.5, True, "1", None, [1])] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
