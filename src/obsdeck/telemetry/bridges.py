"""structlog and loguru: trace and span ids on every event, and each event exported once.

Both are found, never imported: what the application has not loaded by the time it starts, it does not use.
Nothing of its configuration is replaced. Either may also pass events to `logging` or get them from there;
what then arrives twice is recognized and exported once.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import get_current_span

from obsdeck.telemetry.context import is_quiet

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping
    from types import FrameType

    from loguru import Message, Record

    from obsdeck.telemetry.redaction.redactor import Redactor

_logger = logging.getLogger("obsdeck")
_LEVELS = {**logging.getLevelNamesMapping(), "EXCEPTION": logging.ERROR}


def attach(handler: logging.Handler | None, redactor: Redactor | None = None) -> None:
    """Add ids and export to structlog and loguru if they are loaded; called again, it mends what was lost.

    Args:
        handler: What exports; None for ids alone.
        redactor: What scrubs the lines that structlog writes itself; None for nothing.
    """
    for library, join in (("structlog", _join_structlog), ("loguru", _join_loguru)):
        try:
            if library in sys.modules:
                join(handler, redactor)
        except Exception:
            # This runs as the service starts, and it is to start.
            _logger.exception("events of %s are not exported", library)


def trace_ids(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: `trace_id` and `span_id` of the current span, where the event has none.

    It is added to structlog's configuration automatically; write it into a `foreign_pre_chain`, which is not.
    """
    for key, value in _ids().items():
        event.setdefault(key, value)
    return event


def patch_record(record: Record) -> None:
    """A loguru patcher: `trace_id` and `span_id` of the current span, in the record's `extra`.

    It is set automatically where there is no patcher; one of your own calls it.
    """
    for key, value in _ids().items():
        record["extra"].setdefault(key, value)


def _ids() -> dict[str, str]:
    span = get_current_span().get_span_context()
    if not span.is_valid or is_quiet():
        return {}
    return {"trace_id": f"{span.trace_id:032x}", "span_id": f"{span.span_id:016x}"}


class _Processor:
    """Ids for every event; export of those that do not reach `logging`, whose handlers have the others."""

    def __init__(self, handler: logging.Handler | None, redactor: Redactor | None) -> None:
        self.handler = handler
        self.redactor = redactor

    def __call__(
        self, logger: object, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        trace_ids(logger, method, event)
        level = _LEVELS.get(method.upper(), logging.INFO)
        if isinstance(logger, logging.Logger):
            return event
        if self.handler and level >= self.handler.level:
            name = str(event.get("logger", "structlog"))
            self.handler.handle(logging.LogRecord(name, level, "", 0, dict(event), (), None))
        # By their names here; the renderer may put colours between a name and its value.
        return self.redactor.attributes(event, set()) if self.redactor else event

    def rendered(self, logger: object, _method: str, event: Any) -> Any:
        """What the renderer made, without secrets: it may have written an exception's stack."""
        if self.redactor and isinstance(event, (str, bytes)) and not isinstance(logger, logging.Logger):
            return self.redactor.value("", event, set())
        return event


def _join_structlog(handler: logging.Handler | None, redactor: Redactor | None) -> None:
    import structlog  # noqa: PLC0415 - an optional library, which the application has loaded

    processors = structlog.get_config()["processors"]
    for one in processors:
        if isinstance(one, _Processor):
            one.handler, one.redactor = handler, redactor
            return
    # The last one renders. In place: loggers that were used before hold this very list.
    ours = _Processor(handler, redactor)
    joined = [*processors[:-1], ours, *processors[-1:], ours.rendered]
    if isinstance(processors, list):
        processors[:] = joined
    else:
        structlog.configure(processors=joined)


_sinks: list[int] = []


def _join_loguru(handler: logging.Handler | None, _redactor: Redactor | None) -> None:
    from loguru import logger  # noqa: PLC0415 - an optional library, which the application has loaded

    # No public way leads to it, and to set a patcher is to replace one.
    if getattr(getattr(logger, "_core", None), "patcher", ...) is None:
        logger.configure(patcher=patch_record)
    while _sinks:
        try:
            logger.remove(_sinks.pop())
        except ValueError:  # the application has removed all sinks
            continue
    if handler is None:
        return

    def export(message: Message) -> None:
        handler.handle(_logged(message.record) or _converted(message.record))

    handler.addFilter(_is_not_passed_on)
    _sinks.append(logger.add(export, level=handler.level, format="{message}", diagnose=False))


def _converted(record: Record) -> logging.LogRecord:
    error = record["exception"]
    converted = logging.LogRecord(
        record["name"] or "loguru",
        record["level"].no,
        record["file"].path,
        record["line"],
        {**record["extra"], "event": record["message"]},
        (),
        (error.type, error.value, error.traceback) if error and error.type and error.value else None,
        record["function"],
    )
    converted.levelname = record["level"].name
    return converted


def _callers() -> Iterator[FrameType]:
    frame = sys._getframe(1)  # noqa: SLF001 - the interpreter's documented way
    while frame.f_back is not None:
        frame = frame.f_back
        yield frame


def _logged(record: Record) -> logging.LogRecord | None:
    """The record of `logging` that this one repeats, if a handler there passes records to loguru.

    The same record reaches our handler on its own way too, sooner or later, and counts once.
    """
    for frame in _callers():
        if frame.f_code is logging.Logger.callHandlers.__code__:
            logged: logging.LogRecord = frame.f_locals["record"]
            return logged if logged.getMessage() == record["message"] else None
    return None


def _is_not_passed_on(record: logging.LogRecord) -> bool:
    """Whether a record of `logging` does not come from loguru, whose own sink exports it."""
    # The attribute is loguru's mark, but anybody may write `extra={"extra": ...}`.
    if "extra" not in vars(record):
        return True
    return not any(frame.f_globals.get("__name__", "").startswith("loguru.") for frame in _callers())
