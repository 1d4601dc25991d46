"""GET /api/search/tags, /api/search/tag/{tag}/values and their second versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse
from starlette.routing import Route

from obsdeck.tracestore.api.parameters import ParameterError, whole_number, window
from obsdeck.tracestore.tags import INTRINSICS, filter_of, names, values
from obsdeck.tracestore.traceql.errors import TraceQLError
from obsdeck.tracestore.traceql.parser import parse_field
from obsdeck.tracestore.traceql.syntax import Attribute, Intrinsic, Scope

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from obsdeck.tracestore.store import Store
    from obsdeck.tracestore.traceql.syntax import Field

MAX_VALUES: Final = 10_000
"""Values in one answer where the request sets no limit; more is no help to a person who chooses one."""

_SCOPES: Final = {"resource": Scope.RESOURCE, "span": Scope.SPAN}
# What Tempo knows as scopes and this store does not index.
_EMPTY_SCOPES: Final = ("event", "link", "instrumentation")
_OLD_NAMES: Final[dict[str, Field]] = {
    "name": Intrinsic.NAME,
    "root.name": Intrinsic.ROOT_NAME,
    "rootName": Intrinsic.ROOT_NAME,
    "root.service.name": Intrinsic.ROOT_SERVICE_NAME,
    "rootServiceName": Intrinsic.ROOT_SERVICE_NAME,
}


def tag_routes(store: Store) -> list[Route]:
    """Names and values of attributes, for completion in an editor."""

    def tags(request: Request) -> Response:
        scopes = _scopes(store, request)
        wanted = request.query_params.get("scope", "") == "intrinsic"
        merged = {name for scope, found in scopes.items() if scope != "intrinsic" or wanted for name in found}
        return JSONResponse({"tagNames": sorted(merged), "metrics": {}})

    def tags_by_scope(request: Request) -> Response:
        scopes = [{"name": scope, "tags": found} for scope, found in _scopes(store, request).items() if found]
        return JSONResponse({"scopes": scopes, "metrics": {}})

    def tag_values(request: Request) -> Response:
        tag = request.path_params["tag"]
        found = _values(store, request, _OLD_NAMES.get(tag, Attribute(Scope.ANY, tag)))
        return JSONResponse({"tagValues": sorted({value for _, value in found}), "metrics": {}})

    def typed_values(request: Request) -> Response:
        try:
            field = parse_field(request.path_params["tag"])
        except TraceQLError as error:
            raise ParameterError(f"please provide a valid tagName: {error.text}") from None
        found = [
            {"type": type_, "value": value} if value else {"type": type_}
            for type_, value in _values(store, request, field)
        ]
        return JSONResponse({"tagValues": found, "metrics": {}})

    return [
        Route("/api/search/tags", tags),
        Route("/api/v2/search/tags", tags_by_scope),
        Route("/api/search/tag/{tag:path}/values", tag_values),
        Route("/api/v2/search/tag/{tag:path}/values", typed_values),
    ]


def _scopes(store: Store, request: Request) -> dict[str, list[str]]:
    """Names by scope, of the scope that the request names or of all."""
    parameters = request.query_params
    scope = parameters.get("scope", "")
    if scope not in ("", "none", "intrinsic", *_SCOPES, *_EMPTY_SCOPES):
        raise ParameterError(f"invalid scope: {scope}")
    condition, when = filter_of(parameters.get("q", "")), window(parameters)
    found = {}
    with store.reading() as blocks:
        for name, member in _SCOPES.items():
            if scope in ("", "none", name):
                found[name] = names(blocks, member, condition, when)
    if scope in ("", "none", "intrinsic"):
        found["intrinsic"] = list(INTRINSICS)
    return found


def _values(store: Store, request: Request, field: Field) -> list[tuple[str, str]]:
    parameters = request.query_params
    limit = whole_number(parameters, "limit", 0) or MAX_VALUES
    with store.reading() as blocks:
        return values(blocks, field, filter_of(parameters.get("q", "")), window(parameters))[:limit]
