from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider

from obsdeck.telemetry.console import JsonLines, TextLines

FORGED = "ok\r\n2026-01-01 INFO shop: paid\x1b[2K\x00\u2028{0} %s \x9b31m"


def record(message: str, *arguments: Any, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("shop", logging.WARNING, __file__, 1, message, arguments, None)
    vars(made).update(extra)
    made.created = 1_795_244_271.316
    return made


def test_a_json_line_has_its_parts() -> None:
    line = json.loads(JsonLines().format(record("took %d ms", 7, order=5)))
    assert line == {
        "time": "2026-11-21T06:57:51.316+00:00",
        "level": "WARNING",
        "logger": "shop",
        "message": "took 7 ms",
        "order": 5,
    }


def test_a_text_line_has_its_parts() -> None:
    line = TextLines().format(record("took %d ms", 7, order=5, who="a b"))
    assert line == '2026-11-21T06:57:51.316+00:00 WARNING  shop: took 7 ms order=5 who="a b"'


@pytest.mark.parametrize("formatter", [JsonLines(), TextLines()])
def test_within_a_span_a_line_has_its_ids(formatter: logging.Formatter) -> None:
    with TracerProvider(shutdown_on_exit=False).get_tracer("t").start_as_current_span("s") as span:
        line = formatter.format(record("x"))
    assert f"{span.get_span_context().trace_id:032x}" in line
    assert f"{span.get_span_context().span_id:016x}" in line
    assert "trace_id" not in formatter.format(record("x"))


@pytest.mark.parametrize("formatter", [JsonLines(), TextLines()])
def test_a_record_cannot_break_out_of_its_line(formatter: logging.Formatter) -> None:
    line = formatter.format(record(FORGED, key=FORGED))
    assert line.isprintable()
    assert "\\r" in line or "\\x0d" in line


@pytest.mark.parametrize("formatter", [JsonLines(), TextLines()])
@given(st.text(), st.text())
def test_no_text_at_all_breaks_a_line(formatter: logging.Formatter, message: str, value: str) -> None:
    assert len(formatter.format(record(message, key=value)).splitlines()) == 1


@pytest.mark.parametrize("formatter", [JsonLines(), TextLines()])
def test_an_exception_stays_on_the_line(formatter: logging.Formatter) -> None:
    try:
        {}["order"]
    except KeyError as error:
        line = formatter.format(record("failed", exc_info=(KeyError, error, error.__traceback__)))
    assert len(line.splitlines()) == 1
    assert "KeyError" in line
