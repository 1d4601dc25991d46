from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from obsdeck.tracestore.model import Resource, Span
from obsdeck.tracestore.traceql.parser import parse
from obsdeck.tracestore.traceql.shown import Shown, go_duration


def a_span() -> Span:
    message = SpanMessage()
    message.attributes.add(key="color").value.string_value = "red"
    message.attributes.add(key="size").value.int_value = 3
    for item in ("x", "y"):
        if item == "x":
            message.attributes.add(key="tags")
        message.attributes[-1].value.array_value.values.add().string_value = item
    resource = ResourceSpans()
    resource.resource.attributes.add(key="color").value.string_value = "blue"
    return Span(1, 0, "work", 0, 0, 2, 3, Resource(resource.SerializeToString()), message.SerializeToString())


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("{ }", []),
        ('{ span.color = "red" }', [("color", "red")]),
        ('{ span.color = "green" || span.size = 3 }', [("size", 3)]),
        ('{ .color != "green" }', [("color", "blue"), ("color", "red")]),
        ('{ .color = "blue" }', [("color", "blue")]),
        ("{ span.size != nil }", [("size", 3)]),
        ("{ span.size = nil }", []),
        ("{ span.size = span.other }", [("size", 3)]),
        ('{ span.tags = "x" }', [("tags", "x")]),
        ('{ span.tags =~ ".*" }', [("tags", ["x", "y"])]),
        ("{ status = error }", [("status", "error")]),
        ("{ kind != server && duration >= 0 }", [("kind", "client")]),
        (
            "{ } | select(resource.color, span.size, status)",
            [("color", "blue"), ("size", 3), ("status", "error")],
        ),
        ("{ } | avg(span.size) > 1", [("size", 3)]),
        ("({ } | avg(span.size) > 1) && { }", [("size", 3)]),
        ("{ resource.service.name != `x` }", [("service.name", "")]),
    ],
)
def test_what_the_query_mentions_is_shown_where_it_matches(query: str, shown: list[tuple[str, Any]]) -> None:
    assert Shown(parse(query)).attributes(a_span()) == shown


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("{ }", ""),
        ('{ name = "work" }', "work"),
        ('{ name = "play" }', ""),
        ("{ } | select(span:name)", "work"),
    ],
)
def test_the_name_is_shown_where_the_query_asks_for_it(query: str, name: str) -> None:
    assert Shown(parse(query)).name(a_span()) == name


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5µs"),
        (37_000_000, "37ms"),
        (1_000_001, "1.000001ms"),
        (1_500_000_000, "1.5s"),
        (90_000_000_000, "1m30s"),
        (3_600_000_000_000, "1h0m0s"),
        (-1_500_000_000, "-1.5s"),
    ],
)
def test_durations_are_written_as_go_writes_them(nanoseconds: int, text: str) -> None:
    assert go_duration(nanoseconds) == text
