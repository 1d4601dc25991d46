"""Server spans, one per request, at a third of what the SDK's cost.

The SDK makes some fifteen objects for each span: containers for events and links that nearly no server span
has, and bounded attributes that clean every value. Here a span begins with a plain dictionary of plain
values and becomes the SDK's own kind, piece by piece, with the first thing that asks for more. It is a span
of the SDK for everybody who looks: processors, samplers, limits and methods are the provider's.
"""

from __future__ import annotations

import logging
from threading import Lock
from time import time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.context import Context
    from opentelemetry.trace import Tracer

    Start = Callable[[str, Context, dict[str, Any]], Span]
    """Starts a server span: its name, the context of its parent, its plain attributes."""

_PLAIN = (int, bool, float)
_FLAGS = tuple(TraceFlags(flags) for flags in range(4))
_DECISIONS = {
    Decision.DROP: (False, 0),
    Decision.RECORD_ONLY: (True, 0),
    Decision.RECORD_AND_SAMPLE: (True, 1),
}
_UNSET = Status(StatusCode.UNSET)

_logger = logging.getLogger(__name__)


def starter(tracer: Tracer) -> Start:
    """What starts server spans as this tracer would.

    Args:
        tracer: Of the SDK; any other starts its own spans.
    """
    if not isinstance(tracer, sdk.Tracer):
        return lambda name, parent, attributes: tracer.start_span(name, parent, SpanKind.SERVER, attributes)
    ids, sampler, processor = tracer.id_generator, tracer.sampler, tracer.span_processor
    counts = tracer._tracer_metrics  # noqa: SLF001
    cls = _class_for(tracer)
    randomness = int(ids.is_trace_id_random()) << 1

    def start(name: str, parent_context: Context, attributes: dict[str, Any]) -> Span:
        found = get_current_span(parent_context).get_span_context()
        if not tracer._is_enabled():  # noqa: SLF001
            return NonRecordingSpan(found)
        parent = found if found.is_valid else None
        trace_id = parent.trace_id if parent else ids.generate_trace_id()
        result = sampler.should_sample(parent_context, trace_id, name, SpanKind.SERVER, attributes, ())
        random = parent.trace_flags & 2 if parent else randomness
        recorded, sampled = _DECISIONS[result.decision]
        flags = _FLAGS[sampled | random]
        context = SpanContext(
            trace_id,
            ids.generate_span_id(),
            is_remote=False,
            trace_flags=flags,
            trace_state=result.trace_state,
        )
        ended = counts.start_span(parent, result.decision)
        if not recorded:
            return NonRecordingSpan(context)
        span = cls(name, context, parent, dict(result.attributes), ended)
        processor.on_start(span, parent_context)
        return span

    return start


class ServerSpan(sdk.Span):
    """A span of the SDK whose containers come into being when they are needed."""

    _kind = SpanKind.SERVER
    _events: Any = ()
    _links: Any = ()
    _end_time = None
    _status = _UNSET
    _instrumentation_info = _sampler = _trace_config = None
    _record_exception = _set_status_on_exception = True

    def __init__(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        attributes: dict[str, Any],
        ended: Callable[[], None],
    ) -> None:
        # Not the SDK's, which makes them all.
        self._name = name
        self._context = context
        self._parent = parent
        self._attributes = attributes if self._fits(attributes, 0) else self._bounded(attributes)
        self._ended = ended
        self._lock = Lock()
        self._start_time = time_ns()

    def set_attribute(self, key: str, value: Any) -> None:
        """As the SDK's."""
        self.set_attributes({key: value})

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """As the SDK's."""
        with self._lock:
            own = self._attributes
            if own.__class__ is dict and self._end_time is None:
                if self._fits(attributes, len(own)):
                    own.update(attributes)
                    return
                self._attributes = self._bounded(own)
        super().set_attributes(attributes)

    def end(self, end_time: int | None = None) -> None:
        """As the SDK's, but that processors are given the span itself: it does not change any more."""
        with self._lock:
            if self._end_time is not None:
                _logger.warning("Calling end() on an ended span.")
                return
            self._end_time = time_ns() if end_time is None else end_time
        self._ended()
        self._span_processor._on_ending(self)  # noqa: SLF001
        self._span_processor.on_end(self)

    def _add_event(self, event: Any) -> None:
        if self._events.__class__ is tuple:
            self._events = BoundedList(self._limits.max_events)
        super()._add_event(event)

    def _add_link(self, link: Any) -> None:
        if self._links.__class__ is tuple:
            self._links = BoundedList(self._limits.max_links)
        super()._add_link(link)

    def _fits(self, attributes: Mapping[str, Any], present: int) -> bool:
        """Whether all are plain and within the limits, so that there is nothing to clean or to drop."""
        count, length = self._limits.max_span_attributes, self._limits.max_span_attribute_length
        if count is not None and present + len(attributes) > count:
            return False
        for key, value in attributes.items():
            if key.__class__ is not str or not key:
                return False
            if value.__class__ is str:
                if length is not None and len(value) > length:
                    return False
            elif value.__class__ not in _PLAIN:
                return False
        return True

    def _bounded(self, attributes: Mapping[str, Any]) -> BoundedAttributes:
        limits = self._limits
        return BoundedAttributes(
            limits.max_span_attributes,
            attributes,
            immutable=False,
            max_value_len=limits.max_span_attribute_length,
        )


def _class_for(tracer: sdk.Tracer) -> type[ServerSpan]:
    """A class for the spans of one tracer: what they have in common is stored once."""
    common = {
        "_resource": tracer.resource,
        "_instrumentation_scope": tracer._instrumentation_scope,  # noqa: SLF001
        "_span_processor": tracer.span_processor,
        "_limits": tracer._span_limits,  # noqa: SLF001
    }
    return type("ServerSpan", (ServerSpan,), common)
