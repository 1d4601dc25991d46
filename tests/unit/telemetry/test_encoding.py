from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from obsdeck.telemetry import encoding
from obsdeck.telemetry.encoding import SpanEncoder

SCOPES = [InstrumentationScope("one"), InstrumentationScope("two", "1.2", "https://example.org"), None]
RESOURCES = [
    Resource({"service.name": "shop"}),
    Resource({"service.name": "till", "list": ["a"]}, "https://example.org"),
]

texts = st.text(max_size=300)
values = st.one_of(
    texts,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.lists(texts, max_size=2),
)
attributes = st.dictionaries(st.text(max_size=8), values, max_size=6)
nanoseconds = st.integers(0, 2**64 - 1)
contexts = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.booleans(),
    st.sampled_from([TraceFlags(0), TraceFlags(1)]),
    st.sampled_from([TraceState(), TraceState([("vendor", "x")])]),
)
spans = st.builds(
    ReadableSpan,
    texts,
    contexts,
    parent=st.none() | contexts,
    resource=st.sampled_from(RESOURCES),
    attributes=attributes,
    events=st.lists(st.builds(Event, texts, attributes, nanoseconds), max_size=1),
    links=st.lists(st.builds(Link, contexts, attributes), max_size=1),
    kind=st.sampled_from(SpanKind),
    status=st.sampled_from([Status(), Status(StatusCode.OK), Status(StatusCode.ERROR, "why")]),
    start_time=nanoseconds,
    end_time=nanoseconds,
    instrumentation_scope=st.sampled_from(SCOPES),
)


def plain(name: str = "GET /x", **attributes: Any) -> ReadableSpan:
    context = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))
    return ReadableSpan(
        name,
        context,
        resource=RESOURCES[0],
        attributes=attributes,
        kind=SpanKind.SERVER,
        start_time=1,
        end_time=2,
        instrumentation_scope=SCOPES[0],
    )


def normal(request: ExportTraceServiceRequest) -> dict[tuple[bytes, bytes], list[bytes]]:
    """The spans of a request by resource and scope; what two requests of one meaning have in common."""
    found: dict[tuple[bytes, bytes], list[bytes]] = {}
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                if not span.status.ByteSize():  # nothing said, or said in an empty message
                    span.ClearField("status")
            key = (
                resource.resource.SerializeToString(deterministic=True) + resource.schema_url.encode(),
                scope.scope.SerializeToString(deterministic=True) + scope.schema_url.encode(),
            )
            found.setdefault(key, []).extend(
                span.SerializeToString(deterministic=True) for span in scope.spans
            )
    return found


def sent(encoder: SpanEncoder, batch: list[ReadableSpan]) -> bytes:
    return encoding.request([encoder.encode(span) for span in batch])


def same(encoder: SpanEncoder, batch: list[ReadableSpan]) -> None:
    parsed = ExportTraceServiceRequest.FromString(sent(encoder, batch))
    assert normal(parsed) == normal(encode_spans(batch))


encoder = SpanEncoder()  # one for all examples, so that what it remembers is part of the test


@settings(max_examples=300, deadline=None)
@given(st.lists(spans, max_size=6))
def test_every_batch_says_what_the_sdks_encoder_says(batch: list[ReadableSpan]) -> None:
    same(encoder, batch)


def test_a_plain_span_does_not_go_through_the_sdks_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = [plain(a=1, b="x", c=True), plain(a=1, b="y", c=1.5)]
    expected = normal(encode_spans(batch))
    asked = []

    def encode(some: Any) -> ExportTraceServiceRequest:
        asked.append(some)
        return encode_spans(some)

    monkeypatch.setattr(encoding, "encode_spans", encode)
    parsed = ExportTraceServiceRequest.FromString(sent(SpanEncoder(), batch))
    assert normal(parsed) == expected
    assert len(asked) == 1  # for the resource and the scope


@pytest.mark.parametrize("equals", [(1, True), (1, 1.0), (0, False), (0.0, -0.0), (1, "1")])
def test_values_that_python_takes_for_equal_stay_apart(equals: tuple[Any, Any]) -> None:
    same(SpanEncoder(), [plain(x=value) for value in equals * 2])


def test_what_is_remembered_is_bounded() -> None:
    encoder = SpanEncoder()
    batch = [plain(f"name {number}", x=number, long="y" * 1000 + str(number)) for number in range(10_000)]
    same(encoder, batch)
    assert len(encoder._known) <= encoding._REMEMBERED
    assert len(encoder._names) <= encoding._REMEMBERED


def test_what_no_encoder_can_encode_costs_that_attribute_only(caplog: pytest.LogCaptureFixture) -> None:
    batch = [plain(good=1, broken="\ud800", huge=2**70)]
    ((of_one, *_),) = normal(ExportTraceServiceRequest.FromString(sent(SpanEncoder(), batch))).values()
    assert b"good" in of_one
    assert b"broken" not in of_one
    assert "broken" in caplog.text
