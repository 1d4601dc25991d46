"""The watch-only guard: under one prefix an app is read, and nothing else reaches it.

It fails closed. A path is refused if any way to read it lies under the prefix, because a proxy in front or
a catch-all route behind may read it that way. It stands outside the app's own middleware, and needs no
telemetry to work: where there is none, refusals are just not counted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from opentelemetry.metrics import get_meter
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.applications import Starlette
    from starlette.types import ASGIApp, Receive, Scope, Send

SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods that pass, exactly as written: methods of HTTP are case-sensitive (RFC 9110, 9.1)."""

KNOWN = frozenset({"CONNECT", "DELETE", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
"""Refused methods that the counter names; every other is `_OTHER`."""

OVERRIDES = frozenset({b"x-http-method", b"x-http-method-override", b"x-method-override"})
"""Headers by which frameworks let a client say another method than it uses."""

# Whoever encodes a path more often than this has nothing to read.
_DECODINGS = 4


class ReadOnly:
    """The middleware.

    Args:
        app: What is guarded.
        prefix: The path that is guarded, with everything below it.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = _segments(prefix)
        self._refused = get_meter("obsdeck").create_counter(
            "obsdeck.guard.refused",
            unit="{request}",
            description="Requests that the watch-only guard refused.",
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse or pass on; a websocket is opened by a GET and passes."""
        if scope["type"] != "http" or not self._covers(scope):
            await self._app(scope, receive, send)
        elif scope["method"] in SAFE:
            # What the app sees is what was judged, whatever middleware it has for overrides.
            scope["headers"] = [pair for pair in scope["headers"] if pair[0].lower() not in OVERRIDES]
            await self._app(scope, receive, send)
        else:
            method = scope["method"]
            self._refused.add(1, {"http.request.method": method if method in KNOWN else "_OTHER"})
            allow = {"allow": ", ".join(SAFE)}
            await JSONResponse({"detail": "Method Not Allowed"}, 405, allow)(scope, receive, send)

    def _covers(self, scope: Scope) -> bool:
        length = len(self._prefix)
        return any(_segments(path)[:length] == self._prefix for path in _readings(scope))


def add(app: Starlette, prefix: str) -> None:
    """Guard an app, around its middleware and its error handling.

    Args:
        app: The application.
        prefix: The path that is guarded, with everything below it.
    """
    build = app.build_middleware_stack
    app.build_middleware_stack = lambda: ReadOnly(build(), prefix)  # type: ignore[method-assign]
    if app.middleware_stack is not None:
        app.middleware_stack = ReadOnly(app.middleware_stack, prefix)


def _readings(scope: Scope) -> Iterator[str]:
    """Every path that somebody may take this request for."""
    root, path = scope.get("root_path", "").rstrip("/"), scope["path"]
    # A server or mount has put its root into the path; a proxy that took it off has not.
    below = f"{path}/".startswith(f"{root}/")
    for written in (path, path[len(root) :] if below else root + path):
        decoded = written
        for _ in range(_DECODINGS):
            yield decoded
            yield _resolved(decoded)
            again = unquote(decoded)
            if again == decoded:
                break
            decoded = again


def _segments(path: str) -> list[str]:
    """The parts between slashes, in one case; doubled and trailing slashes make none."""
    return [part for part in re.split(r"[/\\]", path.lower()) if part]


def _resolved(path: str) -> str:
    """The path with its `.` and `..` followed."""
    parts: list[str] = []
    for part in _segments(path):
        if part == "..":
            del parts[-1:]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
