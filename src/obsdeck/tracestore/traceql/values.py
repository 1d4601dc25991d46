"""Values of fields, and tests on them."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Final, TypeAlias

from obsdeck.tracestore.traceql.check import compiled
from obsdeck.tracestore.traceql.syntax import Field, Intrinsic, Literal, Scope, Type

if TYPE_CHECKING:
    from collections.abc import Callable

    from obsdeck.tracestore.model import Scalar, Span, Trace, Value

    Getter: TypeAlias = Callable[[Span, Trace], Value | None]
    Test: TypeAlias = Callable[[Scalar], bool]

_OPERATORS: Final = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_PYTHON_TYPES: Final = {Type.STRING: str, Type.INT: int, Type.FLOAT: float, Type.BOOL: bool}
_INTRINSICS: Final[dict[Intrinsic, Getter]] = {
    Intrinsic.NAME: lambda span, _: span.name,
    Intrinsic.DURATION: lambda span, _: span.duration,
    Intrinsic.STATUS: lambda span, _: span.status,
    Intrinsic.KIND: lambda span, _: span.kind,
    Intrinsic.ROOT_NAME: lambda _, trace: trace.root_name,
    Intrinsic.ROOT_SERVICE_NAME: lambda _, trace: trace.root_service,
    Intrinsic.TRACE_DURATION: lambda _, trace: trace.duration,
}


def getter(field: Field) -> Getter:
    """A function that gives a field's value on a span, None where the span does not have it."""
    if isinstance(field, Intrinsic):
        return _INTRINSICS[field]
    name = field.name
    match field.scope:
        case Scope.SPAN:
            return lambda span, _: span.attributes.get(name)
        case Scope.RESOURCE:
            return lambda span, _: span.resource.attributes.get(name)
        case Scope.ANY:

            def any_scope(span: Span, _: Trace) -> Value | None:
                found = span.attributes.get(name)
                return span.resource.attributes.get(name) if found is None else found

            return any_scope


def compare(operator_: str, left: Scalar, right: Scalar) -> bool:
    """``left operator right`` for values whose types are known to fit."""
    if operator_ in ("=~", "!~"):
        return bool(compiled(str(right))(str(left))) == (operator_ == "=~")
    return bool(_OPERATORS[operator_](left, right))


def literal_test(field: Field, operator_: str, literal: Literal) -> Test:
    """A test of a field's value against a literal.

    An attribute only ever equals or exceeds a literal of its very type: Tempo keeps a column per type,
    so that ``{ .a > 1 }`` does not see the number 2.5.
    """
    wanted = literal.value
    if operator_ in ("=~", "!~"):
        matches, positive = compiled(str(wanted)), operator_ == "=~"
        return lambda value: isinstance(value, str) and bool(matches(value)) == positive
    holds = _OPERATORS[operator_]
    if isinstance(field, Intrinsic):
        return lambda value: bool(holds(value, wanted))
    type_ = _PYTHON_TYPES.get(literal.type)
    return lambda value: type(value) is type_ and bool(holds(value, wanted))


def comparable(left: Value, right: Value) -> bool:
    """Whether the values of two fields can be compared: the same type, or both numbers."""
    if isinstance(left, list) or isinstance(right, list):
        return False
    return type(left) is type(right) or (number(left) and number(right))


def number(value: Value | None) -> bool:
    """Whether a value can be counted with; a boolean cannot."""
    return type(value) in (int, float)
