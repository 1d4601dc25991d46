from __future__ import annotations

import logging
import logging.config
from typing import TYPE_CHECKING

import pytest
from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace import TracerProvider

from obsdeck.telemetry import logs
from obsdeck.telemetry.context import quiet, remember

from .conftest import Exported

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger as Python starts with it, without pytest's handlers."""
    loggers = [logging.getLogger(), *(logging.getLogger(name) for name in (*logs.SERVER_LOGGERS, "app"))]
    before = [(one, list(one.handlers), one.level, one.propagate) for one in loggers]
    for one in loggers:
        one.handlers, one.propagate = [], True
        one.setLevel(logging.NOTSET)
    loggers[0].setLevel(logging.WARNING)
    yield loggers[0]
    for one, handlers, level, propagate in before:
        one.handlers, one.propagate = handlers, propagate
        one.setLevel(level)


@pytest.fixture
def exported(root: logging.Logger) -> Exported:
    one = Exported()
    root.addHandler(one.handler)
    root.setLevel(logging.INFO)
    return one


def alone(root: logging.Logger, *handlers: logging.Handler) -> None:
    """Take away what pytest puts on the root logger when a test begins."""
    root.handlers = list(handlers)


log = logging.getLogger("app")


def test_a_record_is_exported_with_what_it_says(exported: Exported) -> None:
    log.warning("took %d ms", 7, extra={"order": 5, "fast": True, "who": object, "none": None})
    assert exported.record.body == "took 7 ms"
    assert (exported.record.severity_text, exported.record.severity_number.name) == ("WARN", "WARN")
    attributes = dict(exported.record.attributes)
    assert attributes.pop("code.file.path") == __file__
    assert attributes.pop("code.function.name") == "test_a_record_is_exported_with_what_it_says"
    assert attributes.pop("code.line.number") > 0
    assert attributes == {"order": 5, "fast": True, "who": "<class 'object'>"}


@pytest.mark.parametrize(
    ("level", "number", "text"),
    [
        (logging.INFO, "INFO", "INFO"),
        (25, "INFO3", "Level 25"),
        (logging.ERROR, "ERROR", "ERROR"),
        (logging.CRITICAL, "FATAL", "FATAL"),
        (1000, "FATAL", "Level 1000"),
    ],
)
def test_a_level_becomes_a_severity(exported: Exported, level: int, number: str, text: str) -> None:
    log.log(level, "x")
    assert (exported.record.severity_number.name, exported.record.severity_text) == (number, text)


def test_what_is_below_info_is_not_exported(exported: Exported) -> None:
    log.setLevel(logging.DEBUG)
    log.debug("detail")
    assert exported.records == []


def test_an_exception_brings_its_stack(exported: Exported) -> None:
    try:
        {}["order"]
    except KeyError:
        log.exception("failed")
    attributes = exported.record.attributes
    assert attributes["exception.type"] == "KeyError"
    assert attributes["exception.message"] == "'order'"
    assert attributes["exception.stacktrace"].endswith("KeyError: 'order'\n")


class Textless(Exception):  # noqa: N818
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_what_has_no_text_costs_nothing_else_of_its_record(exported: Exported) -> None:
    log.error("failed", extra={"key": Textless(), "order": 5}, exc_info=Textless())
    attributes = exported.record.attributes
    shown = "<Textless whose text cannot be had>"
    assert (attributes["key"], attributes["order"], attributes["exception.message"]) == (shown, 5, shown)
    assert attributes["exception.type"] == f"{__name__}.Textless"


def test_a_record_within_a_span_has_its_ids(exported: Exported) -> None:
    with TracerProvider(shutdown_on_exit=False).get_tracer("t").start_as_current_span("s") as span:
        log.info("x")
    assert exported.record.trace_id == span.get_span_context().trace_id
    assert exported.record.span_id == span.get_span_context().span_id


def test_a_record_about_an_exception_that_left_its_request_has_the_ids_too(exported: Exported) -> None:
    span = TracerProvider(shutdown_on_exit=False).get_tracer("t").start_span("s")
    error = ValueError("x")
    remember(error, span)
    log.error("Exception in ASGI application", exc_info=error)
    assert exported.record.trace_id == span.get_span_context().trace_id


def test_an_exception_that_takes_no_notes_is_no_trouble() -> None:
    class Slotted(Exception):  # noqa: N818
        __slots__ = ()

        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(name)

    remember(Slotted(), TracerProvider(shutdown_on_exit=False).get_tracer("t").start_span("s"))


def test_a_record_that_passes_two_handlers_is_exported_once(exported: Exported) -> None:
    log.addHandler(exported.handler)
    log.info("x")
    assert exported.bodies == ["x"]


def test_what_opentelemetry_says_of_itself_is_not_exported(exported: Exported) -> None:
    logging.getLogger("opentelemetry.sdk._shared_internal").error("Exception while exporting Log.")
    logging.getLogger("opentelemetry_of_mine").error("mine")
    assert exported.bodies == ["mine"]


def test_an_excluded_request_is_silent_in_the_access_log_and_nowhere_else(exported: Exported) -> None:
    token = attach(quiet(1, 2))
    try:
        logging.getLogger("uvicorn.access").info("GET /health")
        log.warning("database is slow")
        logging.getLogger("urllib3").warning("an exporter retries")
    finally:
        detach(token)
    assert exported.bodies == ["database is slow"]
    assert not exported.record.trace_id


def test_a_message_that_cannot_be_formatted_is_reported_and_goes_no_further(
    root: logging.Logger, exported: Exported, capsys: pytest.CaptureFixture[str]
) -> None:
    alone(root, exported.handler)
    log.info("%d", "no number")
    log.info("next")
    assert exported.bodies == ["next"]
    assert "Logging error" in capsys.readouterr().err


class Lines(logging.Handler):
    """A console handler of the application."""

    def __init__(self, *records: str) -> None:
        super().__init__()
        self.lines = list(records)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def test_the_console_gets_what_it_got_before_and_the_export_gets_info(root: logging.Logger) -> None:
    console, exported = Lines(), Exported()
    alone(root, console)
    chatty = logging.getLogger("app")
    logs.attach(exported.handler, complete=False)
    chatty.info("quiet so far")
    chatty.warning("careful")
    chatty.setLevel(logging.INFO)
    chatty.info("a level of its own")
    assert console.lines == ["careful", "a level of its own"]
    assert exported.bodies == ["quiet so far", "careful", "a level of its own"]


def test_before_logging_is_configured_the_root_is_left_alone(root: logging.Logger) -> None:
    exported = Exported()
    alone(root)
    logs.attach(exported.handler, complete=False)
    assert root.handlers == []
    logging.basicConfig(format="mine: %(message)s")
    logs.attach(exported.handler, complete=True)
    logs.attach(exported.handler, complete=True)
    assert [handler.formatter._fmt for handler in root.handlers if handler.formatter] == ["mine: %(message)s"]
    assert root.handlers.count(exported.handler) == 1


def test_where_nobody_configures_anything_warnings_stay_on_the_console(
    root: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    alone(root)
    logs.attach(Exported().handler, complete=True)
    log.info("fine")
    log.warning("careful")
    assert root.handlers[0] is logging.lastResort
    assert capsys.readouterr().err == "careful\n"


@pytest.mark.usefixtures("root")
def test_what_a_dict_config_takes_away_is_put_back() -> None:
    exported = Exported()
    logs.attach(exported.handler, complete=True)
    config = {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"null": {"class": "logging.NullHandler"}},
        "root": {"level": "INFO", "handlers": ["null"]},
        "loggers": {"uvicorn.access": {"level": "INFO", "handlers": ["null"], "propagate": False}},
    }
    logging.config.dictConfig(config)
    logs.attach(exported.handler, complete=True)
    logging.getLogger("uvicorn.access").info("GET /")
    log.info("x")
    assert exported.bodies == ["GET /", "x"]
