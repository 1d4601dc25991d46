from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import seconds, sent, service, traces

if TYPE_CHECKING:
    from pathlib import Path

    from ..conftest import Sink  # noqa: TID252

APP = """
import os
from contextlib import asynccontextmanager
from fastapi import FastAPI
from obsdeck import instrument
app = instrument(FastAPI(lifespan=lambda app: lifespan(app)))
import asyncpg

@asynccontextmanager
async def lifespan(app):
    async with asyncpg.create_pool(os.environ["DATABASE"], min_size=1, max_size=1) as app.state.pool:
        await app.state.pool.execute("CREATE TEMP TABLE orders (id int PRIMARY KEY, card text)")
        yield

@app.get("/simple")
async def simple():
    pool = app.state.pool
    await pool.execute("INSERT INTO orders VALUES (0, 'sesame-1')")
    await pool.executemany("INSERT INTO orders VALUES ($1, $2)", [(1, "sesame-2"), (2, "sesame-3")])
    await pool.fetch("SELECT * FROM orders WHERE card = $1 /* sesame-4 */", "sesame-5")
    await pool.fetchrow("SELECT * FROM orders WHERE card = $tag$sesame-6$tag$")
    return await pool.fetchval(query="SELECT count(*) FROM orders WHERE id < 4711")

@app.get("/prepared")
async def prepared():
    async with app.state.pool.acquire() as connection:
        statement = await connection.prepare("SELECT $1::int")
        return [await statement.fetchval(1), (await statement.fetchrow(2))[0], len(await statement.fetch(3))]

@app.get("/cursor")
async def cursor():
    async with app.state.pool.acquire() as connection, connection.transaction():
        numbers = [row[0] async for row in connection.cursor("SELECT generate_series(1, 5)", prefetch=3)]
        rows = await connection.cursor("SELECT generate_series(1, 5)")
        return numbers, len(await rows.fetch(2))

@app.get("/fail")
async def fail():
    try:
        await app.state.pool.execute("INSERT INTO orders VALUES ($1, $2), ($1, $2)", 4711, "sesame-7")
    except asyncpg.UniqueViolationError as error:
        return "4711" in str(error)

@app.get("/slow")
async def slow():
    try:
        await app.state.pool.execute("SELECT pg_sleep(60)", timeout=0.01)
    except TimeoutError:
        return "too slow"

@app.get("/health")
async def health():
    return await app.state.pool.fetchval("SELECT 'sesame-8'")
"""


@pytest.fixture
def observed(sink: Sink, tmp_path: Path, postgres: str) -> Sink:
    with service(sink, tmp_path, APP, DATABASE=postgres) as started:
        for path in ("/simple", "/prepared", "/cursor", "/fail", "/slow", "/health"):
            assert started.get(path)[0] == 200
        assert started.get("/fail")[2] == "true"
        started.stop()
    return sink


def test_each_statement_is_one_span_of_its_request(observed: Sink, postgres: str) -> None:
    found = traces(observed)
    assert found["/simple"].names == ["INSERT orders"] * 2 + ["SELECT orders"] * 3
    assert found["/prepared"].names == ["SELECT"] * 3
    assert found["/cursor"].names == ["BEGIN", "SELECT", "SELECT", "SELECT", "COMMIT"]
    assert found["/simple"].attributes[0] == {
        "db.system.name": "postgresql",
        "db.namespace": "postgres",
        "server.address": "127.0.0.1",
        "server.port": int(postgres.rpartition(":")[2].partition("/")[0]),
        "db.operation.name": "INSERT",
        "db.query.summary": "INSERT orders",
        "db.query.text": "INSERT INTO orders VALUES (?, ?)",
    }


def test_no_value_of_a_statement_or_an_error_is_exported(observed: Sink) -> None:
    assert [one["db.query.text"] for one in traces(observed)["/simple"].attributes[2:]] == [
        "SELECT * FROM orders WHERE card = $1",
        "SELECT * FROM orders WHERE card = ?",
        "SELECT count(*) FROM orders WHERE id < ?",
    ]
    assert b"sesame" not in sent(observed)
    assert b"4711" not in sent(observed)


def test_a_statement_that_fails_says_why_by_its_code(observed: Sink) -> None:
    (failed,), (said,) = traces(observed)["/fail"].calls, traces(observed)["/fail"].attributes
    assert failed.status.code == failed.status.STATUS_CODE_ERROR
    assert (said["error.type"], said["db.response.status_code"]) == ("23505", "23505")
    (late,) = traces(observed)["/slow"].attributes
    assert late["error.type"] == "TimeoutError"


def test_each_statement_is_counted_with_its_span_as_an_exemplar(observed: Sink) -> None:
    points = [
        point
        for metric in observed.exports
        if metric.name == "db.client.operation.duration"
        for point in metric.histogram.data_points
    ]
    exemplars = {one.span_id for point in points for one in point.exemplars}
    assert exemplars
    assert exemplars <= {span.span_id for span in observed.spans}
    series = seconds(observed, "db.client.operation.duration")
    counts = {(one["db.operation.name"], one.get("error.type")): count for one, count in series}
    assert counts == {
        ("CREATE", None): 1,
        ("INSERT", None): 2,
        ("SELECT", None): 9,
        ("BEGIN", None): 1,
        ("COMMIT", None): 1,
        ("INSERT", "23505"): 2,
        ("SELECT", "TimeoutError"): 1,
    }
    assert {key for one, _ in series for key in one} == {
        "db.system.name",
        "db.namespace",
        "db.operation.name",
        "server.address",
        "server.port",
        "error.type",
        "db.response.status_code",
    }


def test_an_excluded_path_is_silent(observed: Sink) -> None:
    assert "/health" not in traces(observed)
    assert [span.name for span in observed.spans if not span.parent_span_id and span.kind == 3] == [
        "CREATE orders"
    ]


def test_switched_off_it_is_not_traced(sink: Sink, tmp_path: Path, postgres: str) -> None:
    disabled = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "redis, asyncpg"}
    with service(sink, tmp_path, APP, DATABASE=postgres, **disabled) as started:
        assert started.get("/simple")[0] == 200
        started.stop()
    assert traces(sink)["/simple"].calls == ()
    assert "db.client.operation.duration" not in sink.metrics
