from __future__ import annotations

from typing import TYPE_CHECKING

from .conftest import seconds, service, traces

if TYPE_CHECKING:
    from pathlib import Path

    from ..conftest import Sink  # noqa: TID252

APP = """
from fastapi import FastAPI, Request
from obsdeck import instrument
app = instrument(FastAPI())
import httpx

client = httpx.AsyncClient()

@app.get("/inner")
async def inner(request: Request):
    return request.headers.get("traceparent", "none")

@app.get("/async")
async def outer(request: Request):
    return (await client.get(f"{request.base_url}inner?token=sesame")).json()

@app.get("/sync")
def sync(request: Request):
    with httpx.Client() as other:
        return other.get(f"{request.base_url}nowhere").status_code

@app.get("/refused")
async def refused():
    try:
        await client.get("http://127.0.0.1:9/")
    except httpx.ConnectError:
        return "refused"

@app.get("/health")
async def health(request: Request):
    return (await client.get(f"{request.base_url}inner")).json()
"""


def test_a_call_is_a_span_between_two_servers_of_one_trace(sink: Sink, tmp_path: Path) -> None:
    with service(sink, tmp_path, APP) as started:
        passed_on = started.get("/async")[2]
        assert started.get("/sync")[2] == "404"
        assert started.get("/refused")[2] == '"refused"'
        started.stop()
    found = traces(sink)
    (call,), (said,) = found["/async"].calls, found["/async"].attributes
    assert call.name == "GET"
    assert call.span_id.hex() in passed_on
    (inner,) = [span for span in sink.spans if span.name == "GET /inner"]
    assert (inner.trace_id, inner.parent_span_id) == (call.trace_id, call.span_id)
    assert (said["server.address"], said["server.port"]) == ("127.0.0.1", started.port)
    assert said["http.response.status_code"] == 200
    assert "http.url" not in said
    assert [one["error.type"] for one in found["/sync"].attributes] == ["404"]
    assert [one["error.type"] for one in found["/refused"].attributes] == ["ConnectError"]
    durations = seconds(sink, "http.client.request.duration")
    assert sorted((one["http.response.status_code"], count) for one, count in durations) == [
        (200, 1),
        (404, 1),
    ]


def test_an_excluded_path_is_silent_and_passes_nothing_on(sink: Sink, tmp_path: Path) -> None:
    with service(sink, tmp_path, APP) as started:
        assert started.get("/health")[2] == '"none"'
        started.stop()
    assert [span.name for span in sink.spans] == ["GET /inner"]
    assert "http.client.request.duration" not in sink.metrics


def test_the_conventions_that_the_user_chose_stay(sink: Sink, tmp_path: Path) -> None:
    with service(sink, tmp_path, APP, OTEL_SEMCONV_STABILITY_OPT_IN="http/dup") as started:
        started.get("/async")
        started.stop()
    (said,) = traces(sink)["/async"].attributes
    assert said["http.method"] == said["http.request.method"] == "GET"
