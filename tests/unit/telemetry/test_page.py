from __future__ import annotations

from fastapi import FastAPI

from obsdeck.telemetry import page

from .conftest import call


def test_a_route_that_takes_everything_does_not_take_the_page() -> None:
    app = FastAPI()
    app.get("/{path:path}")(lambda path: path)
    page.add(app, "/metrics", lambda _accept: page.fallback())
    assert call(app, "/metrics").body.endswith(b"obsdeck_metrics_fallback 1\n")
    assert call(app, "/other").body == b'"other"'


def test_the_applications_middleware_may_protect_the_page() -> None:
    app = FastAPI()
    page.add(app, "/metrics", lambda _accept: page.fallback())

    @app.middleware("http")
    async def nobody(_request: object, _call_next: object) -> object:
        from starlette.responses import Response  # noqa: PLC0415

        return Response(status_code=401)

    assert call(app, "/metrics").status == 401


def test_the_page_is_read_only_and_in_no_schema() -> None:
    app = FastAPI()
    page.add(app, "/metrics", lambda _accept: page.fallback())
    assert call(app, "/metrics", method="POST").status == 405
    assert call(app, "/metrics", method="HEAD").status == 200
    assert "/metrics" not in app.openapi()["paths"]


def test_what_is_accepted_decides_and_the_content_type_is_not_touched() -> None:
    app = FastAPI()
    page.add(app, "/m", lambda accept: page.Answer(200, "application/x; version=1", accept.encode()))
    reply = call(app, "/m", headers=[(b"accept", b"a/b")])
    assert reply.body == b"a/b"
    assert dict(reply.messages[0]["headers"])[b"content-type"] == b"application/x; version=1"


def test_a_refusal_says_why() -> None:
    refused = page.unavailable(["one", "two"])
    assert (refused.status, refused.body) == (503, b"metrics are incomplete\none\ntwo\n")
