"""Spans as OTLP: the bytes of an `ExportTraceServiceRequest`.

Encoding is the dearest part of a span that is exported: 26 us with the SDK's encoder, most of it for
messages that are made to be thrown away (`benchmarks/overhead`). Nearly all spans of a service are plain,
and nearly all their attributes were seen before; those are put together here from bytes that are kept, by
the wire format of Protocol Buffers and the field numbers of `opentelemetry/proto/trace/v1/trace.proto`.
What a span has beyond that (events, links, lists, a trace state, something dropped) the SDK's encoder
does as before.

A span is encoded when it ends, not when its batch is sent. What waits is then a few hundred bytes and not
some fifteen objects, which would cost the request more than the encoding: they keep their memory from being
used again at once, and the garbage collector goes through all that are waiting.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.trace import SpanKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk.trace import ReadableSpan

_REMEMBERED = 4096
"""Attributes whose bytes are kept, and names."""

_LONG = 256
"""Bytes from which on an attribute is not worth keeping."""

_TYPES = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value"}
_KINDS = {kind: bytes([6 << 3, kind.value + 1]) for kind in SpanKind}

# trace_id = 1 and span_id = 2, each with its length; parent_span_id = 4; the two times, fixed64, = 7 and 8;
# flags, fixed32, = 16: 0x100 for "it is known whether the parent is remote", 0x200 for "it is".
_IDS = Struct("2s16s2s8s")
_PARENT = b"\x22\x08"
_TIMES = Struct("<BQBQ")
_LOCAL, _REMOTE = (b"\x85\x01" + flags.to_bytes(4, "little") for flags in (0x100, 0x300))


@dataclass(frozen=True)
class Group:
    """What the spans of one resource and one scope have in common.

    Attributes:
        resource: A `ResourceSpans` without its scopes.
        scope: A `ScopeSpans` without its spans.
    """

    resource: bytes
    scope: bytes


Encoded = tuple[Group, bytes]
"""A span that is ready to be sent: the group it belongs to, and itself as a field of `ScopeSpans`."""


def request(batch: Sequence[Encoded]) -> bytes:
    """One request with all these spans."""
    groups: dict[int, tuple[Group, list[bytes]]] = {}
    for group, span in batch:
        groups.setdefault(id(group), (group, []))[1].append(span)
    resources: dict[bytes, list[bytes]] = {}
    for group, spans in groups.values():
        scopes = resources.setdefault(group.resource, [group.resource])
        scopes.append(_field(2, group.scope + b"".join(spans)))
    return b"".join(_field(1, b"".join(parts)) for parts in resources.values())


class SpanEncoder:
    """Encodes spans one by one, and remembers what comes again."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, type, Any], bytes] = {}
        self._names: dict[str, bytes] = {}
        # With what the ids stand for, so that nothing else can come to have them.
        self._groups: dict[tuple[int, int], tuple[Group, object, object]] = {}

    def encode(self, span: ReadableSpan) -> Encoded:
        """The span, ready to be sent.

        Raises:
            Exception: The SDK's encoder cannot encode it either.
        """
        known = self._groups.get((id(span.resource), id(span.instrumentation_scope)))
        group = known[0] if known else self._group(span)
        body = self._plain(span)
        if body is None:
            body = encode_spans([span]).resource_spans[0].scope_spans[0].spans[0].SerializePartialToString()
        return group, _field(2, body)

    def _group(self, span: ReadableSpan) -> Group:
        of_resource = encode_spans([span]).resource_spans[0]
        of_scope = of_resource.scope_spans[0]
        of_scope.ClearField("spans")
        scope = of_scope.SerializePartialToString()
        of_resource.ClearField("scope_spans")
        group = Group(of_resource.SerializePartialToString(), scope)
        key = (id(span.resource), id(span.instrumentation_scope))
        _remember(self._groups, key, (group, span.resource, span.instrumentation_scope))
        return group

    def _plain(self, span: ReadableSpan) -> bytes | None:
        """The bytes of a span that has nothing unusual; None for any other."""
        context, parent, status = span.get_span_context(), span.parent, span.status
        if span.events or span.links or context is None or context.trace_state or status.description:
            return None
        if span.dropped_attributes or span.start_time is None or span.end_time is None:
            return None
        trace_id, span_id = context.trace_id.to_bytes(16), context.span_id.to_bytes(8)
        parts = [
            _IDS.pack(b"\x0a\x10", trace_id, b"\x12\x08", span_id),
            self._names.get(span.name) or self._name(span.name),
            _KINDS[span.kind],
            _TIMES.pack(0x39, span.start_time, 0x41, span.end_time),
            _REMOTE if parent and parent.is_remote else _LOCAL,
        ]
        if parent:
            parts += (_PARENT, parent.span_id.to_bytes(8))
        if status.status_code.value:
            parts.append(bytes((0x7A, 2, 0x18, status.status_code.value)))
        # `copy` gives a plain dictionary; the SDK's own mapping takes a lock for each key.
        for key, value in (span.attributes or {}).copy().items():  # type: ignore[attr-defined]
            cls = value.__class__
            if cls not in _TYPES:
                return None
            encoded = self._known.get((key, cls, value)) or self._attribute(key, value)
            if not encoded:
                return None
            parts.append(encoded)
        return b"".join(parts)

    def _name(self, name: str) -> bytes:
        encoded = _field(5, name.encode())
        _remember(self._names, name, encoded)
        return encoded

    def _attribute(self, key: str, value: str | float) -> bytes:
        """An attribute as field 9 of `Span`; empty for one that takes more than this."""
        typed: Any = {_TYPES[type(value)]: value}
        try:
            pair = KeyValue(key=key, value=AnyValue(**typed))
        except (ValueError, TypeError):  # not UTF-8, or no number of 64 bits
            return b""
        encoded = _field(9, pair.SerializeToString())
        # Floats hardly ever come again, and 0.0 equals -0.0.
        if not isinstance(value, float) and len(encoded) < _LONG:
            _remember(self._known, (key, type(value), value), encoded)
        return encoded


def _remember(where: dict[Any, Any], key: object, what: object) -> None:
    if len(where) >= _REMEMBERED:
        where.clear()
    where[key] = what


def _field(number: int, body: bytes) -> bytes:
    """A field that has a length: its tag, the length as a varint, the content."""
    head = bytearray((number << 3 | 2,))
    length = len(body)
    while length > 0x7F:  # noqa: PLR2004 - seven bits a byte, the eighth says that more follow
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + body
