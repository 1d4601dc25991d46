"""A span and a trace as queries see them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

Scalar: TypeAlias = str | int | float | bool
Value: TypeAlias = Scalar | list[Scalar]
"""What can be searched for: a scalar, or a list of scalars of one type. Maps and bytes cannot."""

SERVICE_NAME = "service.name"
NO_PARENT = 0


class Resource:
    """What a span came from.

    Args:
        body: The ``ResourceSpans`` message without spans.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body

    @cached_property
    def attributes(self) -> dict[str, Value]:
        """The searchable attributes; ``service.name`` is always there, empty where it was not sent."""
        found = values(ResourceSpans.FromString(self._body).resource.attributes)
        return found if isinstance(found.get(SERVICE_NAME), str) else found | {SERVICE_NAME: ""}


@dataclass(frozen=True)
class Span:
    """One span: times in nanoseconds, ids as signed integers (0: no parent), codes as OTLP numbers."""

    span_id: int
    parent_id: int
    name: str
    start: int
    duration: int
    status: int
    kind: int
    resource: Resource
    body: bytes

    @cached_property
    def attributes(self) -> dict[str, Value]:
        """The searchable attributes; decoded when first asked for, since many queries never ask."""
        return values(SpanMessage.FromString(self.body).attributes)


@dataclass(frozen=True)
class Trace:
    """All spans of a trace that are stored, by start time. Root fields are empty without a root span."""

    trace_id: bytes
    spans: tuple[Span, ...]
    root_name: str
    root_service: str

    @cached_property
    def start(self) -> int:
        """Start of the first span, in nanoseconds since 1970."""
        return min(span.start for span in self.spans)

    @cached_property
    def duration(self) -> int:
        """Nanoseconds from the first start to the last end."""
        return max(span.start + span.duration for span in self.spans) - self.start

    @cached_property
    def tree(self) -> tuple[tuple[int, int], ...]:
        """Span id and parent id of the spans that hang on a root, parents before children.

        As in Tempo, spans whose ancestors never arrived have no place in the tree.
        """
        children: dict[int, list[int]] = {}
        for span in self.spans:
            children.setdefault(span.parent_id, []).append(span.span_id)
        found = [(root, NO_PARENT) for root in children.get(NO_PARENT, ())]
        for span_id, _ in found:
            found += [(child, span_id) for child in children.get(span_id, ())]
        return tuple(found)


def values(attributes: Iterable[KeyValue]) -> dict[str, Value]:
    """The searchable ones of some attributes."""
    found: dict[str, Value] = {}
    for attribute in attributes:
        value = attribute.value
        match value.WhichOneof("value"):
            case "string_value" | "int_value" | "double_value" | "bool_value" as scalar:
                found[attribute.key] = getattr(value, scalar)
            case "array_value":
                items = _items(value.array_value.values)
                if items:
                    found[attribute.key] = items
            case _:
                pass
    return found


def _items(elements: Iterable[object]) -> list[Scalar]:
    """The scalars of a list; none where they differ in type."""
    kinds = {element.WhichOneof("value") for element in elements}  # type: ignore[attr-defined]
    if len(kinds) != 1 or not kinds <= {"string_value", "int_value", "double_value", "bool_value"}:
        return []
    [kind] = kinds
    return [getattr(element, kind) for element in elements]
