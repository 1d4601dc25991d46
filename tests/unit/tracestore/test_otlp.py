from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from obsdeck.tracestore import otlp
from obsdeck.tracestore.otlp import BOOL, FLOAT, INT, OPAQUE, STRING, OtlpError, decode_json, decode_protobuf

TRACE_ID = bytes(range(16))


def one_span(**fields: Any) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    valid = {"trace_id": TRACE_ID, "span_id": b"12345678", "name": "work"}
    for name, value in {**valid, **fields}.items():
        setattr(span, name, value)
    return request


def test_a_span_is_taken_apart_and_its_bytes_are_kept() -> None:
    request = one_span(parent_span_id=b"\xff" * 8, start_time_unix_nano=10, end_time_unix_nano=25, kind=2)
    span_message = request.resource_spans[0].scope_spans[0].spans[0]
    span_message.status.code = 2
    [span] = decode_protobuf(request.SerializeToString()).spans
    assert span.trace_id == TRACE_ID
    assert span.span_id == int.from_bytes(b"12345678", "big")
    assert (span.parent_id, span.start, span.duration, span.status, span.kind) == (-1, 10, 15, 2, 2)
    assert span.body == span_message.SerializeToString()


def test_a_span_that_ends_before_it_starts_lasts_no_time() -> None:
    [span] = decode_protobuf(one_span(start_time_unix_nano=9, end_time_unix_nano=3).SerializeToString()).spans
    assert span.duration == 0


def test_attributes_are_indexed_by_kind() -> None:
    request = one_span()
    attributes = request.resource_spans[0].scope_spans[0].spans[0].attributes
    attributes.add(key="text").value.string_value = "a"
    attributes.add(key="empty").value.string_value = ""
    attributes.add(key="whole").value.int_value = -3
    attributes.add(key="float").value.double_value = 1.5
    attributes.add(key="flag").value.bool_value = False
    attributes.add(key="bytes").value.bytes_value = b"x"
    attributes.add(key="nothing")
    attributes.add(key="nan").value.double_value = math.nan
    for item in ("a", "b"):
        if item == "a":
            attributes.add(key="list")
        attributes[-1].value.array_value.values.add().string_value = item
    mixed = attributes.add(key="mixed").value.array_value.values
    mixed.add().string_value = "a"
    mixed.add().int_value = 1
    [span] = decode_protobuf(request.SerializeToString()).spans
    assert span.attributes == [
        ("text", STRING, "a"),
        ("empty", STRING, ""),
        ("whole", INT, -3),
        ("float", FLOAT, 1.5),
        ("flag", BOOL, False),
        ("bytes", OPAQUE, ""),
        ("nothing", OPAQUE, ""),
        ("nan", OPAQUE, ""),
        ("list", STRING, "a"),
        ("list", STRING, "b"),
        ("mixed", OPAQUE, ""),
    ]


def test_a_resource_always_has_a_service_name() -> None:
    named = one_span()
    named.resource_spans[0].resource.attributes.add(key="service.name").value.string_value = "shop"
    assert decode_protobuf(named.SerializeToString()).resources[0].service == "shop"
    [resource] = decode_protobuf(one_span().SerializeToString()).resources
    assert resource.service == ""
    assert ("service.name", STRING, "") in resource.attributes


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"trace_id": bytes(16)}, "trace id 0000"),
        ({"trace_id": b"short"}, "trace id"),
        ({"trace_id": b""}, r"\(empty\)"),
        ({"trace_id": b"x" * 17}, "trace id"),
        ({"span_id": bytes(8)}, "span id 0000"),
        ({"span_id": b"1"}, "span id"),
        ({"parent_span_id": b"123"}, "parent span id"),
        ({"start_time_unix_nano": 2**63}, "2262"),
    ],
)
def test_a_span_that_is_not_valid_is_refused_with_the_reason(fields: dict[str, Any], why: str) -> None:
    batch = decode_protobuf(one_span(**fields).SerializeToString())
    assert batch.spans == []
    assert batch.rejected == 1
    assert re.search(why, batch.rejection)


def test_a_bad_span_does_not_take_its_neighbours_with_it() -> None:
    request = one_span()
    bad = request.resource_spans[0].scope_spans[0].spans.add()
    bad.CopyFrom(request.resource_spans[0].scope_spans[0].spans[0])
    bad.span_id = b""
    batch = decode_protobuf(request.SerializeToString())
    assert (len(batch.spans), batch.rejected) == (1, 1)


def test_a_text_that_is_no_utf_8_spoils_its_span_only() -> None:
    good = one_span(name="good").SerializeToString()
    bad = one_span(name="wrong").SerializeToString().replace(b"wrong", b"\xff\xfe\xfd\xfc\xfb")
    batch = decode_protobuf(good + bad)
    assert [span.name for span in batch.spans] == ["good"]
    assert batch.rejected == 1


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"hello world",
        b"\x0a\x05abc",
        b"\x0b",
        b"\x0a",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    ],
)
def test_a_body_that_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(OtlpError) as raised:
        decode_protobuf(body)
    assert raised.value.status == 400


def test_fields_that_a_later_protocol_may_bring_are_passed_over() -> None:
    unknown = b"\xf8\x07\x01" + b"\xf9\x07" + bytes(8) + b"\xfd\x07" + bytes(4) + b"\xfa\x07\x01x"
    assert len(decode_protobuf(unknown + one_span().SerializeToString() + unknown).spans) == 1


def test_an_empty_body_is_an_empty_batch() -> None:
    assert decode_protobuf(b"").spans == []


def test_a_request_of_very_many_tiny_spans_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(otlp, "MAX_SPANS", 1000)
    spans = b"\x12\x00" * 1001
    scope = b"\x12" + bytes([0x80 | len(spans) & 0x7F, len(spans) >> 7]) + spans
    body = b"\x0a" + bytes([0x80 | len(scope) & 0x7F, len(scope) >> 7]) + scope
    with pytest.raises(OtlpError) as raised:
        decode_protobuf(body)
    assert raised.value.status == 413


def document(**fields: Any) -> dict[str, Any]:
    span = {"traceId": TRACE_ID.hex(), "spanId": b"12345678".hex(), "name": "work", "kind": 2, **fields}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def test_json_has_its_ids_in_hexadecimal() -> None:
    links = [{"traceId": "ab" * 16, "spanId": "cd" * 8}]
    body = json.dumps(document(startTimeUnixNano="7", parentSpanId="ef" * 8, links=links, flags=1)).encode()
    [span] = decode_json(body).spans
    assert (span.trace_id, span.start, span.kind) == (TRACE_ID, 7, 2)
    assert b"\xab" * 16 in span.body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b'{"resourceSpans": 7}',
        b'{"resourceSpans": [7]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz"}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": 7}]}]}]}',
        b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": ["x"]}]}]}]}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_json_nonsense_is_refused(body: bytes) -> None:
    with pytest.raises(OtlpError) as raised:
        decode_json(body)
    assert raised.value.status == 400
    assert "\n" not in raised.value.message
