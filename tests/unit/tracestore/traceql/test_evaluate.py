"""What a query finds in one trace. The same rules are held against a real Tempo in tests/stack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.tracestore.traceql.evaluate import matcher
from obsdeck.tracestore.traceql.parser import parse
from obsdeck.tracestore.traceql.syntax import Type
from obsdeck.tracestore.traces import find_trace

if TYPE_CHECKING:
    from conftest import Bench, S

    from obsdeck.tracestore.model import Trace


@pytest.fixture
def trace(bench: Bench, span: type[S]) -> Trace:
    bench.put(
        1,
        span(1, name="root", duration=100, attributes={"a": 1, "f": 1.0, "b": True, "n": -1}),
        span(2, parent=1, start=1, duration=50, status=2, attributes={"a": 3, "f": 2.5, "b": False}),
        span(3, parent=2, start=2, duration=25, attributes={"a": "3"}, resource={"a": 9, "b": "no"}),
    )
    with bench.store.reading() as blocks:
        return find_trace(blocks, (1).to_bytes(16, "big"))


def found(trace: Trace, query: str) -> list[int]:
    match = matcher(parse(query))(trace)
    return [span.span_id for span in match.spans] if match else []


@pytest.mark.parametrize(
    ("query", "spans"),
    [
        # What Tempo cannot say, because its storage only hands it spans that fulfil some comparison.
        ('{ !(name = "root") }', [2, 3]),
        ("{ !(span.a = 1) }", [2, 3]),
        ("{ !(span.absent = 1) }", [1, 2, 3]),
        ("{ span.absent = nil }", [1, 2, 3]),
        ("{ !.b }", [2]),
        ("{ span.a = 1 || true }", [1, 2, 3]),
        ("{ 2 < .a }", [2]),
        ("{ 40ms < duration }", [1, 2]),
        # Numbers.
        ("{ .a = 9 }", []),
        ("{ resource.a = 9 }", [3]),
        ("{ span.a >= span.f }", [1, 2]),
        ("{ span.a > span.f }", [2]),
        ("{ span.a = resource.a }", []),
        ("{ span.n = -1 }", [1]),
        ("{ } | avg(span.n) < 0", [1, 2, 3]),
        ("{ } | sum(span.f) = 3.5", [1, 2, 3]),
        ("{ } | avg(span.a) = 2", [1, 2, 3]),
        ("{ } | avg(duration) < 58333334ns", [1, 2, 3]),
        ("{ } | max(span.absent) > 0", []),
        ("{ } | min(span.b) < 5", []),
        ("{ status = error } | count() = 1 | max(duration) = 50ms", [2]),
        ("{ status = ok } | count() = 0", []),
    ],
)
def test_spans(trace: Trace, query: str, spans: list[int]) -> None:
    assert found(trace, query) == spans


@pytest.mark.parametrize(
    ("query", "aggregates"),
    [
        ("{ } | count() > 1", {"count()": (Type.INT, 3)}),
        ("{ } | avg(duration) > 1", {"avg(duration)": (Type.DURATION, 58_333_333)}),
        ("{ } | avg(span.a) > 1", {"avg(span.a)": (Type.FLOAT, 2.0)}),
        ("{ } | sum(span.a) > 1 | max(.f) > 1", {"sum(span.a)": (Type.INT, 4), "max(.f)": (Type.FLOAT, 2.5)}),
    ],
)
def test_aggregates(trace: Trace, query: str, aggregates: dict[str, Any]) -> None:
    match = matcher(parse(query))(trace)
    assert match is not None
    assert match.aggregates == aggregates
