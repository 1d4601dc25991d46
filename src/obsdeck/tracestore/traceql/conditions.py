"""A condition on a span -> SQL over a block.

The SQL finds the very spans that fulfil the condition, but for one thing that it cannot say, the
comparison of two fields. There it settles for a bound: every span that may fulfil the condition or,
under ``!``, only spans that surely do.
"""

# ruff: noqa: S608 - the SQL is put together from fixed pieces; every value is bound.
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from obsdeck.tracestore.block import RESOURCE, SPAN
from obsdeck.tracestore.otlp import BOOL, FLOAT, INT, OPAQUE, STRING
from obsdeck.tracestore.traceql.check import compiled, literal_prefix
from obsdeck.tracestore.traceql.syntax import (
    FALSE,
    TRUE,
    Attribute,
    Both,
    Comparison,
    Condition,
    Either,
    Exists,
    Field,
    Intrinsic,
    Literal,
    Not,
    Operand,
    Scope,
    Truth,
    Type,
)
from obsdeck.tracestore.traceql.values import compare

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

ALWAYS: Final = "1"
NEVER: Final = "0"
_KINDS: Final = {Type.STRING: STRING, Type.INT: INT, Type.FLOAT: FLOAT, Type.BOOL: BOOL}
_TABLES: Final = {
    SPAN: ("span_attribute", "span", "id"),
    RESOURCE: ("resource_attribute", "resource", "resource"),
}
_LAST: Final = "\U0010ffff"


@dataclass(slots=True)
class Sql:
    """A piece of SQL in the making: its parameters and the Python functions that it calls."""

    parameters: dict[str, Any] = field(default_factory=dict)
    functions: dict[str, Callable[[object], bool]] = field(default_factory=dict)

    def bind(self, value: Any) -> str:
        """A placeholder for a value."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"

    def matches(self, pattern: str, column: str) -> str:
        """A condition that a text matches a regular expression."""
        name = f"matches_{len(self.functions)}"
        test = compiled(pattern)
        self.functions[name] = lambda text: isinstance(text, str) and test(text) is not None
        return f"{name}({column})"

    def prepare(self, db: sqlite3.Connection) -> None:
        """Make the functions known to a connection."""
        for name, function in self.functions.items():
            db.create_function(name, 1, function, deterministic=True)


def span_condition(condition: Condition, sql: Sql, span: str = "s") -> str:
    """A condition on a row of ``span`` that every span fulfils which fulfils the query's."""
    return _bound(condition, sql, span, upper=True)


def is_exact(condition: Condition) -> bool:
    """Whether the SQL of a condition finds no span too many."""
    match condition:
        case Comparison(left=left, right=right):
            return isinstance(left, Literal) or isinstance(right, Literal)
        case Not(condition=inner):
            return is_exact(inner)
        case Both(left=left_, right=right_) | Either(left=left_, right=right_):
            return is_exact(left_) and is_exact(right_)
        case _:
            return True


def _bound(condition: Condition, sql: Sql, span: str, *, upper: bool) -> str:
    match condition:
        case Comparison():
            found = _comparison(condition, sql, span, upper=upper)
        case Exists(field=field_, negated=negated):
            found = _negation(_present(field_, sql, span)) if negated else _present(field_, sql, span)
        case Truth(operand=operand):
            found = _truth(operand, TRUE, sql, span)
        case Not(condition=Truth(operand=operand)):
            found = _truth(operand, FALSE, sql, span)
        case Not(condition=inner):
            found = _negation(_bound(inner, sql, span, upper=not upper))
        case Both(left=left, right=right):
            found = _conjunction([_bound(side, sql, span, upper=upper) for side in (left, right)])
        case Either(left=left, right=right):
            found = _disjunction([_bound(side, sql, span, upper=upper) for side in (left, right)])
    return found


def _comparison(condition: Comparison, sql: Sql, span: str, *, upper: bool) -> str:
    left, right = condition.left, condition.right
    if not isinstance(right, Literal):
        both = [_present(side, sql, span) for side in (left, right) if not isinstance(side, Literal)]
        return _conjunction(both) if upper else NEVER
    if isinstance(left, Literal):
        return ALWAYS if compare(condition.operator, left.value, right.value) else NEVER
    return _compared(left, condition.operator, right, sql, span)


def _truth(operand: Operand, wanted: Literal, sql: Sql, span: str) -> str:
    if isinstance(operand, Literal):
        return ALWAYS if operand.value is wanted.value else NEVER
    return _compared(operand, "=", wanted, sql, span)


def _compared(field_: Field, operator: str, literal: Literal, sql: Sql, span: str) -> str:
    if isinstance(field_, Intrinsic):
        return _intrinsic(field_, operator, literal, sql, span)
    kind = _KINDS.get(literal.type)
    if not kind:
        return NEVER

    def chosen(table: str, key: str) -> str:
        of_kind = f"{key} AND kind = {kind}"
        if operator in ("=~", "!~"):
            return f"{of_kind} AND value IN ({_matching(table, of_kind, operator, literal, sql)})"
        return f"{of_kind} AND {_test('value', operator, literal, sql)}"

    return _with_attribute(field_, chosen, sql, span)


def _matching(table: str, of_kind: str, operator: str, literal: Literal, sql: Sql) -> str:
    """Values that match a regular expression; asks about each value once, not about each span."""
    prefix = literal_prefix(str(literal.value)) if operator == "=~" else ""
    within = f"AND value >= {sql.bind(prefix)} AND value < {sql.bind(prefix + _LAST)}" if prefix else ""
    values = f"SELECT DISTINCT value FROM {table} WHERE {of_kind} {within}"
    test = _test("value", operator, literal, sql)
    return f"WITH known AS MATERIALIZED ({values}) SELECT value FROM known WHERE {test}"


def _with_attribute(attribute: Attribute, chosen: Callable[[str, str], str], sql: Sql, span: str) -> str:
    """Spans that have the attribute, in the rows of its table that are chosen by their key and value."""

    def found(scope: int, where: Callable[[str, str], str]) -> str:
        table, column, owner = _TABLES[scope]
        name = sql.bind(attribute.name)
        key = f"key = (SELECT id FROM attribute_key WHERE name = {name} AND scope = {scope})"
        return f"{span}.{owner} IN (SELECT {column} FROM {table} WHERE {where(table, key)})"

    match attribute.scope:
        case Scope.SPAN:
            return found(SPAN, chosen)
        case Scope.RESOURCE:
            return found(RESOURCE, chosen)
        case Scope.ANY:
            # What the span itself says hides what its resource says.
            hidden = _negation(found(SPAN, _any_value))
            return _disjunction([found(SPAN, chosen), _conjunction([found(RESOURCE, chosen), hidden])])


def _any_value(_: str, key: str) -> str:
    return f"{key} AND kind <> {OPAQUE}"


def _intrinsic(intrinsic: Intrinsic, operator: str, literal: Literal, sql: Sql, span: str) -> str:
    match intrinsic:
        case Intrinsic.NAME:
            return f"{span}.name IN (SELECT id FROM text WHERE {_test('value', operator, literal, sql)})"
        case Intrinsic.STATUS | Intrinsic.KIND:
            # Written out, not bound, so that SQLite can use an index on one status.
            return f"{span}.{intrinsic.value} {operator} {literal.value:d}"
        case Intrinsic.DURATION:
            return f"{span}.duration {operator} {sql.bind(literal.value)}"
        case Intrinsic.TRACE_DURATION:
            test = _test("stop - start", operator, literal, sql)
        case Intrinsic.ROOT_NAME:
            test = _test("coalesce(root_name, '')", operator, literal, sql)
        case Intrinsic.ROOT_SERVICE_NAME:
            test = _test("coalesce(root_service, '')", operator, literal, sql)
    return f"{span}.trace IN (SELECT id FROM trace WHERE {test})"


def _present(field_: Field, sql: Sql, span: str) -> str:
    return ALWAYS if isinstance(field_, Intrinsic) else _with_attribute(field_, _any_value, sql, span)


def _test(column: str, operator: str, literal: Literal, sql: Sql) -> str:
    if operator == "=~":
        return sql.matches(str(literal.value), column)
    if operator == "!~":
        return f"NOT {sql.matches(str(literal.value), column)}"
    return f"{column} {operator} {sql.bind(literal.value)}"


def _negation(part: str) -> str:
    return {ALWAYS: NEVER, NEVER: ALWAYS}.get(part, f"NOT {part}")


def _conjunction(parts: list[str]) -> str:
    if NEVER in parts:
        return NEVER
    needed = [part for part in parts if part != ALWAYS]
    return f"({' AND '.join(needed)})" if needed else ALWAYS


def _disjunction(parts: list[str]) -> str:
    if ALWAYS in parts:
        return ALWAYS
    needed = [part for part in parts if part != NEVER]
    return f"({' OR '.join(needed)})" if needed else NEVER
