"""Records of the standard library by OTLP, with the trace ids of the request they belong to.

One handler, on the root logger and on the servers' loggers that do not reach it. The console stays what
the application made it. The handler speaks the logs API directly: the SDK's own is deprecated, and both
it and its successor export what servers add for their console (colour codes) and warn, per record, about
values that OTLP has no type for.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context, get_current
from opentelemetry.trace import INVALID_SPAN, set_span_in_context

from obsdeck.telemetry import exception, plain
from obsdeck.telemetry.context import is_quiet, is_suppressed, recall

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider

# Servers configure these not to propagate, so the root's handler never sees them.
SERVER_LOGGERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "gunicorn.error", "gunicorn.access")
_ACCESS_LOGGERS = frozenset({"uvicorn.access", "gunicorn.access"})
# What exports cannot report itself through the export; the console shows it, `quieted`.
_EXPORT = frozenset({"opentelemetry"})
_TRANSPORT = frozenset({"urllib3", "requests"})

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_SEEN = "_obsdeck_seen"
# color_message is uvicorn's copy of the message with ANSI codes in it.
_NOT_EXTRA = _STANDARD | {"color_message", _SEEN}
# structlog's names for what a record has anyway.
_REPEATED = frozenset({"level", "logger", "timestamp", "trace_id", "span_id"})

_SEVERITIES = {"WARNING": "WARN", "CRITICAL": "FATAL"}
# Not an empty context: the SDK would take the current one in its place.
_NO_SPAN = set_span_in_context(INVALID_SPAN, Context())


class OtlpHandler(logging.Handler):
    """Hands each record to OpenTelemetry once, however many loggers it passes on its way.

    Args:
        provider: Where the records go.
        length: Characters that an attribute may have.
    """

    def __init__(self, provider: LoggerProvider, length: int) -> None:
        super().__init__(logging.INFO)
        self._provider = provider
        self._length = length

    def emit(self, record: logging.LogRecord) -> None:
        """Translate and pass on; a record that cannot be translated is reported by `logging` itself."""
        if record.__dict__.get(_SEEN) is self or not _is_exported(record):
            return
        record.__dict__[_SEEN] = self
        try:
            self._provider.get_logger(record.name).emit(_translated(record, self._length))
        except Exception:  # noqa: BLE001 - as every handler of the standard library does
            self.handleError(record)


def _is_exported(record: logging.LogRecord) -> bool:
    library = record.name.partition(".")[0]
    if library in _EXPORT or (library in _TRANSPORT and is_suppressed()):
        return False
    return not (record.name in _ACCESS_LOGGERS and is_quiet())


def _translated(record: logging.LogRecord, length: int) -> LogRecord:
    level = min(max(record.levelno, 1), 50)
    record, event = _unfolded(record)
    return LogRecord(
        timestamp=int(record.created * 1e9),
        context=context_of(record),
        severity_text=_SEVERITIES.get(record.levelname, record.levelname),
        # Python's steps of ten are OpenTelemetry's of four: DEBUG 10 is 5, INFO 20 is 9, CRITICAL 50 is 21.
        severity_number=SeverityNumber(max(1, level * 4 // 10 + 1)),
        body=plain.text(record.getMessage()),
        attributes=_attributes(record, length) | event,
    )


def _unfolded(record: logging.LogRecord) -> tuple[logging.LogRecord, dict[str, Any]]:
    """A record whose message is text, and what else structlog put into it: its events are dictionaries."""
    if not (isinstance(record.msg, dict) and "event" in record.msg):
        return record, {}
    event = dict(record.msg)
    inner = logging.makeLogRecord(vars(record))
    inner.msg, inner.args = plain.text(event.pop("event")), ()
    asked = _exc_info(event.pop("exc_info", None))
    inner.exc_info = record.exc_info or asked
    for name in ("_logger", "_name"):  # for structlog's own formatter
        vars(inner).pop(name, None)
    fields = {key: value for key, value in event.items() if key not in _REPEATED and value is not None}
    return inner, {key: plain.value(value) for key, value in fields.items()}


def _exc_info(given: Any) -> Any:
    if isinstance(given, BaseException):
        return (type(given), given, given.__traceback__)
    return given if isinstance(given, tuple) else sys.exc_info() if given else None


def context_of(record: logging.LogRecord) -> Context:
    """The request of a record: the one being served, or the one that its exception left."""
    context = get_current()
    if is_quiet(context):
        return _NO_SPAN
    if not context and record.exc_info and record.exc_info[1] is not None:
        return recall(record.exc_info[1]) or context
    return context


def extras(record: logging.LogRecord) -> dict[str, Any]:
    """What the caller added to a record by `extra=`, as values that OTLP and JSON have types for."""
    return {
        key: plain.value(value)
        for key, value in vars(record).items()
        if key not in _NOT_EXTRA and value is not None
    }


def _attributes(record: logging.LogRecord, length: int) -> dict[str, Any]:
    attributes = extras(record)
    if record.pathname:
        attributes["code.file.path"] = plain.text(record.pathname)
        attributes["code.line.number"] = record.lineno
        attributes["code.function.name"] = record.funcName
    if record.exc_info and record.exc_info[1] is not None:
        attributes |= exception.attributes(record.exc_info[1], length)
    return attributes


class _AsBefore(logging.Filter):
    """Keeps a handler from showing what it did not get while the root's level was higher."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self._level = level

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= self._level:
            return True
        logger: logging.Logger | None = logging.getLogger(record.name)
        while logger is not None and logger.parent is not None:
            if logger.level:
                return True  # a level of its own, which the root's never overruled
            logger = logger.parent
        return False


def attach(handler: logging.Handler, *, complete: bool) -> None:
    """Put the handler where records pass; called again, it mends what a `dictConfig` took away.

    Args:
        handler: The one handler.
        complete: Whether the application has had its chance to configure logging. Before that, a root
            logger without handlers is left alone: `logging.basicConfig` does nothing once it has one.
    """
    root = logging.getLogger()
    if handler not in root.handlers and (complete or root.handlers):
        _open(root)
        root.addHandler(handler)
    for name in SERVER_LOGGERS:
        logger = logging.getLogger(name)
        if not logger.propagate and handler not in logger.handlers:
            logger.addHandler(handler)


def _open(root: logging.Logger) -> None:
    """Let INFO through to our handler, and nothing more than before to the others."""
    if not root.handlers and logging.lastResort is not None:
        # What Python falls back to where nobody configured a handler; ours would switch it off.
        root.addHandler(logging.lastResort)
    if root.level > logging.INFO:
        for other in root.handlers:
            other.addFilter(_AsBefore(root.level))
        root.setLevel(logging.INFO)
