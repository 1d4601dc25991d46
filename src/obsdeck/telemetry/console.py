"""Console lines: without secrets, and as JSON or text with trace ids if `OBSDECK_LOG_FORMAT` asks for it.

One record is one line, whatever is in it: what could end the line or colour the terminal is escaped, so
nothing that a client sends can pass for a line of its own.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from opentelemetry.trace import get_current_span

from obsdeck.telemetry.logs import SERVER_LOGGERS, OtlpHandler, context_of, extras

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obsdeck.telemetry.redaction.redactor import Redactor

# C0 and C1 controls, DEL, and the two separators that some viewers break lines at.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def configure(log_format: Literal["json", "text"], redactor: Redactor | None = None) -> None:
    """Give every console handler the format; a root logger without handlers gets one.

    Args:
        log_format: Which.
        redactor: What scrubs the lines; None for nothing.
    """
    root = logging.getLogger()
    if all(isinstance(handler, OtlpHandler) for handler in root.handlers):
        root.addHandler(logging.StreamHandler())
    if root.level > logging.INFO:
        root.setLevel(logging.INFO)
    formatter = JsonLines(redactor) if log_format == "json" else TextLines(redactor)
    for handler in _handlers():
        handler.setFormatter(formatter)


def scrub(redactor: Redactor) -> None:
    """Let every console handler write what it writes, in its own format, without secrets."""
    for handler in (*_handlers(), logging.lastResort):
        if handler is not None and not isinstance(handler.formatter, Scrubbed):
            handler.setFormatter(Scrubbed(handler.formatter or logging.Formatter(), redactor))


def _handlers() -> Iterator[logging.Handler]:
    for logger in (logging.getLogger(), *(logging.getLogger(name) for name in SERVER_LOGGERS)):
        for handler in logger.handlers:
            # Exactly these write to a terminal; files and rotating files keep their own formats.
            if type(handler) is logging.StreamHandler:
                yield handler


class Scrubbed(logging.Formatter):
    """Another formatter's text without secrets.

    Args:
        inner: The other formatter.
        redactor: What scrubs.
    """

    def __init__(self, inner: logging.Formatter, redactor: Redactor) -> None:
        super().__init__()
        self._inner = inner
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """The text."""
        return self._redactor.text(self._inner.format(record), set())


class _Lines(logging.Formatter):
    """One line per record.

    Args:
        redactor: What scrubs; None for nothing.
    """

    def __init__(self, redactor: Redactor | None = None) -> None:
        super().__init__()
        self._redactor = redactor

    def said(self, record: logging.LogRecord) -> tuple[str, dict[str, Any]]:
        """The message, and the fields behind it."""
        message, fields = record.getMessage(), extras(record)
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        if self._redactor:
            message, fields = self._redactor.text(message, set()), self._redactor.attributes(fields, set())
        return message, {**_ids(record), **fields}


class JsonLines(_Lines):
    """One JSON object per record."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        message, fields = self.said(record)
        parts = {"time": _time(record), "level": record.levelname, "logger": record.name, "message": message}
        return json.dumps(parts | fields, default=str)


class TextLines(_Lines):
    """Time, level, logger, message, then `key=value`; a stack follows on the same line, escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        message, fields = self.said(record)
        pairs = "".join(f" {key}={_value(value)}" for key, value in fields.items())
        return _escaped(f"{_time(record)} {record.levelname:<8} {record.name}: {message}{pairs}")


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _ids(record: logging.LogRecord) -> dict[str, str]:
    span = get_current_span(context_of(record)).get_span_context()
    if not span.is_valid:
        return {}
    return {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}


def _value(value: Any) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if re.search(r'[\s"=]', text) else text


def _escaped(line: str) -> str:
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}" if ord(match[0]) < 256 else r"\u2028", line)  # noqa: PLR2004
