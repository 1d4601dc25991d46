"""Types: what Tempo refuses because it can never be right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import re2

from obsdeck.tracestore.traceql.errors import TraceQLError
from obsdeck.tracestore.traceql.syntax import (
    Aggregate,
    Attribute,
    Comparison,
    Condition,
    Exists,
    Intrinsic,
    Literal,
    Operand,
    Scope,
    Truth,
    Type,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_ORDER: Final = ("<", "<=", ">", ">=")
_REGEX: Final = ("=~", "!~")


def check_comparison(comparison: Comparison, query: str, position: int) -> None:
    """Refuse a comparison whose sides can never be compared.

    Raises:
        TraceQLError: Different types, an operator that the type does not have, a wrong regular expression.
    """
    left, right = _type(comparison.left), _type(comparison.right)
    if left and right and left != right and not (left.numeric and right.numeric):
        raise TraceQLError(
            "binary operations must operate on the same type:"
            f" {left.value} {comparison.operator} {right.value}",
            query,
            position,
        )
    for side in (left, right):
        if side and not _has(side, comparison.operator):
            raise TraceQLError(
                f"illegal operation for the given types: {comparison.operator} on a {side.value}",
                query,
                position,
            )
    if comparison.operator in _REGEX:
        if not isinstance(comparison.right, Literal):
            raise TraceQLError(f"{comparison.operator} needs a text on its right side", query, position)
        _check_regex(str(comparison.right.value), query, position)


def check_nil(exists: Exists, query: str, position: int) -> None:
    """Refuse ``= nil`` on what every span has.

    Raises:
        TraceQLError: An intrinsic field, or ``resource.service.name``.
    """
    always = isinstance(exists.field, Intrinsic) or exists.field == Attribute(Scope.RESOURCE, "service.name")
    if exists.negated and always:
        name = exists.field.value if isinstance(exists.field, Intrinsic) else exists.field
        raise TraceQLError(f"{name} = nil is not valid because it cannot be nil", query, position)


def check_condition(condition: Condition, query: str, position: int) -> None:
    """Refuse a filter that is no condition.

    Raises:
        TraceQLError: A value or a field stands where a condition is needed.
    """
    if isinstance(condition, Truth) and _type(condition.operand) not in (None, Type.BOOL):
        raise TraceQLError("span filter field expressions must resolve to a boolean", query, position)
    for name in ("condition", "left", "right"):
        inner = getattr(condition, name, None)
        if inner is not None and not isinstance(condition, Comparison):
            check_condition(inner, query, position)


def check_aggregate(aggregate: Aggregate, query: str, position: int) -> None:
    """Refuse an aggregate over what is no number.

    Raises:
        TraceQLError: A text field, or a value of another type to compare with.
    """
    type_ = _type(aggregate.field) if aggregate.field else Type.INT
    if type_ and not type_.numeric:
        raise TraceQLError(f"aggregate fields must resolve to a number type: {aggregate}", query, position)
    if not aggregate.literal.type.numeric:
        raise TraceQLError(f"{aggregate} compares with a number or a duration", query, position)


def compiled(pattern: str) -> Callable[[str], object]:
    """A test for texts that match from start to end; `.` is any character, as in Tempo.

    RE2 is what Tempo uses too. Its time grows with the text and not beyond, whatever the pattern.

    Raises:
        re2.error: The pattern is none of RE2's.
    """
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    test: Callable[[str], object] = re2.compile(pattern, options).fullmatch
    return test


def literal_prefix(pattern: str) -> str:
    """The text that everything begins with that matches a regular expression; empty where none is certain."""
    outside = re.sub(r"\\.|\[\^?\]?[^\]]*\]", "", pattern)
    while (inner := re.sub(r"\([^()]*\)", "", outside)) != outside:
        outside = inner
    if "|" in outside:
        return ""
    prefix = re.match(r"[^\\.^$*+?{}\[\]|()]*", pattern)
    text = prefix[0] if prefix else ""
    # What a quantifier follows may also be absent.
    return text[:-1] if pattern[len(text) : len(text) + 1] in ("*", "?", "{") else text


def _type(operand: Operand) -> Type | None:
    """The type of an operand; None for an attribute, which has the type of its value."""
    return None if isinstance(operand, Attribute) else operand.type


def _has(type_: Type, operator: str) -> bool:
    if operator in _REGEX:
        return type_ is Type.STRING
    return operator not in _ORDER or type_.numeric or type_ is Type.STRING


def _check_regex(pattern: str, query: str, position: int) -> None:
    try:
        compiled(pattern)
    except re2.error as error:
        raise TraceQLError(f"invalid regex: {pattern}: {error}", query, position) from None
