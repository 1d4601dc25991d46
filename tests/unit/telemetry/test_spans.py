from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    NonRecordingSpan,
    NoOpTracerProvider,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from obsdeck.telemetry.spans import ServerSpan, starter

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = SpanLimits(max_attributes=4, max_attribute_length=6, max_events=2, max_links=1)
ATTRIBUTES: dict[str, Any] = {"url.path": "/x", "number": 1}


class Traced:
    """A provider, and what ends in it."""

    def __init__(self, **options: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(
            resource=Resource({"service.name": "t"}), span_limits=LIMITS, shutdown_on_exit=False, **options
        )
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = self.provider.get_tracer("t", "1", "https://example.org")
        self.start = starter(self.tracer)

    @property
    def last(self) -> ReadableSpan:
        return self.exporter.get_finished_spans()[-1]


def parent(flags: int = 1, state: TraceState | None = None) -> Context:
    context = SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(flags), trace_state=state)
    return set_span_in_context(NonRecordingSpan(context), Context())


def told(span: ReadableSpan) -> dict[str, Any]:
    """All that a span says, but for its times and ids."""
    return {
        "name": span.name,
        "kind": span.kind,
        "attributes": dict(span.attributes or {}),
        "events": [(event.name, dict(event.attributes or {})) for event in span.events],
        "links": [(link.context, dict(link.attributes or {})) for link in span.links],
        "status": (span.status.status_code, span.status.description),
        "dropped": (span.dropped_attributes, span.dropped_events, span.dropped_links),
        "resource": span.resource,
        "scope": span.instrumentation_scope,
    }


values = st.sampled_from(["short", "much too long", 1, True, 1.5, ["a", 1], None, b"x", object()])
attributes = st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e", "", 5]), values, max_size=5)
LINK = SpanContext(1, 2, is_remote=False)
steps: st.SearchStrategy[Callable[[Span], object]] = st.one_of(
    attributes.map(lambda some: lambda span: span.set_attributes(some)),
    st.tuples(st.sampled_from(["a", "z"]), values).map(lambda one: lambda span: span.set_attribute(*one)),
    attributes.map(lambda some: lambda span: span.add_event("event", some)),
    attributes.map(lambda some: lambda span: span.add_link(LINK, some)),
    st.sampled_from([StatusCode.OK, StatusCode.ERROR, StatusCode.UNSET, Status(StatusCode.ERROR, "why")]).map(
        lambda status: lambda span: span.set_status(status)
    ),
    st.just(lambda span: span.update_name("new")),
    st.just(lambda span: span.record_exception(ValueError("no"), {"exception.stacktrace": ""})),
    st.just(lambda span: span.end()),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=8))
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_whatever_is_done_with_it_it_is_a_span_of_the_sdk(done: list[Callable[[Span], object]]) -> None:
    traced = Traced()
    ours = traced.start("one", Context(), dict(ATTRIBUTES))
    theirs = traced.tracer.start_span("one", Context(), SpanKind.SERVER, ATTRIBUTES)
    for span in (ours, theirs):
        for step in done:
            step(span)
        span.end()
    first, second = traced.exporter.get_finished_spans()
    assert told(first) == told(second)
    assert isinstance(ours, ServerSpan)
    assert isinstance(ours, SdkSpan)
    assert not ours.is_recording()
    assert (first.start_time or 0) <= (first.end_time or 0)


@pytest.mark.parametrize(
    "sampler", [None, ALWAYS_OFF, ParentBased(TraceIdRatioBased(0.5)), TraceIdRatioBased(1)]
)
@pytest.mark.parametrize(
    "context", [Context(), parent(0), parent(1), parent(3), parent(1, TraceState([("vendor", "x")]))]
)
def test_sampling_flags_and_parents_are_those_of_the_sdk(sampler: Any, context: Context) -> None:
    class Ids(type(TracerProvider().id_generator)):  # type: ignore[misc]
        def generate_trace_id(self) -> int:
            return 0xFF << 60

        def generate_span_id(self) -> int:
            return 9

    traced = Traced(id_generator=Ids(), **({"sampler": sampler} if sampler else {}))
    ours = traced.start("one", context, dict(ATTRIBUTES))
    theirs = traced.tracer.start_span("one", context, SpanKind.SERVER, ATTRIBUTES)
    assert ours.get_span_context() == theirs.get_span_context()
    assert ours.is_recording() is theirs.is_recording()
    assert getattr(ours, "parent", None) == getattr(theirs, "parent", None)


def test_long_and_many_attributes_at_the_start_are_limited() -> None:
    traced = Traced()
    many = {str(number): "much too long" for number in range(9)}
    traced.start("one", Context(), many).end()
    assert dict(traced.last.attributes or {}) == dict.fromkeys("5678", "much t")
    assert traced.last.dropped_attributes == 5


def test_processors_may_write_when_it_starts_and_read_when_it_ends() -> None:
    class Writes(SpanProcessor):
        ended: ReadableSpan

        def on_start(self, span: Span, parent_context: Context | None = None) -> None:
            assert parent_context == Context()
            span.set_attribute("tenant", "blue")

        def on_end(self, span: ReadableSpan) -> None:
            self.ended = span

    traced = Traced()
    writes = Writes()
    traced.provider.add_span_processor(writes)
    traced.start("one", Context(), {}).end()
    assert dict(writes.ended.attributes or {}) == {"tenant": "blue"}
    assert '"tenant": "blue"' in writes.ended.to_json()


def test_another_tracer_starts_its_own_spans() -> None:
    span = starter(NoOpTracerProvider().get_tracer("t"))("one", parent(), {})
    assert span.get_span_context().trace_id == 7
    assert not span.is_recording()
