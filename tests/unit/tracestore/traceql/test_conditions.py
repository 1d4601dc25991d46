from __future__ import annotations

import sqlite3

import pytest

from obsdeck.tracestore.block import SCHEMA
from obsdeck.tracestore.traceql.conditions import ALWAYS, NEVER, Sql, is_exact, span_condition
from obsdeck.tracestore.traceql.parser import parse
from obsdeck.tracestore.traceql.syntax import Condition, Filter


def condition(query: str) -> Condition:
    [stage] = parse(query).stages
    assert isinstance(stage, Filter)
    return stage.condition


@pytest.mark.parametrize(
    ("query", "sql"),
    [
        ("{ }", ALWAYS),
        ("{ false }", NEVER),
        ("{ !false }", ALWAYS),
        ("{ 1 = 2 }", NEVER),
        ("{ name != nil }", ALWAYS),
        ("{ span.a = 1s }", NEVER),
        ("{ !(span.a = error) }", ALWAYS),
        ("{ true || span.a = 1 }", ALWAYS),
        ("{ false && span.a = 1 }", NEVER),
        ("{ !(span.a = span.b) }", ALWAYS),
    ],
)
def test_what_needs_no_look_at_a_span_is_decided_at_once(query: str, sql: str) -> None:
    assert span_condition(condition(query), Sql()) == sql


@pytest.mark.parametrize(
    ("query", "exact"),
    [
        ("{ span.a = 1 && !(.b =~ `x`) || duration > 1s }", True),
        ("{ span.a = nil }", True),
        ("{ span.a = span.b }", False),
        ("{ span.a = 1 || !(span.a = span.b) }", False),
    ],
)
def test_only_the_comparison_of_two_fields_is_a_bound(query: str, *, exact: bool) -> None:
    assert is_exact(condition(query)) is exact


@pytest.mark.parametrize("text", ["'; DROP TABLE span; --", '"', "%", "\x00"])
def test_values_never_become_sql(text: str) -> None:
    sql = Sql()
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\x00", "\\x00")
    where = span_condition(condition(f'{{ span."{quoted}" = "{quoted}" && name =~ "{quoted}" }}'), sql)
    assert text not in where or text in ('"', "%")
    db = sqlite3.connect(":memory:")
    db.executescript(SCHEMA)
    sql.prepare(db)
    assert db.execute(f"SELECT * FROM span s WHERE {where}", sql.parameters).fetchall() == []
    db.close()
