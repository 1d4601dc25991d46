"""Calls of asyncpg: each statement, and each round trip of a cursor.

Its own query loggers see neither prepared statements nor cursors, so the methods are wrapped.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import asyncpg  # type: ignore[import-untyped]

from obsdeck.telemetry.libraries.database import Client, Server, is_held

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Method = Callable[..., Awaitable[Any]]
    Reader = Callable[[Any, tuple[Any, ...], dict[str, Any]], tuple[Any, str]]


def instrument() -> None:
    """Wrap the methods; connections that are open already are traced too."""
    client = Client("asyncpg")
    # All are looked up before the first is replaced: a version that lacks one is left as it is.
    found = [
        (owner, name, getattr(owner, name), reader) for owner, names, reader in _TRACED for name in names
    ]
    for owner, name, method, reader in found:
        setattr(owner, name, _traced(client, method, reader))


def _traced(client: Client, method: Method, reader: Reader) -> Method:
    @wraps(method)
    async def traced(self: Any, *args: Any, **kwargs: Any) -> Any:
        connection, statement = reader(self, args, kwargs)
        # What a pool does between two users is nobody's statement.
        unseen = is_held(connection) or statement == connection.get_reset_query()
        call = None if unseen else client.begin(_server(connection), statement)
        if call is None:
            return await method(self, *args, **kwargs)
        try:
            result = await method(self, *args, **kwargs)
        except BaseException as error:
            call.end(error)
            raise
        call.end()
        return result

    return traced


def _asked(connection: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, str]:
    return connection, args[0] if args else kwargs.get("query", "")


def _prepared(of: Any, _args: tuple[Any, ...], _kwargs: dict[str, Any]) -> tuple[Any, str]:
    return of._connection, of._query  # noqa: SLF001 - there is no public way to the connection


_TRACED: tuple[tuple[type, tuple[str, ...], Reader], ...] = (
    (
        asyncpg.connection.Connection,
        ("execute", "executemany", "fetch", "fetchval", "fetchrow", "fetchmany"),
        _asked,
    ),
    (
        asyncpg.prepared_stmt.PreparedStatement,
        ("fetch", "fetchval", "fetchrow", "fetchmany", "executemany"),
        _prepared,
    ),
    # Below the public methods: those are called for each row, these for each round trip.
    (asyncpg.cursor.BaseCursor, ("_bind_exec", "_exec"), _prepared),
)


def _server(connection: Any) -> Server:
    address = getattr(connection, "_addr", "")
    host, port = address if isinstance(address, tuple) else (address, 0)
    return Server(
        "postgresql", getattr(getattr(connection, "_params", None), "database", None) or "", host, port
    )
