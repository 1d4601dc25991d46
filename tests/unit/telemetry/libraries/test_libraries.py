from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from obsdeck.telemetry.libraries import NAMES, is_disabled

from ..conftest import run  # noqa: TID252
from .conftest import service, traces

if TYPE_CHECKING:
    from pathlib import Path

    from ..conftest import Sink  # noqa: TID252

QUIET = {
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_SERVICE_NAME": "shop",
}
BEGINNING = """
import sys
from fastapi import FastAPI
from obsdeck import instrument
"""


@pytest.mark.parametrize(
    ("value", "disabled"),
    [("", False), ("redis,httpx", True), (" httpx ", True), ("*", True), ("httpx2", False), ("HTTPX", False)],
)
def test_names_of_what_is_switched_off_are_separated_by_commas(value: str, disabled: bool) -> None:  # noqa: FBT001
    assert is_disabled("httpx", {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": value}) is disabled
    assert not is_disabled("httpx", {})


def test_nothing_is_imported_for_it() -> None:
    code = BEGINNING + f"instrument(FastAPI())\nprint([name for name in {NAMES} if name in sys.modules])"
    assert run(code, **QUIET) == "[]\n"


def test_what_is_imported_before_or_after_is_instrumented_once() -> None:
    code = f"""{BEGINNING}
import redis
app = instrument(FastAPI())
import asyncpg
instrument(FastAPI())
instrument(app)
print(hasattr(redis.Redis.execute_command, "__wrapped__"))
print(hasattr(redis.Redis.execute_command.__wrapped__, "__wrapped__"))
print(hasattr(asyncpg.Connection.fetch, "__wrapped__"))
print(hasattr(asyncpg.Connection.fetch.__wrapped__, "__wrapped__"))
"""
    # `connresource.guarded` is not on these; a second wrapper would be.
    assert run(code, **QUIET).split() == ["True", "False", "True", "False"]


def test_what_the_service_instruments_itself_is_left_alone() -> None:
    code = f"""{BEGINNING}
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
HTTPXClientInstrumentor().instrument()
RedisInstrumentor().instrument()
instrument(FastAPI())
"""
    assert run(code, **QUIET) == ""


@pytest.mark.parametrize("name", ["httpx", "redis"])
def test_without_the_extra_a_library_works_and_nothing_is_said(name: str) -> None:
    code = f"""{BEGINNING}
sys.modules["opentelemetry.instrumentation.{name}"] = None
instrument(FastAPI())
import httpx, redis
print(hasattr(httpx.HTTPTransport.handle_request, "__wrapped__"))
print(hasattr(redis.Redis.execute_command, "__wrapped__"))
"""
    assert run(code, **QUIET).split() == [str(name != "httpx"), str(name != "redis")]


def test_a_version_that_is_refused_is_told_once_with_what_to_do(tmp_path: Path) -> None:
    metadata = tmp_path / "redis-2.5.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: redis\nVersion: 2.5\n")
    code = f"""{BEGINNING}
sys.path.insert(0, {str(tmp_path)!r})
instrument(FastAPI())
import redis
instrument(FastAPI())
print(hasattr(redis.Redis.execute_command, "__wrapped__"))
"""
    said, wrapped = run(code, **QUIET).splitlines()
    assert said.startswith("calls of redis 2.5 are not traced: ")
    assert "redis >= 2.6" in said
    assert "pip install 'obsdeck[redis]'" in said
    assert "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=redis" in said
    assert wrapped == "False"


def test_a_version_without_what_is_wrapped_stays_as_it_is() -> None:
    code = f"""{BEGINNING}
import asyncpg
del asyncpg.cursor.BaseCursor._exec
instrument(FastAPI())
print(hasattr(asyncpg.Connection.fetch, "__wrapped__"))
"""
    said, wrapped = run(code, **QUIET).splitlines()
    assert said.startswith("calls of asyncpg ")
    assert "_exec" in said
    assert wrapped == "False"


ALL = """
import os
import asyncpg
import httpx
import redis.asyncio
from fastapi import FastAPI, Request
from sqlalchemy import create_engine, text
from obsdeck import instrument

app = instrument(FastAPI())
client = httpx.AsyncClient()
cache = redis.asyncio.Redis(port=int(os.environ["REDIS"]))
engine = create_engine("sqlite://")

@app.get("/inner")
async def inner():
    await cache.get("card")

@app.get("/all")
async def every(request: Request):
    connection = await asyncpg.connect(os.environ["DATABASE"])
    await connection.fetch("SELECT 1")
    await connection.close()
    with engine.connect() as other:
        other.execute(text("SELECT 2"))
    await client.get(f"{request.base_url}inner")
"""


def test_calls_of_all_libraries_in_one_request_are_one_trace(
    sink: Sink, tmp_path: Path, postgres: str, redis: int
) -> None:
    with service(sink, tmp_path, ALL, DATABASE=postgres, REDIS=str(redis)) as started:
        assert started.get("/all")[0] == 200
        started.stop()
    found = traces(sink)
    assert [one.get("db.system.name") for one in found["/all"].attributes] == ["postgresql", "sqlite", None]
    assert found["/all"].names == ["SELECT", "SELECT", "GET"]
    assert found["/inner"].names == ["GET"]
    assert {span.trace_id for span in sink.spans} == {found["/all"].server.trace_id}
    assert len(sink.spans) == 6


def test_obsdeck_run_traces_them_with_no_change_to_the_code(sink: Sink, tmp_path: Path) -> None:
    pytest.importorskip("typer", reason="obsdeck run needs obsdeck[stack]")
    source = """
import httpx
from fastapi import FastAPI, Request
app = FastAPI()
app.get("/inner")(lambda: "ok")

@app.get("/outer")
def outer(request: Request):
    httpx.get(f"{request.base_url}inner")
"""
    command = (sys.executable, "-m", "obsdeck", "run", "--")
    with service(sink, tmp_path, source, prefix=command) as started:
        assert started.get("/outer")[0] == 200
        started.stop()
    assert traces(sink)["/outer"].names == ["GET"]
