"""GET /api/search."""

from __future__ import annotations

import math
import re
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse
from starlette.routing import Route

from obsdeck.tracestore.api.parameters import ParameterError, whole_number, window
from obsdeck.tracestore.model import SERVICE_NAME
from obsdeck.tracestore.search import Found, search
from obsdeck.tracestore.traceql.lexer import parse_duration
from obsdeck.tracestore.traceql.parser import parse
from obsdeck.tracestore.traceql.shown import Shown, go_duration
from obsdeck.tracestore.traceql.syntax import (
    TRUE,
    Attribute,
    Combination,
    Comparison,
    Either,
    Filter,
    Intrinsic,
    Literal,
    Pipeline,
    Scope,
    Truth,
    Type,
)

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams
    from starlette.requests import Request
    from starlette.responses import Response

    from obsdeck.tracestore.model import Span, Trace, Value
    from obsdeck.tracestore.store import Store
    from obsdeck.tracestore.traceql.syntax import Condition, SpansetExpression

DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 262_144
DEFAULT_SPANS_PER_SPANSET: Final = 3
_NO_ROOT: Final = "<root span not yet received>"
_ERROR: Final = 2

_TAG: Final = re.compile(r'([^\s="]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?:\s+|$)')


def search_routes(store: Store) -> list[Route]:
    """The search, by TraceQL or by the older ``tags``."""

    def endpoint(request: Request) -> Response:
        parameters = request.query_params
        limit = whole_number(parameters, "limit", DEFAULT_LIMIT)
        if limit == 0 and "limit" in parameters:
            raise ParameterError("invalid limit: must be a positive number")
        if limit > MAX_LIMIT:
            raise ParameterError(f"limit {limit} exceeds max limit {MAX_LIMIT}")
        per_spanset = whole_number(parameters, "spss", DEFAULT_SPANS_PER_SPANSET) or DEFAULT_SPANS_PER_SPANSET
        text = parameters.get("q", "")
        if text and parameters.get("tags"):
            raise ParameterError("invalid request: can't specify tags and q in the same query")
        query = parse(text) if text else _from_tags(parameters)
        with store.reading() as blocks:
            found = search(blocks, query, window(parameters), limit)
            shown = Shown(query) if text else None
            traces = [_trace(item, shown, per_spanset) for item in found]
        return JSONResponse({"traces": traces, "metrics": {}})

    return [Route("/api/search", endpoint)]


def _from_tags(parameters: QueryParams) -> Pipeline:
    """The search before TraceQL: attributes anywhere in the trace, and bounds of its duration."""
    spansets: list[SpansetExpression] = [
        Filter(_tag(key, value)) for key, value in _tags(parameters.get("tags", ""))
    ]
    for name, operator in (("minDuration", ">="), ("maxDuration", "<=")):
        text = parameters.get(name, "")
        if text:
            nanoseconds = parse_duration(text)
            if nanoseconds is None:
                raise ParameterError(f"invalid {name}: {text!r} is no duration")
            bound = Literal(Type.DURATION, nanoseconds)
            spansets.append(Filter(Comparison(operator, Intrinsic.TRACE_DURATION, bound)))
    everything = Filter(Truth(TRUE))
    return Pipeline((reduce(lambda left, right: Combination("&&", left, right), spansets or [everything]),))


def _tags(text: str) -> list[tuple[str, str]]:
    found = []
    position = len(text) - len(text.lstrip())
    while position < len(text):
        tag = _TAG.match(text, position)
        if not tag:
            raise ParameterError(f"invalid tags: expected key=value at pos {position}")
        value = tag[2]
        found.append((tag[1], re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value))
        position = tag.end()
    return found


def _tag(key: str, value: str) -> Condition:
    literal = Literal(Type.STRING, value)
    attribute = Comparison("=", Attribute(Scope.ANY, key), literal)
    return Either(attribute, Comparison("=", Intrinsic.NAME, literal)) if key == "name" else attribute


def _trace(found: Found, shown: Shown | None, per_spanset: int) -> dict[str, Any]:
    trace = found.trace
    document: dict[str, Any] = {
        "traceID": trace.trace_id.hex().lstrip("0"),
        "rootServiceName": trace.root_service or _NO_ROOT,
        "rootTraceName": trace.root_name,
        "startTimeUnixNano": str(trace.start),
        "durationMs": trace.duration // 10**6,
    }
    if shown:
        spanset = {
            "spans": [_span(span, shown) for span in found.match.spans[:per_spanset]],
            "matched": len(found.match.spans),
            "attributes": [
                {
                    "key": name,
                    "value": _any_value(go_duration(int(value)) if type_ is Type.DURATION else value),
                }
                for name, (type_, value) in found.match.aggregates.items()
            ],
        }
        spanset = _without_empty(spanset)
        document |= {"spanSet": spanset, "spanSets": [spanset], "serviceStats": _service_stats(trace)}
    return _without_empty(document)


def _span(span: Span, shown: Shown) -> dict[str, Any]:
    return _without_empty(
        {
            "spanID": f"{span.span_id % 2**64:016x}",
            "name": shown.name(span),
            "startTimeUnixNano": str(span.start),
            "durationNanos": str(span.duration),
            "attributes": [{"key": key, "value": _any_value(value)} for key, value in shown.attributes(span)],
        }
    )


def _service_stats(trace: Trace) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for span in trace.spans:
        stats = counts.setdefault(
            str(span.resource.attributes[SERVICE_NAME]), {"spanCount": 0, "errorCount": 0}
        )
        stats["spanCount"] += 1
        stats["errorCount"] += span.status == _ERROR
    return {service: _without_empty(stats) for service, stats in counts.items()}


def _any_value(value: Value) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value if math.isfinite(value) else str(value)}
        case str():
            return {"stringValue": value}
        case _:
            return {"arrayValue": {"values": [_any_value(item) for item in value]}}


def _without_empty(document: dict[str, Any]) -> dict[str, Any]:
    """Drop what protobuf's JSON leaves out, as Tempo's answers do."""
    return {key: value for key, value in document.items() if value not in ("", 0, [], "0")}
