"""The routes together, and what their errors become."""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from obsdeck.tracestore.api.counters import BLOCKS, BYTES_ON_DISK, REQUESTS, Counters
from obsdeck.tracestore.api.ingest import Ingest
from obsdeck.tracestore.api.parameters import ParameterError
from obsdeck.tracestore.api.search import search_routes
from obsdeck.tracestore.api.tags import tag_routes
from obsdeck.tracestore.api.traces import trace_routes
from obsdeck.tracestore.traceql.errors import TraceQLError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from obsdeck.tracestore.store import Store

_log = logging.getLogger(__name__)

VERSION = "obsdeck"
"""What the store says its version is, so that nobody takes it for a release of Tempo."""


def make_app(store: Store) -> ASGIApp:
    """The ASGI application over a store."""
    counters = Counters()
    ingest = Ingest(store, counters)

    async def take_in(request: Request) -> Response:
        return await ingest(request)

    async def metrics(_: Request) -> Response:
        gauges = {BYTES_ON_DISK: store.size(), BLOCKS: len(store.blocks())}
        return PlainTextResponse(counters.exposition(gauges), media_type="text/plain; version=0.0.4")

    app = Starlette(
        routes=[
            Route("/ready", _ready),
            Route("/api/echo", _echo),
            Route("/api/status/buildinfo", _build_info),
            Route("/metrics", metrics),
            Route("/v1/traces", take_in, methods=["POST"]),
            Route("/api/metrics/{rest:path}", _no_metrics),
            *search_routes(store),
            *tag_routes(store),
            *trace_routes(store),
        ],
        exception_handlers={
            ParameterError: _bad_parameter,
            TraceQLError: _bad_query,
            sqlite3.DatabaseError: _unreadable,
        },
    )
    return _counted(app, counters)


def _counted(app: Starlette, counters: Counters) -> ASGIApp:
    """Count the answers of an application by route and status."""

    async def counting(scope: Scope, receive: Receive, send: Send) -> None:
        async def count(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = scope.get("route")
                counters.add(REQUESTS, route=route.path if route else "", status=str(message["status"]))
            await send(message)

        await app(scope, receive, count)

    return counting


async def _ready(_: Request) -> Response:
    return PlainTextResponse("ready\n")


async def _echo(_: Request) -> Response:
    return PlainTextResponse("echo\n")


async def _build_info(_: Request) -> Response:
    unknown = dict.fromkeys(("revision", "branch", "buildUser", "buildDate", "goVersion"), "")
    return JSONResponse({"version": VERSION, **unknown})


async def _no_metrics(_: Request) -> Response:
    return PlainTextResponse(
        "TraceQL metrics are not supported by this trace store; a real Tempo offers them", 400
    )


async def _bad_parameter(_: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), 400)


async def _bad_query(_: Request, error: Exception) -> Response:
    return PlainTextResponse(error.text if isinstance(error, TraceQLError) else str(error), 400)


async def _unreadable(_: Request, error: Exception) -> Response:
    _log.error("a block cannot be read: %s", error)
    return PlainTextResponse(f"a block of the trace store cannot be read: {error}", 500)
