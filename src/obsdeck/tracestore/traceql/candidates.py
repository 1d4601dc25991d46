"""A query -> SQL that finds the traces of a block worth a look.

What the SQL finds holds every trace that matches; a few more do no harm, since ``evaluate`` decides.
"""

# ruff: noqa: S608 - the SQL is put together from fixed pieces; every value is bound.
from __future__ import annotations

from typing import Final

from obsdeck.tracestore.block import SPAN
from obsdeck.tracestore.otlp import FLOAT, INT
from obsdeck.tracestore.traceql.conditions import ALWAYS, Sql, is_exact, span_condition
from obsdeck.tracestore.traceql.syntax import (
    TRUE,
    Aggregate,
    Attribute,
    Both,
    Combination,
    Comparison,
    Condition,
    Either,
    Filter,
    Intrinsic,
    Not,
    Pipeline,
    Scope,
    Select,
    Truth,
)

_EVERYTHING: Final = Filter(Truth(TRUE))
_JOINS: Final = {
    ">": "a.trace = b.trace AND a.span_id = b.parent_id",
    "<": "a.trace = b.trace AND b.span_id = a.parent_id",
    "~": "a.trace = b.trace AND a.parent_id = b.parent_id AND a.id <> b.id",
}
_RELATIONS: Final = (*_JOINS, ">>", "<<")


def candidates(query: Pipeline, sql: Sql) -> str:
    """A SELECT of the numbers of a block's traces that may match; empty where any may."""
    return _pipeline(query, sql)


def is_local(query: Pipeline) -> bool:
    """Whether one block can tell about a span, without the spans of its trace in other blocks."""
    [first, *others] = query.stages
    return (
        isinstance(first, Filter)
        and not _mentions_trace(first.condition)
        and all(isinstance(stage, Select) for stage in others)
    )


def _pipeline(node: Pipeline, sql: Sql, *, whole: bool = True) -> str:
    """Traces that a pipeline may let through; ``whole`` where it is fed with all spans of a trace."""
    first = node.stages[0]
    counted: Filter | None = _EVERYTHING if whole else None
    if whole and isinstance(first, Filter):
        counted = first
    parts = []
    for stage in node.stages:
        match stage:
            case Aggregate():
                parts.append(_aggregate(counted, stage, sql) if counted else "")
            case Filter() | Combination() | Pipeline():
                parts.append(_traces(stage, sql, whole=whole and stage is first))
                counted = counted if stage is first and isinstance(first, Filter) else None
            case _:
                pass
    return _compound("INTERSECT", parts)


def _traces(node: Filter | Combination | Pipeline, sql: Sql, *, whole: bool) -> str:
    match node:
        case Filter(condition=condition):
            where = span_condition(condition, sql)
            return "" if where == ALWAYS else f"SELECT s.trace AS trace FROM span s WHERE {where}"
        case Combination(operator="||", left=left, right=right):
            either = [_traces(left, sql, whole=whole), _traces(right, sql, whole=whole)]
            return _compound("UNION", either) if all(either) else ""
        case Combination(operator=operator, left=Filter() as left, right=Filter() as right) if (
            operator in _RELATIONS
        ):
            return _relation(operator, left, right, sql)
        case Combination(left=left, right=right):
            return _compound("INTERSECT", [_traces(left, sql, whole=whole), _traces(right, sql, whole=whole)])
        case Pipeline():
            return _pipeline(node, sql, whole=whole)


def _relation(operator: str, left: Filter, right: Filter, sql: Sql) -> str:
    if operator == ">>":
        return _descent(left.condition, right.condition, sql)
    if operator == "<<":
        return _descent(right.condition, left.condition, sql)
    where = f"{span_condition(left.condition, sql, 'a')} AND {span_condition(right.condition, sql, 'b')}"
    return f"SELECT b.trace AS trace FROM span a JOIN span b ON {_JOINS[operator]} WHERE {where}"


def _descent(above: Condition, below: Condition, sql: Sql) -> str:
    """Traces in which a span hangs anywhere below another: climbs from the lower ones, each step once."""
    lower, upper = span_condition(below, sql), span_condition(above, sql, "a")
    nearby = f"s.trace IN (SELECT a.trace FROM span a WHERE {upper})" if upper != ALWAYS else ALWAYS
    return f"""
        WITH RECURSIVE climb (trace, parent_id) AS (
            SELECT s.trace, s.parent_id FROM span s WHERE {lower} AND {nearby}
            UNION
            SELECT p.trace, p.parent_id
            FROM climb c JOIN span p ON p.trace = c.trace AND p.span_id = c.parent_id
        )
        SELECT a.trace AS trace
        FROM climb c JOIN span a ON a.trace = c.trace AND a.span_id = c.parent_id WHERE {upper}
    """


def _aggregate(spans: Filter, node: Aggregate, sql: Sql) -> str:
    """Traces by the aggregate of their spans, where SQL can bound it; else empty."""
    where = span_condition(spans.condition, sql)
    value = sql.bind(node.literal.value)
    exact = is_exact(spans.condition)
    if node.function == "count":
        # Counting too many spans is a bound only from above.
        test = f"count(*) {node.operator} {value}" if exact or node.operator in (">", ">=") else ""
        source = "span s"
    elif node.field is Intrinsic.DURATION:
        test = _bounded(f"{node.function}(s.duration)", node.operator, value, "1") if exact else ""
        source = "span s"
    elif isinstance(node.field, Attribute) and node.field.scope is Scope.SPAN:
        name = sql.bind(node.field.name)
        key = f"(SELECT id FROM attribute_key WHERE name = {name} AND scope = {SPAN})"
        source = (
            f"span_attribute v JOIN span s ON s.id = v.span AND v.key = {key} AND v.kind IN ({INT}, {FLOAT})"
        )
        slack = f"1e-9 * (abs({value}) + 1)"
        test = _bounded(f"{node.function}(v.value)", node.operator, value, slack) if exact else ""
    else:
        return ""
    # The plus keeps SQLite from walking an index in the order of traces, which is slower than sorting.
    return (
        f"SELECT s.trace AS trace FROM {source} WHERE {where} GROUP BY +s.trace HAVING {test}" if test else ""
    )


def _bounded(aggregate: str, operator: str, value: str, slack: str) -> str:
    """A comparison that forgives rounding: Tempo cuts averages of durations, SQLite adds in its own order."""
    match operator:
        case ">" | ">=":
            return f"{aggregate} >= {value} - {slack}"
        case "<" | "<=":
            return f"{aggregate} <= {value} + {slack}"
        case "=":
            return f"{aggregate} BETWEEN {value} - {slack} AND {value} + {slack}"
        case _:
            return ""


def _compound(operator: str, parts: list[str]) -> str:
    selects = [f"SELECT trace FROM ({part})" for part in parts if part]
    return f" {operator} ".join(selects)


def _mentions_trace(condition: Condition) -> bool:
    match condition:
        case Comparison(left=left, right=right):
            return any(isinstance(side, Intrinsic) and side.of_trace for side in (left, right))
        case Not(condition=inner):
            return _mentions_trace(inner)
        case Both(left=left_, right=right_) | Either(left=left_, right=right_):
            return _mentions_trace(left_) or _mentions_trace(right_)
        case _:
            return False
