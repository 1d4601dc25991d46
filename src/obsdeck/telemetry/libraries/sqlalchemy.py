"""Calls of SQLAlchemy, sync and async, of every engine: by the events that it has for this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import Pool

from obsdeck.telemetry.libraries.database import Client, Server, hold

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, ExceptionContext
    from sqlalchemy.pool import ConnectionPoolEntry

# SQLAlchemy's names of systems where OpenTelemetry has others.
_SYSTEMS = {"mssql": "microsoft.sql_server", "oracle": "oracle.db"}
_CALL = "_obsdeck_call"


def instrument() -> None:
    """Listen to all engines, also those that exist already."""
    client = Client("sqlalchemy")

    def begin(
        connection: Connection, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: Any
    ) -> None:
        if context is not None:
            setattr(context, _CALL, client.begin(_server(connection), statement))

    event.listen(Engine, "before_cursor_execute", begin)
    event.listen(Engine, "after_cursor_execute", _succeeded)
    event.listen(Engine, "handle_error", _failed)
    event.listen(Pool, "connect", _connected)


def _succeeded(
    _connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: Any
) -> None:
    _end(context, None)


def _failed(failure: ExceptionContext) -> None:
    _end(failure.execution_context, failure.original_exception)


def _end(context: Any, error: BaseException | None) -> None:
    call = getattr(context, _CALL, None)
    if call is not None:
        delattr(context, _CALL)
        call.end(error)


def _connected(_connection: Any, record: ConnectionPoolEntry) -> None:
    driver = record.driver_connection
    # One statement is one span, and SQLAlchemy's knows the engine.
    if type(driver).__module__.partition(".")[0] == "asyncpg":
        hold(driver)


def _server(connection: Connection) -> Server:
    url = connection.engine.url
    name = connection.dialect.name
    return Server(_SYSTEMS.get(name, name), url.database or "", url.host or "", url.port or 0)
