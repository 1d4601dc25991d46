from __future__ import annotations

from typing import TYPE_CHECKING

from .conftest import sent, service, traces

if TYPE_CHECKING:
    from pathlib import Path

    from ..conftest import Sink  # noqa: TID252

APP = """
import os
from fastapi import FastAPI
from obsdeck import instrument
import redis
import redis.asyncio
app = instrument(FastAPI())
port = int(os.environ["REDIS"])
client, other = redis.asyncio.Redis(port=port), redis.Redis(port=port)

@app.get("/async")
async def simple():
    await client.set("card", "sesame-1")
    async with client.pipeline() as pipe:
        await pipe.set("card", "sesame-2").get("card").execute()
    return len(await client.get("card"))

@app.get("/sync")
def sync():
    return len(other.get("card"))

@app.get("/health")
async def health():
    return await client.ping()
"""


def test_each_command_is_a_span_without_its_arguments(sink: Sink, tmp_path: Path, redis: int) -> None:
    with service(sink, tmp_path, APP, REDIS=str(redis)) as started:
        answers = [started.get(path)[2] for path in ("/async", "/sync", "/health")]
        started.stop()
    assert answers == ["8", "8", "true"]
    found = traces(sink)
    assert found["/async"].names == ["SET", "SET GET", "GET"]
    assert found["/sync"].names == ["GET"]
    said = found["/async"].attributes
    assert [one["db.query.text"] for one in said] == ["SET ? ?", "SET ? ?\nGET ?", "GET ?"]
    assert said[0]["db.system.name"] == "redis"
    assert said[0]["db.operation.name"] == "SET"
    assert (said[0]["server.address"], said[0]["server.port"]) == ("localhost", redis)
    assert "db.statement" not in said[0]
    assert "/health" not in found
    assert b"sesame" not in sent(sink)


SEARCH = """
import os
import socketserver
import threading
from fastapi import FastAPI
from obsdeck import instrument
import redis
app = instrument(FastAPI())

class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        card = os.environ["CARD"].encode()
        while said := self.request.recv(4096):
            self.request.sendall(b"+OK\\r\\n" * said.count(b"SETINFO"))
            if b"FT.SEARCH" in said:
                self.request.sendall(b"*3\\r\\n:1\\r\\n+doc\\r\\n*2\\r\\n+card\\r\\n+%b\\r\\n" % card)

server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
client = redis.Redis(port=server.server_address[1], protocol=2)

@app.get("/search")
def search():
    return client.execute_command("FT.SEARCH", "cards", os.environ["CARD"])[1]
"""


def test_a_search_is_traced_without_its_query_and_what_it_found(sink: Sink, tmp_path: Path) -> None:
    with service(sink, tmp_path, SEARCH, CARD="sesame-3") as started:
        assert started.get("/search")[2] == '"doc"'
        started.stop()
    assert traces(sink)["/search"].names == ["FT.SEARCH"]
    assert b"sesame" not in sent(sink)
