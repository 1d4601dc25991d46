"""Console lines as JSON or text, with trace ids, if `OBSDECK_LOG_FORMAT` asks for them.

One record is one line, whatever is in it: what could end the line or colour the terminal is escaped, so
nothing that a client sends can pass for a line of its own.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any, Literal

from opentelemetry.trace import get_current_span

from obsdeck.telemetry.logs import SERVER_LOGGERS, OtlpHandler, context_of, extras

# C0 and C1 controls, DEL, and the two separators that some viewers break lines at.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def configure(log_format: Literal["json", "text"]) -> None:
    """Give every console handler the format; a root logger without handlers gets one."""
    root = logging.getLogger()
    if all(isinstance(handler, OtlpHandler) for handler in root.handlers):
        root.addHandler(logging.StreamHandler())
    if root.level > logging.INFO:
        root.setLevel(logging.INFO)
    formatter = JsonLines() if log_format == "json" else TextLines()
    for logger in (root, *(logging.getLogger(name) for name in SERVER_LOGGERS)):
        for handler in logger.handlers:
            # Exactly these write to a terminal; files and rotating files keep their own formats.
            if type(handler) is logging.StreamHandler:
                handler.setFormatter(formatter)


class JsonLines(logging.Formatter):
    """One JSON object per record."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        fields = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_ids(record),
            **extras(record),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


class TextLines(logging.Formatter):
    """Time, level, logger, message, then `key=value`; a stack follows on the same line, escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        fields = {**_ids(record), **extras(record)}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        pairs = "".join(f" {key}={_value(value)}" for key, value in fields.items())
        return _escaped(f"{_time(record)} {record.levelname:<8} {record.name}: {record.getMessage()}{pairs}")


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
