from __future__ import annotations

import pytest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from obsdeck.tracestore.model import Resource, Span, Trace, values

NOTHING = Resource(b"")


def a_span(number: int, parent: int = 0, start: int = 0, duration: int = 1) -> Span:
    return Span(number, parent, "work", start, duration, 0, 0, NOTHING, b"")


def test_a_trace_lasts_from_the_first_start_to_the_last_end() -> None:
    trace = Trace(b"", (a_span(1, start=5, duration=2), a_span(2, start=3, duration=20)), "", "")
    assert (trace.start, trace.duration) == (3, 20)


def test_the_tree_has_parents_before_children_and_no_orphans() -> None:
    spans = (a_span(3, 2), a_span(2, 1), a_span(1), a_span(9, 8))
    assert Trace(b"", spans, "", "").tree == ((1, 0), (2, 1), (3, 2))


@pytest.mark.parametrize(
    ("name", "value"),
    [("string_value", "x"), ("int_value", -1), ("double_value", 0.5), ("bool_value", False)],
)
def test_scalars_are_values(name: str, value: object) -> None:
    attribute = KeyValue(key="a")
    setattr(attribute.value, name, value)
    assert values([attribute]) == {"a": value}


def test_lists_of_one_type_are_values_and_others_are_not() -> None:
    attributes = [KeyValue(key=key) for key in ("same", "mixed", "empty", "map", "bytes", "none")]
    same, mixed, empty, mapping, data, _ = attributes
    for number in (1, 2):
        same.value.array_value.values.add().int_value = number
    mixed.value.array_value.values.add().int_value = 1
    mixed.value.array_value.values.add().string_value = "1"
    empty.value.array_value.SetInParent()
    mapping.value.kvlist_value.SetInParent()
    data.value.bytes_value = b"x"
    assert values(attributes) == {"same": [1, 2]}


def test_a_resource_has_a_service_name_even_where_none_was_sent() -> None:
    assert NOTHING.attributes == {"service.name": ""}
    odd = ResourceSpans()
    odd.resource.attributes.add(key="service.name").value.int_value = 7
    assert Resource(odd.SerializeToString()).attributes == {"service.name": ""}
