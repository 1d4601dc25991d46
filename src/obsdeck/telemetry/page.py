"""The page of metrics as a route: how it answers, whatever there is to show.

Importing this costs nothing of the SDK, so the page is there even where telemetry is switched off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.applications import Starlette
    from starlette.requests import Request

_FALLBACK = """\
# HELP obsdeck_metrics_fallback 1 while this page cannot show the service's metrics.
# TYPE obsdeck_metrics_fallback gauge
obsdeck_metrics_fallback 1
"""


@dataclass(frozen=True)
class Answer:
    """One answer of the page.

    Attributes:
        status: 200, or 503 in strict mode.
        content_type: The exposition format, or plain text for a reason.
        body: The page.
    """

    status: int
    content_type: str
    body: bytes


def fallback() -> Answer:
    """The page that fail-open gives without telemetry: a scrape succeeds and can be alerted on.

    What the process has registered with `prometheus_client` itself is still on it.
    """
    body = _of_prometheus_client() + _FALLBACK.encode()
    return Answer(200, "text/plain; version=0.0.4; charset=utf-8", body)


def _of_prometheus_client() -> bytes:
    try:
        from prometheus_client import generate_latest  # noqa: PLC0415 - only who asks for the page pays for it

        return generate_latest()
    except Exception:  # noqa: BLE001 - no such library, or a collector of the application that fails
        return b""


def unavailable(reasons: list[str]) -> Answer:
    """The answer that strict gives instead of a page with gaps."""
    lines = "".join(f"{reason}\n" for reason in reasons)
    return Answer(503, "text/plain; charset=utf-8", f"metrics are incomplete\n{lines}".encode())


def add(app: Starlette, path: str, answer: Callable[[str], Answer]) -> None:
    """Serve the page, behind the app's own middleware and before all of its routes.

    Args:
        app: The application.
        path: Where.
        answer: From the request's `Accept` header to the page; runs in a worker thread.
    """

    def metrics(request: Request) -> Response:
        found = answer(request.headers.get("accept", ""))
        # Not `media_type=`: Starlette would add a charset to formats that name theirs.
        return Response(found.body, found.status, headers={"content-type": found.content_type})

    # In front: a catch-all route registered earlier must not swallow it.
    app.router.routes.insert(0, Route(path, metrics, methods=["GET"], include_in_schema=False))
