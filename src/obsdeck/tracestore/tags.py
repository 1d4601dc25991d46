"""Attribute names and values that the store holds, all or those of the spans that a filter finds."""

# ruff: noqa: S608 - the SQL is put together from fixed pieces; every value is bound.
from __future__ import annotations

from typing import TYPE_CHECKING, Final

from obsdeck.tracestore.block import RESOURCE, SPAN
from obsdeck.tracestore.otlp import BOOL, FLOAT, INT, OPAQUE, STRING
from obsdeck.tracestore.traceql.conditions import Sql, span_condition
from obsdeck.tracestore.traceql.errors import TraceQLError
from obsdeck.tracestore.traceql.parser import parse
from obsdeck.tracestore.traceql.shown import KIND_NAMES, STATUS_NAMES
from obsdeck.tracestore.traceql.syntax import Attribute, Condition, Field, Filter, Intrinsic, Scope

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from obsdeck.tracestore.search import Window

INTRINSICS: Final = [
    "duration",
    "kind",
    "name",
    "rootName",
    "rootServiceName",
    "span:duration",
    "span:kind",
    "span:name",
    "span:status",
    "status",
    "trace:duration",
    "trace:rootName",
    "trace:rootService",
    "traceDuration",
]
"""The intrinsic fields that a query here may name, sorted."""

_TYPE_NAMES: Final = {STRING: "string", INT: "int", FLOAT: "float", BOOL: "bool"}
_NUMBERS: Final = {Scope.SPAN: SPAN, Scope.RESOURCE: RESOURCE}
_TABLES: Final = {Scope.SPAN: ("span_attribute", "span"), Scope.RESOURCE: ("resource_attribute", "resource")}
_SPANS: Final = "FROM span s JOIN trace t ON t.id = s.trace"
_COLUMNS: Final = {
    Intrinsic.NAME: f"text.value {_SPANS} JOIN text ON text.id = s.name",
    Intrinsic.ROOT_NAME: f"coalesce(t.root_name, '') {_SPANS}",
    Intrinsic.ROOT_SERVICE_NAME: f"coalesce(t.root_service, '') {_SPANS}",
}


def filter_of(query: str) -> Condition | None:
    """The condition of a query that is one plain filter; None for all others, half-typed ones too.

    An editor asks for completions while a query is being written, so a broken one is no error: like
    Tempo, the store then answers without it.
    """
    try:
        pipeline = parse(query)
    except TraceQLError:
        return None
    match pipeline.stages:
        case [Filter(condition=condition)]:
            return condition
        case _:
            return None


def names(
    blocks: list[sqlite3.Connection], scope: Scope, condition: Condition | None, window: Window
) -> list[str]:
    """Names of the attributes in a scope (span or resource), sorted."""
    sql = Sql()
    select = f"SELECT name FROM attribute_key k WHERE k.scope = {_NUMBERS[scope]}"
    if condition is not None:
        table, column = _TABLES[scope]
        carried = f"SELECT 1 FROM {table} c WHERE c.key = k.id AND c.{column} IN carrier"
        select = f"{_carriers(scope, condition, window, sql)} {select} AND EXISTS ({carried})"
    return sorted({str(name) for (name,) in _rows(blocks, select, sql, window)})


def values(
    blocks: list[sqlite3.Connection], field: Field, condition: Condition | None, window: Window
) -> list[tuple[str, str]]:
    """Types and values of a field, each value once and as text, sorted.

    Status and kind have the type ``keyword`` and always all their values; durations have none.
    """
    if field is Intrinsic.STATUS:
        return [("keyword", name) for name in STATUS_NAMES]
    if field is Intrinsic.KIND:
        return [("keyword", name) for name in KIND_NAMES]
    if isinstance(field, Attribute):
        scopes = (Scope.SPAN, Scope.RESOURCE) if field.scope is Scope.ANY else (field.scope,)
        return sorted(
            {item for scope in scopes for item in _of_attribute(blocks, scope, field.name, condition, window)}
        )
    if field not in _COLUMNS:
        return []
    sql = Sql()
    where = f"WHERE {_matching(condition, window, sql)}" if condition is not None else ""
    rows = _rows(blocks, f"SELECT DISTINCT {_COLUMNS[field]} {where}", sql, window)
    return sorted({("string", str(value)) for (value,) in rows})


def _of_attribute(
    blocks: list[sqlite3.Connection], scope: Scope, name: str, condition: Condition | None, window: Window
) -> Iterator[tuple[str, str]]:
    sql = Sql()
    table, column = _TABLES[scope]
    key = f"SELECT id FROM attribute_key WHERE name = {sql.bind(name)} AND scope = {_NUMBERS[scope]}"
    select = f"SELECT DISTINCT kind, value FROM {table} c WHERE c.key = ({key}) AND kind <> {OPAQUE}"
    if condition is not None:
        select = f"{_carriers(scope, condition, window, sql)} {select} AND c.{column} IN carrier"
    for kind, value in _rows(blocks, select, sql, window):
        yield _TYPE_NAMES[int(kind)], str(bool(value)).lower() if kind == BOOL else str(value)


def _carriers(scope: Scope, condition: Condition, window: Window, sql: Sql) -> str:
    """A table of the spans, or of their resources, that fulfil the condition."""
    column = "id" if scope is Scope.SPAN else "resource"
    select = f"SELECT DISTINCT s.{column} {_SPANS} WHERE {_matching(condition, window, sql)}"
    return f"WITH carrier AS MATERIALIZED ({select})"


def _matching(condition: Condition, window: Window, sql: Sql) -> str:
    within = f"t.start <= {sql.bind(window.stop)} AND t.stop >= {sql.bind(window.start)}"
    return f"{span_condition(condition, sql)} AND {within}"


def _rows(
    blocks: list[sqlite3.Connection], select: str, sql: Sql, window: Window
) -> Iterator[tuple[str | int | float, ...]]:
    """The rows of all blocks that have a trace in the window."""
    for db in blocks:
        sql.prepare(db)
        if db.execute(
            "SELECT 1 FROM trace WHERE start <= ? AND stop >= ?", (window.stop, window.start)
        ).fetchone():
            yield from db.execute(select, sql.parameters)
