"""What a search shows of a span: the fields that its query mentions, where they match."""

from __future__ import annotations

from typing import TYPE_CHECKING

from obsdeck.tracestore.traceql.syntax import (
    Aggregate,
    Attribute,
    Both,
    Combination,
    Comparison,
    Condition,
    Either,
    Exists,
    Field,
    Filter,
    Intrinsic,
    Literal,
    Not,
    Pipeline,
    Scope,
    Select,
    Truth,
)
from obsdeck.tracestore.traceql.values import literal_test

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obsdeck.tracestore.model import Scalar, Span, Value
    from obsdeck.tracestore.traceql.values import Test

STATUS_NAMES = ("unset", "ok", "error")
KIND_NAMES = ("unspecified", "internal", "server", "client", "producer", "consumer")


class Shown:
    """The fields that a query mentions, each with the tests that it puts its value to.

    Args:
        query: The query; a field that it selects or aggregates is shown whatever its value.
    """

    def __init__(self, query: Pipeline) -> None:
        self._tests: dict[Field, list[Test]] = {}
        for field, test in _mentions(query):
            for scoped in _scoped(field):
                self._tests.setdefault(scoped, []).append(test)

    def name(self, span: Span) -> str:
        """The span's name, empty where the query does not ask for it."""
        tests = self._tests.get(Intrinsic.NAME, [])
        return span.name if any(test(span.name) for test in tests) else ""

    def attributes(self, span: Span) -> list[tuple[str, Value]]:
        """Names and values; of a list, the elements that pass a test."""
        found: list[tuple[str, Value]] = []
        for field, tests in self._tests.items():
            if isinstance(field, Attribute):
                holder = span.attributes if field.scope is Scope.SPAN else span.resource.attributes
                value = _passing(holder.get(field.name), tests)
                if value is not None:
                    found.append((field.name, value))
            elif field is Intrinsic.STATUS and any(test(span.status) for test in tests):
                found.append((field.value, keyword(STATUS_NAMES, span.status)))
            elif field is Intrinsic.KIND and any(test(span.kind) for test in tests):
                found.append((field.value, keyword(KIND_NAMES, span.kind)))
        return found


def keyword(names: tuple[str, ...], code: int) -> str:
    """The word for an OTLP status or kind; its number where OTLP does not define it."""
    return names[code] if 0 <= code < len(names) else str(code)


def go_duration(nanoseconds: int) -> str:
    """A duration the way Go, and so Tempo, writes it: ``1m30s``, ``1.5s``, ``250ms``, ``0s``."""
    sign, amount = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if amount < 10**9:
        for unit, size in (("ms", 10**6), ("µs", 10**3), ("ns", 1)):
            if amount >= size:
                return f"{sign}{_decimal(amount, size)}{unit}"
        return "0s"
    minutes, rest = divmod(amount, 60 * 10**9)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{clock}{_decimal(rest, 10**9)}s"


def _decimal(amount: int, size: int) -> str:
    whole, rest = divmod(amount, size)
    return f"{whole}.{rest:0{len(str(size)) - 1}d}".rstrip("0").rstrip(".")


def _passing(value: Value | None, tests: list[Test]) -> Value | None:
    if value is None:
        return None
    if isinstance(value, list):
        items = [item for item in value if any(test(item) for test in tests)]
        return items[0] if len(items) == 1 else items or None
    return value if any(test(value) for test in tests) else None


def _scoped(field: Field) -> list[Field]:
    if isinstance(field, Attribute) and field.scope is Scope.ANY:
        return [Attribute(Scope.RESOURCE, field.name), Attribute(Scope.SPAN, field.name)]
    return [field]


def _anything(_: Scalar) -> bool:
    return True


def _mentions(node: Filter | Combination | Aggregate | Select | Pipeline) -> Iterator[tuple[Field, Test]]:
    match node:
        case Filter(condition=condition):
            yield from _conditions(condition)
        case Combination(left=left, right=right):
            yield from _mentions(left)
            yield from _mentions(right)
        case Aggregate(field=field):
            if field:
                yield field, _anything
        case Select(fields=fields):
            yield from ((field, _anything) for field in fields)
        case Pipeline(stages=stages):
            for stage in stages:
                yield from _mentions(stage)


def _conditions(condition: Condition) -> Iterator[tuple[Field, Test]]:
    match condition:
        case Comparison(left=left, right=Literal() as literal):
            if not isinstance(left, Literal):
                yield left, literal_test(left, condition.operator, literal)
        case Comparison(left=left, right=right):
            yield from ((side, _anything) for side in (left, right) if not isinstance(side, Literal))
        case Exists(field=field, negated=False):
            yield field, _anything
        case Truth(operand=operand):
            if not isinstance(operand, Literal):
                yield operand, _anything
        case Not(condition=inner):
            yield from _conditions(inner)
        case Both(left=left_, right=right_) | Either(left=left_, right=right_):
            yield from _conditions(left_)
            yield from _conditions(right_)
        case _:
            pass
