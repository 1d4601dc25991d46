"""OTLP/JSON, as Tempo's API answers with it, to a trace.

Facts: https://protobuf.dev/programming-guides/json/ (bytes are base64, 64-bit numbers are text) and
https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from obsdeck.diagnose.trace.model import Span, Trace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def read(document: Mapping[str, Any], trace_id: str) -> Trace | None:
    """The trace in an OTLP/JSON document; None where there is no span in it.

    A span that is there twice, because its sender repeated a request, counts once.

    Args:
        document: `resourceSpans` and below.
        trace_id: 32 hexadecimal digits.
    """
    found = {(span.id, span.kind, span.start): span for span in _spans(document)}
    spans = sorted(found.values(), key=lambda span: (span.start, -span.end))
    return Trace(trace_id, tuple(spans)) if spans else None


def _spans(document: Mapping[str, Any]) -> Iterator[Span]:
    for one in document.get("resourceSpans", ()):
        resource = _attributes(one.get("resource", {}).get("attributes", ()))
        service = str(resource.get("service.name", ""))
        for scope in one.get("scopeSpans", ()):
            for span in scope.get("spans", ()):
                yield _span(span, service)


def _span(sent: Mapping[str, Any], service: str) -> Span:
    start = int(sent.get("startTimeUnixNano", 0))
    status = sent.get("status", {})
    return Span(
        id=_hexadecimal(sent.get("spanId", "")),
        parent_id=_hexadecimal(sent.get("parentSpanId", "")),
        service=service,
        name=sent.get("name", ""),
        kind=sent.get("kind", "").removeprefix("SPAN_KIND_").lower().replace("unspecified", ""),
        start=start,
        end=max(start, int(sent.get("endTimeUnixNano", 0))),
        error=status.get("code") == "STATUS_CODE_ERROR",
        message=status.get("message", "") or _exception(sent.get("events", ())),
        attributes=_attributes(sent.get("attributes", ())),
    )


def _hexadecimal(text: str) -> str:
    """An id; one of zeros only is none."""
    digits = base64.b64decode(text).hex()
    return digits if digits.strip("0") else ""


def _exception(events: Sequence[Mapping[str, Any]]) -> str:
    """The last exception, which is the one that got through."""
    for event in reversed(events):
        if event.get("name") == "exception":
            said = _attributes(event.get("attributes", ()))
            words = (str(said.get(f"exception.{part}", "")) for part in ("type", "message"))
            return ": ".join(word for word in words if word)
    return ""


def _attributes(sent: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {one["key"]: _value(one.get("value", {})) for one in sent}


def _value(sent: Mapping[str, Any]) -> Any:
    for kind, value in sent.items():
        match kind:
            case "intValue":
                return int(value)
            case "arrayValue":
                return [_value(one) for one in value.get("values", ())]
            case "kvlistValue":
                return _attributes(value.get("values", ()))
            case _:
                return value
    return None
