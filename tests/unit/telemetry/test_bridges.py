from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import loguru
import pytest
import structlog
from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace import TracerProvider

from obsdeck.telemetry import bridges
from obsdeck.telemetry.context import quiet

from .conftest import Exported, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Sink


@pytest.fixture
def export() -> Iterator[Exported]:
    """On the root logger and on both libraries."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    one = Exported()
    root.addHandler(one.handler)
    root.setLevel(logging.INFO)
    yield one
    root.handlers = before
    root.setLevel(level)
    bridges.attach(None)
    structlog.reset_defaults()
    loguru.logger.remove()
    loguru.logger._core.patcher = None


@pytest.fixture
def ids() -> Iterator[dict[str, str]]:
    with TracerProvider(shutdown_on_exit=False).get_tracer("t").start_as_current_span("s") as span:
        context = span.get_span_context()
        yield {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def ids_of(record: Any) -> dict[str, str]:
    return {"trace_id": f"{record.trace_id:032x}", "span_id": f"{record.span_id:016x}"}


def json_lines() -> list[Any]:
    return [structlog.processors.add_log_level, structlog.processors.JSONRenderer()]


def test_an_event_of_structlog_has_ids_on_the_console_and_is_exported_once(
    export: Exported, ids: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    structlog.configure(json_lines())
    bridges.attach(export.handler)
    bridges.attach(export.handler)
    structlog.get_logger().warning("packed", order=5, name="x", none=None, url="/?token=hunter2")
    line = json.loads(capsys.readouterr().out)
    assert line == {
        "event": "packed",
        "order": 5,
        "name": "x",
        "none": None,
        "url": "/?token=hunter2",
        "level": "warning",
        **ids,
    }
    assert (export.record.body, export.record.severity_text) == ("packed", "WARN")
    assert dict(export.record.attributes) == {"order": 5, "name": "x", "url": "/?token=hunter2"}
    assert ids_of(export.record) == ids


def test_a_logger_of_structlog_that_was_used_before_is_exported_too(export: Exported) -> None:
    structlog.configure(json_lines(), cache_logger_on_first_use=True)
    early = structlog.get_logger()
    early.info("before")
    bridges.attach(export.handler)
    early.info("after")
    early.debug("detail")
    assert export.bodies == ["after"]


def test_a_tuple_of_processors_is_extended_too(export: Exported) -> None:
    structlog.configure(tuple(json_lines()))
    bridges.attach(export.handler)
    structlog.get_logger().info("x")
    assert export.bodies == ["x"]


def test_an_exception_of_structlog_brings_its_stack(export: Exported) -> None:
    bridges.attach(export.handler)  # structlog as it is when nobody configures it
    try:
        {}["order"]
    except KeyError:
        structlog.get_logger().exception("failed")
    assert export.record.severity_text == "ERROR"
    assert export.record.attributes["exception.type"] == "KeyError"
    assert "KeyError: 'order'" in export.record.attributes["exception.stacktrace"]


@pytest.mark.parametrize("renderer", ["wrap_for_formatter", "render_to_log_kwargs"])
def test_structlog_through_logging_is_exported_once_with_its_fields(
    export: Exported, ids: dict[str, str], renderer: str
) -> None:
    last = {
        "wrap_for_formatter": structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        "render_to_log_kwargs": structlog.stdlib.render_to_log_kwargs,
    }[renderer]
    structlog.configure(
        [structlog.stdlib.add_log_level, last],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    bridges.attach(export.handler)
    try:
        {}["order"]
    except KeyError:
        structlog.get_logger("shop").exception("failed", order=5)
    assert export.record.body == "failed"
    assert export.record.attributes["order"] == 5
    assert export.record.attributes["exception.type"] == "KeyError"
    assert not {"_logger", "_name", "exc_info"} & set(export.record.attributes)
    assert ids_of(export.record) == ids


def test_a_quiet_request_has_no_ids(export: Exported, capsys: pytest.CaptureFixture[str]) -> None:
    structlog.configure(json_lines())
    bridges.attach(export.handler)
    token = attach(quiet(1, 2))
    try:
        structlog.get_logger().info("x")
    finally:
        detach(token)
    assert "trace_id" not in json.loads(capsys.readouterr().out)
    assert not export.record.trace_id


def test_a_record_of_loguru_has_ids_on_the_console_and_is_exported_once(
    export: Exported, ids: dict[str, str]
) -> None:
    lines: list[str] = []
    loguru.logger.remove()
    loguru.logger.add(lines.append, format="{message} {extra[trace_id]} {extra[span_id]}")
    bridges.attach(export.handler)
    bridges.attach(export.handler)
    loguru.logger.bind(order=5).success("packed {}", "it")
    loguru.logger.debug("detail")
    assert lines[0] == f"packed it {ids['trace_id']} {ids['span_id']}\n"
    assert (export.record.body, export.record.severity_text) == ("packed it", "SUCCESS")
    attributes = dict(export.record.attributes)
    assert attributes.pop("code.file.path") == __file__
    assert attributes.pop("code.line.number") > 0
    assert attributes.pop("code.function.name").startswith("test_a_record_of_loguru")
    assert attributes == {"order": 5}
    assert ids_of(export.record) == ids


def test_an_exception_of_loguru_brings_its_stack(export: Exported) -> None:
    bridges.attach(export.handler)
    try:
        {}["order"]
    except KeyError:
        loguru.logger.exception("failed")
    assert export.record.body == "failed"
    assert export.record.attributes["exception.type"] == "KeyError"


def test_the_sink_comes_back_when_the_application_removes_all(export: Exported) -> None:
    bridges.attach(export.handler)
    loguru.logger.remove()
    bridges.attach(export.handler)
    loguru.logger.info("x")
    assert export.bodies == ["x"]


def test_a_patcher_of_the_application_stays(export: Exported, ids: dict[str, str]) -> None:
    seen: list[Any] = []

    def mine(record: Any) -> None:
        bridges.patch_record(record)
        seen.append(record["extra"]["trace_id"])

    loguru.logger.configure(patcher=mine)
    bridges.attach(export.handler)
    loguru.logger.info("x")
    assert seen == [ids["trace_id"]]


class Intercept(logging.Handler):
    """From `logging` to loguru, as loguru's documentation has it."""

    def emit(self, record: logging.LogRecord) -> None:
        loguru.logger.opt(exception=record.exc_info).log(record.levelname, record.getMessage())


class Propagate(logging.Handler):
    """From loguru to `logging`."""

    def emit(self, record: logging.LogRecord) -> None:
        logging.getLogger(record.name).handle(record)


@pytest.mark.parametrize("first", [True, False])
def test_what_logging_passes_to_loguru_is_exported_once(export: Exported, first: bool) -> None:  # noqa: FBT001
    root = logging.getLogger()
    root.handlers = [Intercept(), export.handler] if first else [export.handler, Intercept()]
    bridges.attach(export.handler)
    logging.getLogger("shop").info("x %d", 1, extra={"order": 5})
    assert export.record.body == "x 1"
    assert export.record.attributes["order"] == 5


def test_what_only_loguru_gets_from_logging_is_exported(export: Exported) -> None:
    logging.getLogger().handlers = [Intercept()]
    bridges.attach(export.handler)
    logging.getLogger("shop").info("x")
    assert export.bodies == ["x"]


def test_what_a_handler_itself_says_by_loguru_is_no_repetition(export: Exported) -> None:
    class Chatty(logging.Handler):
        def emit(self, _record: logging.LogRecord) -> None:
            loguru.logger.warning("mine")

    logging.getLogger().addHandler(Chatty())
    bridges.attach(export.handler)
    logging.getLogger("shop").info("x")
    assert sorted(export.bodies) == ["mine", "x"]


def test_what_loguru_passes_to_logging_is_exported_once(export: Exported) -> None:
    loguru.logger.add(Propagate(), format="{message}")
    bridges.attach(export.handler)
    loguru.logger.bind(order=5).info("x")
    assert export.record.body == "x"
    assert export.record.attributes["order"] == 5


def test_an_extra_called_extra_is_no_mark_of_loguru(export: Exported) -> None:
    bridges.attach(export.handler)
    logging.getLogger("shop").info("x", extra={"extra": {"order": 5}})
    assert export.bodies == ["x"]


def test_a_configuration_that_cannot_be_joined_does_not_stop_the_service(
    export: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(structlog, "get_config", dict)
    bridges.attach(export.handler)
    assert export.bodies == ["events of structlog are not exported"]


APP = """
import loguru, structlog
from fastapi import FastAPI
from obsdeck import instrument

app = FastAPI()
instrument(app)
structlog.configure([structlog.processors.JSONRenderer()])
loguru.logger.remove()
loguru.logger.add(print, format="{message} {extra[trace_id]}")

@app.get("/pack")
async def pack():
    structlog.get_logger().info("by structlog")
    loguru.logger.info("by loguru")
"""


def test_a_service_exports_both_with_the_ids_of_the_request(sink: Sink, tmp_path: Path) -> None:
    with serving(tmp_path, APP, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url) as service:
        assert service.get("/pack")[0] == 200
        service.stop()
        said = service.log.read_text()
    (span,) = [one for one in sink.spans if one.name == "GET /pack"]
    for body in ("by structlog", "by loguru"):
        assert sink.log(body).trace_id == span.trace_id
        assert [line for line in said.splitlines() if body in line and span.trace_id.hex() in line]
