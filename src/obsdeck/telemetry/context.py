"""What travels with a request besides its span: that it is quiet, and where an exception came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.context import (
    _SUPPRESS_HTTP_INSTRUMENTATION_KEY,
    _SUPPRESS_INSTRUMENTATION_KEY,
    Context,
    create_key,
    get_value,
    set_value,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

if TYPE_CHECKING:
    from opentelemetry.trace import Span

_QUIET = create_key("obsdeck.quiet")
_ORIGIN = "__obsdeck_context__"


def quiet(trace_id: int, span_id: int) -> Context:
    """A context in which nobody records: instrumentors are told so, and spans find an unsampled parent.

    Args:
        trace_id: Any valid trace id.
        span_id: Any valid span id.
    """
    parent = NonRecordingSpan(SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(0)))
    context = set_span_in_context(parent, Context())
    # The keys that the SDK and every instrumentor check; the API has no public name for them.
    for key in (_QUIET, _SUPPRESS_INSTRUMENTATION_KEY, _SUPPRESS_HTTP_INSTRUMENTATION_KEY):
        context = set_value(key, value=True, context=context)
    return context


def is_quiet(context: Context | None = None) -> bool:
    """Whether a request that is not observed is being served (in this context, or the current one)."""
    return get_value(_QUIET, context) is not None


def is_suppressed(context: Context | None = None) -> bool:
    """Whether an instrumentor or exporter asked for silence."""
    return get_value(_SUPPRESS_INSTRUMENTATION_KEY, context) is not None


def remember(error: BaseException, span: Span) -> None:
    """Note the request's span on an exception that leaves the app.

    The server logs it when the request's context is gone, and that line, the one with the stack, is the
    one that people look for by its trace id.
    """
    try:
        setattr(error, _ORIGIN, set_span_in_context(span, Context()))
    except Exception:  # noqa: BLE001 - one with __slots__, or with a __setattr__ of its own
        return


def recall(error: BaseException) -> Context | None:
    """The context of the request that this exception left, if `remember` saw it."""
    return getattr(error, _ORIGIN, None)
