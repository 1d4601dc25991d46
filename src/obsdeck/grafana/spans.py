"""A trace as links see it: spans with their attributes and those of their resource, ids in hexadecimal."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from obsdeck.grafana.variables import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class Span:
    """One span.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        parent_id: The same, empty for a root.
        name: Its name.
        start: Nanoseconds since the epoch.
        end: Nanoseconds since the epoch.
        attributes: Its own.
        resource: Those of what it comes from: `service.name`.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    start: int
    end: int
    attributes: Mapping[str, str]
    resource: Mapping[str, str]

    @property
    def service(self) -> str:
        """The service that it comes from."""
        return self.resource.get("service.name", "")


def spans(trace: Mapping[str, Any]) -> tuple[Span, ...]:
    """The spans of a trace in OTLP/JSON with ids in base64, as Tempo answers; the earliest first."""
    return tuple(sorted(_spans(trace), key=lambda span: span.start))


def _spans(trace: Mapping[str, Any]) -> Iterator[Span]:
    for batch in trace.get("resourceSpans", ()):
        resource = _attributes(batch.get("resource", {}))
        for scope in batch.get("scopeSpans", ()):
            for one in scope.get("spans", ()):
                yield Span(
                    trace_id=_hexadecimal(one.get("traceId", "")),
                    span_id=_hexadecimal(one.get("spanId", "")),
                    parent_id=_hexadecimal(one.get("parentSpanId", "")),
                    name=one.get("name", ""),
                    start=int(one.get("startTimeUnixNano", 0)),
                    end=int(one.get("endTimeUnixNano", 0)),
                    attributes=_attributes(one),
                    resource=resource,
                )


def _attributes(holder: Mapping[str, Any]) -> dict[str, str]:
    return {one["key"]: _written(one.get("value", {})) for one in holder.get("attributes", ())}


def _written(value: Mapping[str, Any]) -> str:
    """An OTLP value: the one key in it says its type."""
    for found in value.values():
        if isinstance(found, dict):
            return ",".join(_written(one) for one in found.get("values", ()) if isinstance(one, dict))
        return written(found)
    return ""


def _hexadecimal(text: str) -> str:
    return base64.b64decode(text).hex()
