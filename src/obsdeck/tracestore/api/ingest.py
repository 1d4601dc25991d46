"""POST /v1/traces: OTLP/HTTP in, acknowledged once it is on disk.

Memory is bounded by how many requests are taken in at once and by the size of each; a request that is
refused says why in a ``google.rpc.Status``, in the encoding of the request, as OTLP asks.
"""

from __future__ import annotations

import asyncio
import sqlite3
import zlib
from functools import partial
from typing import TYPE_CHECKING, Final

from google.protobuf.json_format import MessageToJson
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.responses import Response

from obsdeck.tracestore.api.counters import BYTES_RECEIVED, SPANS_DISCARDED, SPANS_RECEIVED, Counters
from obsdeck.tracestore.otlp import Batch, OtlpError, decode_json, decode_protobuf

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.message import Message
    from starlette.requests import Request

    from obsdeck.tracestore.store import Store

MAX_BODY: Final = 16 * 2**20
"""Bytes of a request as it comes over the wire."""

MAX_PROTOBUF: Final = 32 * 2**20
MAX_JSON: Final = 8 * 2**20
"""Bytes of a request after decompression. A decoded JSON document takes many times its size."""

IN_FLIGHT: Final = 4
BODY_SECONDS: Final = 30.0
_TENANT: Final = "single-tenant"
_PROTOBUF, _JSON = "application/x-protobuf", "application/json"


class Ingest:
    """The endpoint; holds the slots that bound how many requests are taken in at once."""

    def __init__(self, store: Store, counters: Counters) -> None:
        self._store = store
        self._counters = counters
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def __call__(self, request: Request) -> Response:
        """Take in one request."""
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in (_PROTOBUF, _JSON):
            return _refusal(
                415, f"content type {media_type or '(none)'}: send {_PROTOBUF} or {_JSON}", _PROTOBUF
            )
        try:
            async with self._slots:
                body = await _body(request, MAX_JSON if media_type == _JSON else MAX_PROTOBUF)
                self._counters.add(BYTES_RECEIVED, len(body), tenant=_TENANT)
                decode = decode_json if media_type == _JSON else decode_protobuf
                batch = await self._keep(partial(decode, body))
        except OtlpError as error:
            return _reply(
                Status(code=_rpc_code(error.status), message=error.message), media_type, error.status
            )
        response = ExportTraceServiceResponse()
        if batch.rejected:
            response.partial_success.rejected_spans = batch.rejected
            response.partial_success.error_message = batch.rejection
        return _reply(response, media_type, 200)

    async def _keep(self, decode: Callable[[], Batch]) -> Batch:
        """Store what is valid of a request; it is on disk when this returns."""
        try:
            batch = await asyncio.wrap_future(self._store.submit(decode))
        except (sqlite3.Error, OSError) as error:
            raise OtlpError(503, f"the spans cannot be stored now: {error}") from None
        self._counters.add(SPANS_RECEIVED, len(batch.spans) + batch.rejected, tenant=_TENANT)
        if batch.rejected:
            self._counters.add(SPANS_DISCARDED, batch.rejected, reason="invalid_span", tenant=_TENANT)
            if not batch.spans:
                raise OtlpError(400, batch.rejection)
        return batch


async def _body(request: Request, limit: int) -> bytes:
    """The body, decompressed, in bounded time and memory."""
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise OtlpError(415, f"content encoding {encoding}: send gzip or none")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read(request, limit, zipped=encoding == "gzip")
    except TimeoutError:
        raise OtlpError(408, f"the body did not arrive within {BODY_SECONDS:.0f} s") from None


async def _read(request: Request, limit: int, *, zipped: bool) -> bytes:
    inflate = zlib.decompressobj(wbits=31)  # 31: gzip
    received = 0
    body = bytearray()
    async for chunk in request.stream():
        received += len(chunk)
        if received > MAX_BODY:
            raise OtlpError(413, f"the body is larger than {MAX_BODY} bytes")
        try:
            body += inflate.decompress(chunk, limit + 1 - len(body)) if zipped else chunk
        except zlib.error as error:
            raise OtlpError(400, f"the body is no gzip: {error}") from None
        if len(body) > limit:
            raise OtlpError(413, f"the body holds more than {limit} bytes")
    if zipped and not inflate.eof:
        raise OtlpError(400, "the gzip body ends too early")
    return bytes(body)


def _refusal(status: int, message: str, media_type: str) -> Response:
    return _reply(Status(code=_rpc_code(status), message=message), media_type, status)


def _rpc_code(status: int) -> int:
    """The gRPC code beside an HTTP status: 14 unavailable, 8 resource exhausted, 3 invalid argument."""
    return {503: 14, 413: 8}.get(status, 3)


def _reply(message: Message, media_type: str, status: int) -> Response:
    headers = {"retry-after": "5"} if status == 503 else None  # noqa: PLR2004 - an HTTP status
    if media_type == _JSON:
        return Response(MessageToJson(message, indent=None), status, headers, _JSON)
    return Response(message.SerializeToString(), status, headers, _PROTOBUF)
