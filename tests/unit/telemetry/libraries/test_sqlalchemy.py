from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import seconds, sent, service, traces

if TYPE_CHECKING:
    from pathlib import Path

    from ..conftest import Sink  # noqa: TID252

APP = """
import os
from fastapi import FastAPI
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import StaticPool
from obsdeck import instrument

orders = Table("orders", MetaData(), Column("id", Integer, primary_key=True), Column("card", String))
engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
app = instrument(FastAPI())
orders.metadata.create_all(engine)

@app.get("/simple")
def simple():
    with engine.begin() as connection:
        connection.execute(insert(orders), [{"id": 1, "card": "sesame-1"}, {"id": 2, "card": "sesame-2"}])
        connection.execute(select(orders.c.id).where(orders.c.card == "sesame-3"))
        return connection.execute(text("SELECT count(*) FROM orders WHERE card <> 'sesame-4'")).scalar()

@app.get("/fail")
def fail():
    try:
        with engine.begin() as connection:
            connection.execute(insert(orders), {"id": 1, "card": "sesame-5"})
    except IntegrityError as error:
        return "sesame-5" in str(error)

@app.get("/health")
def health():
    with engine.connect() as connection:
        return connection.execute(text("SELECT 1")).scalar()
"""

ASYNC_APP = """
import asyncio
import os
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from obsdeck import instrument

engine = create_async_engine(os.environ["DATABASE"].replace("://", "+asyncpg://"))
app = instrument(FastAPI())

@app.get("/warm")
async def warm():
    async with engine.connect() as connection:
        return (await connection.execute(text("SELECT 1"))).scalar()

@app.get("/simple")
async def simple():
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT count(*) FROM pg_class WHERE relname = 'sesame'"))
        return found.scalar()

@app.get("/fail")
async def fail():
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1 / 0"))
    except DBAPIError:
        return "by zero"

@app.get("/cancelled")
async def cancelled():
    async with engine.connect() as connection:
        task = asyncio.create_task(connection.execute(text("SELECT pg_sleep(60)")))
        done, _ = await asyncio.wait([task], timeout=0.05)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()
"""


DURATION = "db.client.operation.duration"


def test_statements_of_an_engine_that_was_there_before_are_spans_without_values(
    sink: Sink, tmp_path: Path
) -> None:
    with service(sink, tmp_path, APP) as started:
        answers = [started.get(path)[2] for path in ("/simple", "/fail", "/health")]
        started.stop()
    assert answers == ["2", "true", "1"]
    found = traces(sink)
    assert found["/simple"].names == ["INSERT orders", "SELECT orders", "SELECT orders"]
    assert found["/simple"].attributes[0] == {
        "db.system.name": "sqlite",
        "db.operation.name": "INSERT",
        "db.query.summary": "INSERT orders",
        "db.query.text": "INSERT INTO orders (id, card) VALUES (?, ?)",
    }
    assert found["/simple"].attributes[2]["db.query.text"] == "SELECT count(*) FROM orders WHERE card <> ?"
    (failed,), (said,) = found["/fail"].calls, found["/fail"].attributes
    assert failed.status.code == failed.status.STATUS_CODE_ERROR
    assert said["error.type"] == "sqlite3.IntegrityError"
    assert "/health" not in found
    assert b"sesame" not in sent(sink)
    counts = {(one["db.operation.name"], one.get("error.type")): n for one, n in seconds(sink, DURATION)}
    assert counts["INSERT", None] == 1
    assert counts["INSERT", "sqlite3.IntegrityError"] == 1
    assert counts["SELECT", None] == 2


def test_a_statement_through_asyncpg_is_one_span_and_not_two(
    sink: Sink, tmp_path: Path, postgres: str
) -> None:
    for needed in ("asyncpg", "greenlet"):
        pytest.importorskip(needed)
    with service(sink, tmp_path, ASYNC_APP, DATABASE=postgres) as started:
        answers = [started.get(path)[2] for path in ("/warm", "/simple", "/fail", "/cancelled")]
        started.stop()
    assert answers == ["1", "0", '"by zero"', "true"]
    found = traces(sink)
    assert found["/simple"].names == ["SELECT pg_class"]
    (said,) = found["/simple"].attributes
    assert (said["db.system.name"], said["db.namespace"]) == ("postgresql", "postgres")
    assert (said["server.address"], said["server.port"]) == (
        "127.0.0.1",
        int(postgres.rpartition(":")[2].partition("/")[0]),
    )
    (said,) = found["/fail"].attributes
    assert said["error.type"] == "22012"
    (said,) = found["/cancelled"].attributes
    assert said["error.type"] == "asyncio.exceptions.CancelledError"
