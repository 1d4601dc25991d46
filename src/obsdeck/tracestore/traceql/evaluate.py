"""A query on one trace: which spans match, exactly as Tempo decides it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from obsdeck.tracestore.traceql.relations import related
from obsdeck.tracestore.traceql.syntax import (
    Aggregate,
    Both,
    Combination,
    Comparison,
    Condition,
    Exists,
    Filter,
    Intrinsic,
    Literal,
    Not,
    Operand,
    Pipeline,
    Select,
    Truth,
    Type,
)
from obsdeck.tracestore.traceql.values import comparable, compare, getter, literal_test, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from obsdeck.tracestore.model import Span, Trace


@dataclass(frozen=True, slots=True)
class Match:
    """What a query finds in a trace: spans by start time, and what its aggregates came to, by their text."""

    spans: tuple[Span, ...]
    aggregates: dict[str, tuple[Type, int | float]] = field(default_factory=dict)


if TYPE_CHECKING:
    Predicate: TypeAlias = Callable[[Span, Trace], bool]
    Stage: TypeAlias = Callable[[Match, Trace], Match | None]


def matcher(query: Pipeline) -> Callable[[Trace], Match | None]:
    """A function that gives the match of a query in a trace, None where there is none."""
    run = _stage(query)
    return lambda trace: run(Match(trace.spans), trace)


def _stage(node: Filter | Combination | Aggregate | Select | Pipeline) -> Stage:
    match node:
        case Filter():
            return _filter(node)
        case Combination():
            return _combination(node)
        case Aggregate():
            return _aggregate(node)
        case Select():
            return lambda match, _: match
        case Pipeline():
            return _pipeline(node)


def _pipeline(node: Pipeline) -> Stage:
    stages = [_stage(stage) for stage in node.stages]

    def run(match: Match, trace: Trace) -> Match | None:
        current: Match | None = match
        for stage in stages:
            if current is None:
                return None
            current = stage(current, trace)
        return current

    return run


def _filter(node: Filter) -> Stage:
    holds = predicate(node.condition)

    def run(match: Match, trace: Trace) -> Match | None:
        spans = tuple(span for span in match.spans if holds(span, trace))
        return replace(match, spans=spans) if spans else None

    return run


def _combination(node: Combination) -> Stage:
    left, right, operator = _stage(node.left), _stage(node.right), node.operator

    def run(match: Match, trace: Trace) -> Match | None:
        found_left, found_right = left(match, trace), right(match, trace)
        left_spans = found_left.spans if found_left else ()
        right_spans = found_right.spans if found_right else ()
        if operator == "||" or (operator == "&&" and left_spans and right_spans):
            ids = {span.span_id for span in (*left_spans, *right_spans)}
            spans = [span for span in match.spans if span.span_id in ids]
        elif operator == "&&":
            return None
        else:
            spans = related(operator, left_spans, right_spans, trace)
        return replace(match, spans=tuple(spans)) if spans else None

    return run


def _aggregate(node: Aggregate) -> Stage:
    value_of = getter(node.field) if node.field else None
    type_ = node.field.type if isinstance(node.field, Intrinsic) else None

    def run(match: Match, trace: Trace) -> Match | None:
        if value_of is None:
            result: int | float = len(match.spans)
        else:
            numbers = [value for span in match.spans if number(value := value_of(span, trace))]
            if not numbers:
                return None
            result = _summary(node.function, numbers, whole=type_ is not None)  # type: ignore[arg-type]
        if not compare(node.operator, result, node.literal.value):
            return None
        shown = type_ or (Type.FLOAT if isinstance(result, float) else Type.INT)
        return replace(match, aggregates=match.aggregates | {str(node): (shown, result)})

    return run


def _summary(function: str, numbers: list[int | float], *, whole: bool) -> int | float:
    """The aggregate of some numbers; the average of durations is whole nanoseconds."""
    match function:
        case "max":
            return max(numbers)
        case "min":
            return min(numbers)
        case "sum":
            return sum(numbers)
        case _:
            total = sum(numbers)
            return total // len(numbers) if whole else total / len(numbers)


def predicate(condition: Condition) -> Predicate:
    """A function that tells whether a span fulfils a condition."""
    match condition:
        case Comparison():
            return _comparison(condition)
        case Exists(field=field_, negated=negated):
            value_of = getter(field_)
            return lambda span, trace: (value_of(span, trace) is None) == negated
        case Truth(operand=operand):
            return _truth(operand, wanted=True)
        case Not():
            return _not(condition)
        case Both(left=left, right=right):
            first, second = predicate(left), predicate(right)
            return lambda span, trace: first(span, trace) and second(span, trace)
    first, second = predicate(condition.left), predicate(condition.right)
    return lambda span, trace: first(span, trace) or second(span, trace)


def _not(condition: Not) -> Predicate:
    if isinstance(condition.condition, Truth):
        return _truth(condition.condition.operand, wanted=False)
    holds = predicate(condition.condition)
    return lambda span, trace: not holds(span, trace)


def _truth(operand: Operand, *, wanted: bool) -> Predicate:
    """A boolean that stands alone; what has no boolean value is neither true nor false."""
    if isinstance(operand, Literal):
        constant = operand.value is wanted
        return lambda _span, _trace: constant
    value_of = getter(operand)
    return lambda span, trace: value_of(span, trace) is wanted


def _comparison(comparison: Comparison) -> Predicate:
    left, right, operator = comparison.left, comparison.right, comparison.operator
    if isinstance(left, Literal):
        constant = isinstance(right, Literal) and compare(operator, left.value, right.value)
        return lambda _span, _trace: constant
    value_of = getter(left)
    if isinstance(right, Literal):
        test = literal_test(left, operator, right)

        def against_literal(span: Span, trace: Trace) -> bool:
            value = value_of(span, trace)
            if isinstance(value, list):
                return any(map(test, value))
            return value is not None and test(value)

        return against_literal
    other_of = getter(right)

    def against_field(span: Span, trace: Trace) -> bool:
        value, other = value_of(span, trace), other_of(span, trace)
        if value is None or other is None or not comparable(value, other):
            return False
        return compare(operator, value, other)  # type: ignore[arg-type]  # comparable values are scalars

    return against_field
