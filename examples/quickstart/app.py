"""A service to try obsdeck with: `uvicorn app:app`, then a look at http://127.0.0.1:8000/docs."""

import asyncio

from fastapi import FastAPI

from obsdeck import get_logger, instrument, meter

app = FastAPI(title="Quickstart")
instrument(app, service_name="quickstart")

log = get_logger("quickstart")
viewed = meter("quickstart").create_counter("quickstart.items.viewed", unit="{item}")


@app.get("/")
async def hello() -> dict[str, str]:
    """A fast answer."""
    return {"hello": "world"}


@app.get("/items/{item_id}")
async def item(item_id: int) -> dict[str, int]:
    """One route, one name in every dashboard, however many items there are."""
    viewed.add(1)
    log.info("item %d was looked at", item_id)
    return {"item": item_id}


@app.get("/slow")
async def slow() -> dict[str, str]:
    """An answer that keeps people waiting: look for it in the latency panel, then in its trace."""
    log.warning("this will take a while")
    await asyncio.sleep(0.7)
    return {"slow": "yes"}


@app.get("/fail")
async def fail() -> None:
    """An error: the trace has its stack, and so has the log line with the same trace id."""
    raise RuntimeError("this route always fails")
