from __future__ import annotations

from typing import TYPE_CHECKING, Any

from obsdeck.diagnose.trace.logs import LIMIT, LogLine, lines
from obsdeck.diagnose.trace.model import Trace
from tests.unit.diagnose.trace.conftest import BEGIN, ID, make

if TYPE_CHECKING:
    from tests.unit.diagnose.trace.conftest import Backends

TRACE = Trace(ID, (make(1),))


def read(backends: Backends, line: str = "hello", **labels: str) -> Any:
    stream = {"stream": {"service_name": "shop", **labels}, "values": [["5", line]]}
    backends.answers["/loki/api/v1/query_range"] = lambda _: {"data": {"result": [stream]}}
    return lines(f"http://127.0.0.1:{backends.port}", TRACE)


def test_a_line_and_its_span(backends: Backends) -> None:
    found = read(backends, span_id="aa", severity_text="WARN")
    assert found == (LogLine(5, "aa", "shop", "WARN", "hello"),)


def test_the_oldest_comes_first(backends: Backends) -> None:
    stream = {"stream": {}, "values": [["2", "b"], ["1", "a"], ["3", "c"]]}
    backends.answers["/loki/api/v1/query_range"] = lambda _: {"data": {"result": [stream]}}
    found = lines(f"http://127.0.0.1:{backends.port}", TRACE)
    assert [line.text for line in found] == ["a", "b", "c"]


def test_every_service_is_asked_some_minutes_around_the_trace(backends: Backends) -> None:
    read(backends)
    [words] = backends.of("/loki/api/v1/query_range")
    assert words["query"] == f'{{service_name=~".+"}} | trace_id="{ID}"'
    assert int(words["start"]) <= BEGIN - 290 * 10**9
    assert int(words["end"]) >= BEGIN + 290 * 10**9
    assert words["limit"] == str(LIMIT)


def test_an_exception_is_told_with_its_line_unless_the_line_tells(backends: Backends) -> None:
    exception = {"exception_type": "KeyError", "exception_message": "x1"}
    assert read(backends, "it failed\n", **exception)[0].text == "it failed (KeyError: x1)"
    assert read(backends, "it failed: x1", **exception)[0].text == "it failed: x1"
    assert read(backends, "it failed", exception_message="x1")[0].text == "it failed (x1)"
