"""What arrives: OTLP request bodies, decoded span by span and validated.

A protobuf request is walked by hand down to its spans and each span is decoded alone. That keeps
memory in proportion to one span however a body is built (two bytes are enough to make a decoder
allocate a message), lets one bad span be refused without its neighbours, and keeps the bytes of a
good one as they came.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from obsdeck.tracestore.model import SERVICE_NAME, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

MAX_SPANS: Final = 100_000
"""Spans in one request; more is refused (413) before it costs time or memory."""

STRING, INT, FLOAT, BOOL, OPAQUE = range(1, 6)
"""Kinds of an attribute in the index. OPAQUE has a key and no value: maps, bytes, lists of several kinds."""

_INT64_MAX: Final = 2**63 - 1
_SCALARS: Final = {
    "string_value": STRING,
    "int_value": INT,
    "double_value": FLOAT,
    "bool_value": BOOL,
}


class OtlpError(Exception):
    """A request that cannot be accepted.

    Args:
        status: HTTP status to answer with.
        message: What is wrong, for the sender's log.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


IndexedAttribute: TypeAlias = tuple[str, int, Scalar]
"""An attribute as the index knows it: key, kind, value; the value is empty where the kind is OPAQUE."""


class ReceivedSpan(NamedTuple):
    """One valid span, ready to be stored.

    ``start`` and ``duration`` are nanoseconds; ``span_id`` and ``parent_id`` are the eight bytes as a
    signed integer, 0 for no parent; ``resource`` and ``scope`` are positions in the batch.
    """

    trace_id: bytes
    span_id: int
    parent_id: int
    name: str
    start: int
    duration: int
    status: int
    kind: int
    resource: int
    scope: int
    attributes: list[IndexedAttribute]
    body: bytes


class ReceivedResource(NamedTuple):
    """A resource: its ``ResourceSpans`` message without spans, its attributes, its ``service.name``."""

    body: bytes
    attributes: list[IndexedAttribute]
    service: str


@dataclass(slots=True)
class Batch:
    """The valid spans of one request and what had to be refused."""

    spans: list[ReceivedSpan] = field(default_factory=list)
    resources: list[ReceivedResource] = field(default_factory=list)
    scopes: list[bytes] = field(default_factory=list)
    rejected: int = 0
    rejection: str = ""

    def reject(self, why: str) -> None:
        """Count one refused span; the first reason is the one reported."""
        self.rejected += 1
        self.rejection = self.rejection or why


def decode_protobuf(body: bytes) -> Batch:
    """Decode an ``ExportTraceServiceRequest``.

    Raises:
        OtlpError: 400 where the body is not such a message, 413 where it holds too many spans.
    """
    batch = Batch()
    try:
        for number, value in _fields(memoryview(body)):
            if number == 1:
                _decode_resource_spans(value, batch)
    except (DecodeError, ValueError) as error:
        raise OtlpError(400, f"the body is no OTLP trace request: {error}") from None
    return batch


def decode_json(body: bytes) -> Batch:
    """Decode the JSON form of an ``ExportTraceServiceRequest`` (ids in hexadecimal).

    Raises:
        OtlpError: 400 where the body is not such a document, 413 where it holds too many spans.
    """
    # Costs a third of the start's memory where nobody sends JSON.
    from google.protobuf import json_format  # noqa: PLC0415

    try:
        document = json.loads(body)
        _hex_ids_to_base64(document)
        request = json_format.ParseDict(document, ExportTraceServiceRequest(), ignore_unknown_fields=True)
    except (ValueError, TypeError, AttributeError, RecursionError, json_format.ParseError) as error:
        raise OtlpError(400, f"the body is no OTLP trace request in JSON: {_one_line(error)}") from None
    return decode_protobuf(request.SerializeToString())


def _decode_resource_spans(data: memoryview, batch: Batch) -> None:
    scope_spans, rest = _split(data, 2)
    message = ResourceSpans.FromString(rest)
    attributes = _indexed(message.resource.attributes)
    names = [str(value) for key, kind, value in attributes if key == SERVICE_NAME and kind == STRING]
    if not names:
        attributes.append((SERVICE_NAME, STRING, ""))
    batch.resources.append(ReceivedResource(rest, attributes, names[0] if names else ""))
    for group in scope_spans:
        spans, scope = _split(group, 2)
        if len(batch.spans) + batch.rejected + len(spans) > MAX_SPANS:
            raise OtlpError(413, f"the request holds more than {MAX_SPANS} spans")
        batch.scopes.append(scope)
        for span in spans:
            _decode_span(bytes(span), batch)


def _decode_span(body: bytes, batch: Batch) -> None:
    try:
        span = Span.FromString(body)
    except DecodeError as error:
        return batch.reject(f"a span cannot be decoded: {error}")
    why = _invalid(span)
    if why:
        return batch.reject(why)
    start = span.start_time_unix_nano
    batch.spans.append(
        ReceivedSpan(
            span.trace_id,
            int.from_bytes(span.span_id, "big", signed=True),
            int.from_bytes(span.parent_span_id, "big", signed=True),
            span.name,
            start,
            max(span.end_time_unix_nano - start, 0),
            span.status.code,
            span.kind,
            len(batch.resources) - 1,
            len(batch.scopes) - 1,
            _indexed(span.attributes),
            body,
        )
    )
    return None


def _invalid(span: Span) -> str:
    if len(span.trace_id) != 16 or not any(span.trace_id):  # noqa: PLR2004 - bytes of a trace id
        return f"trace id {span.trace_id.hex() or '(empty)'} is not 16 bytes other than zero"
    if len(span.span_id) != 8 or not any(span.span_id):  # noqa: PLR2004 - bytes of a span id
        return f"span id {span.span_id.hex() or '(empty)'} is not 8 bytes other than zero"
    if len(span.parent_span_id) not in (0, 8):
        return f"parent span id {span.parent_span_id.hex()} is not 8 bytes"
    if max(span.start_time_unix_nano, span.end_time_unix_nano) > _INT64_MAX:
        return "a span's time lies after the year 2262"
    return ""


def _indexed(attributes: Iterable[KeyValue]) -> list[IndexedAttribute]:
    """The attributes for the index. Runs ten times per span, hence the short way for texts."""
    found: list[IndexedAttribute] = []
    for attribute in attributes:
        value = attribute.value
        text = value.string_value
        if text:
            found.append((attribute.key, STRING, text))
        elif value.HasField("array_value"):
            found += _elements(attribute.key, value.array_value.values)
        else:
            found.append((attribute.key, *_scalar(value)))
    return found


def _elements(key: str, elements: Sequence[AnyValue]) -> list[IndexedAttribute]:
    """A list is found by each of its elements, if they are of one kind."""
    alike = len({element.WhichOneof("value") for element in elements}) == 1
    return [(key, *_scalar(element)) for element in elements] if alike else [(key, OPAQUE, "")]


def _scalar(value: AnyValue) -> tuple[int, Scalar]:
    name = value.WhichOneof("value") or ""
    kind = _SCALARS.get(name, OPAQUE)
    if kind == OPAQUE or (kind == FLOAT and math.isnan(value.double_value)):  # SQLite has no NaN
        return OPAQUE, ""
    return kind, getattr(value, name)


def _split(data: memoryview, number: int) -> tuple[list[memoryview], bytes]:
    """The values of one repeated field, and the message's bytes without that field."""
    values = []
    rest = bytearray()
    start = 0
    for found, value, end in _located_fields(data):
        if found == number:
            values.append(value)
        else:
            rest += data[start:end]
        start = end
    return values, bytes(rest)


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    for number, value, _ in _located_fields(data):
        yield number, value


def _located_fields(data: memoryview) -> Iterator[tuple[int, memoryview, int]]:
    """Each field of a message: its number, its value where that is length-delimited, where it ends."""
    position, size = 0, len(data)
    while position < size:
        tag, position = _varint(data, position)
        start, end = _extent(data, tag & 7, position)
        if end > size:
            raise ValueError(f"a field ends {end - size} bytes after the body")
        yield tag >> 3, data[start:end], end
        position = end


def _extent(data: memoryview, wire_type: int, position: int) -> tuple[int, int]:
    """Where a field's value starts and ends; scalars, which these messages do not define, are empty."""
    match wire_type:
        case 2:
            length, start = _varint(data, position)
            return start, start + length
        case 0:
            _, end = _varint(data, position)
        case 1:
            end = position + 8
        case 5:
            end = position + 4
        case _:
            raise ValueError(f"unknown wire type {wire_type} at byte {position}")
    return end, end


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    result = shift = 0
    while position < len(data) and shift < 64:  # noqa: PLR2004 - bits
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            return result, position
        shift += 7
    raise ValueError(f"a number does not end at byte {position}")


def _hex_ids_to_base64(document: Any) -> None:
    """Rewrite the ids of a JSON request, which OTLP writes in hexadecimal and protobuf's JSON in base64."""
    import base64  # noqa: PLC0415

    for resource_spans in document.get("resourceSpans", ()):
        for scope_spans in resource_spans.get("scopeSpans", ()):
            for span in scope_spans.get("spans", ()):
                for holder in (span, *span.get("links", ())):
                    for key in ("traceId", "spanId", "parentSpanId"):
                        if key in holder:
                            holder[key] = base64.b64encode(bytes.fromhex(holder[key])).decode()


def _one_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
