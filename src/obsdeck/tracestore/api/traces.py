"""GET /api/traces/{id} and /api/v2/traces/{id}."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from google.protobuf.json_format import MessageToDict
from google.protobuf.wrappers_pb2 import BytesValue
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from obsdeck.tracestore.api.parameters import ParameterError, window
from obsdeck.tracestore.traces import find_message

if TYPE_CHECKING:
    from starlette.requests import Request

    from obsdeck.tracestore.store import Store

_PROTOBUF: Final = "application/protobuf"
_HEX_DIGITS: Final = 32
_HEX: Final = re.compile("[0-9a-fA-F]+")


def trace_routes(store: Store) -> list[Route]:
    """A trace by its id: the first version bare, the second wrapped."""

    def bare(request: Request) -> Response:
        trace = _find(store, request)
        if trace is None:
            return Response(status_code=404)
        if _wants_protobuf(request):
            return Response(trace.SerializeToString(), media_type=_PROTOBUF)
        return JSONResponse({"batches": MessageToDict(trace).get("resourceSpans", [])})

    def wrapped(request: Request) -> Response:
        # Tempo's second version knows no 404: an unknown trace is an empty one.
        trace = _find(store, request) or TracesData()
        if _wants_protobuf(request):
            # Tempo's answer has the trace as its field 1, which on the wire is what a BytesValue is.
            wrapper = BytesValue(value=trace.SerializeToString())
            return Response(wrapper.SerializeToString(), media_type=_PROTOBUF)
        return JSONResponse({"trace": MessageToDict(trace), "metrics": {}})

    return [Route("/api/traces/{id}", bare), Route("/api/v2/traces/{id}", wrapped)]


def _find(store: Store, request: Request) -> TracesData | None:
    trace_id = _trace_id(request.path_params["id"])
    window(request.query_params)  # a hint where to look, which this store does not need
    with store.reading() as blocks:
        return find_message(reversed(blocks), trace_id)


def _trace_id(text: str) -> bytes:
    if len(text) > _HEX_DIGITS:
        raise ParameterError("trace IDs can't be larger than 128 bits")
    if not _HEX.fullmatch(text):
        raise ParameterError("trace IDs can only contain hex characters")
    return int(text, 16).to_bytes(_HEX_DIGITS // 2, "big")


def _wants_protobuf(request: Request) -> bool:
    return _PROTOBUF in request.headers.get("accept", "")
