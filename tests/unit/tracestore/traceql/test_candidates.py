"""The SQL leaves little to evaluate; that it leaves nothing out is what test_search proves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from obsdeck.tracestore.traceql.candidates import candidates, is_local
from obsdeck.tracestore.traceql.conditions import Sql
from obsdeck.tracestore.traceql.parser import parse

if TYPE_CHECKING:
    from conftest import Bench, S


@pytest.fixture
def filled(bench: Bench, span: type[S]) -> Bench:
    for trace in range(1, 30):
        bench.put(
            trace,
            span(1, name="root", service="front", duration=10, attributes={"n": trace, "color": "red"}),
            span(2, parent=1, name="mid", service="back", duration=5, status=trace % 2 * 2),
            span(3, parent=2, name="leaf", service="mail", duration=1, attributes={"load": trace / 2}),
        )
    return bench


def worth_a_look(bench: Bench, query: str) -> int:
    sql = Sql()
    select = candidates(parse(query), sql)
    with bench.store.reading() as [db]:
        sql.prepare(db)
        if not select:
            return -1
        return len(set(db.execute(select, sql.parameters).fetchall()))


@pytest.mark.parametrize(
    ("query", "traces"),
    [
        ("{ }", -1),
        ("{ span.n = 7 }", 1),
        ("{ span.n > 25 }", 4),
        ("{ .n > 25 && name = `root` }", 4),
        ("{ span.n = 7 || span.n = 9 }", 2),
        ('{ span.color =~ "r.d" }', 29),
        ('{ span.color =~ "gr.*" }', 0),
        ("{ name = `none` }", 0),
        ("{ duration > 1s }", 0),
        ("{ rootName = `leaf` }", 0),
        ("{ traceDuration > 1s }", 0),
        ("{ !(span.n != 7) && name = `root` }", 1),
        ("{ span.n = 7s }", 0),
        ("{ span.n = 7 } && { name = `none` }", 0),
        ("{ span.n = 7 } || { span.n = 8 }", 2),
        ("{ name = `root` } > { name = `leaf` }", 0),
        ("{ name = `leaf` } < { name = `root` }", 0),
        ("{ name = `root` } >> { name = `leaf` }", 29),
        ("{ name = `leaf` } >> { name = `root` }", 0),
        ("{ name = `leaf` } << { name = `root` }", 29),
        ("{ name = `root` } << { name = `leaf` }", 0),
        ("{ name = `root` } ~ { name = `mid` }", 0),
        ("{ } | count() > 3", 0),
        ("{ } | count() = 3", 29),
        ("{ status = error } | count() > 0", 15),
        ("{ } | avg(duration) > 6ms", 0),
        ("{ } | avg(duration) < 5ms", 0),
        ("{ } | sum(duration) = 16ms", 29),
        ("{ } | max(span.n) > 27.5", 2),
        ("{ resource.service.name = `mail` } | avg(span.load) > 14.2", 1),
    ],
)
def test_sql_leaves_little_to_evaluate(filled: Bench, query: str, traces: int) -> None:
    assert worth_a_look(filled, query) == traces


@pytest.mark.parametrize("query", ["{ .a = 1 }", "{ .a = 1 || !(.b = 2) } | select(.c)"])
def test_a_plain_filter_is_decided_in_one_block(query: str) -> None:
    assert is_local(parse(query))


@pytest.mark.parametrize(
    "query",
    [
        "{ .a = 1 } && { .b = 2 }",
        "{ } > { }",
        "{ } | count() > 1",
        "{ rootName = `x` }",
        "{ !(.a && traceDuration > 1s) }",
        "{ name = rootName }",
    ],
)
def test_what_needs_the_whole_trace_is_not(query: str) -> None:
    assert not is_local(parse(query))
