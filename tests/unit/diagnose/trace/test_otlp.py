from __future__ import annotations

import base64
from typing import Any

from obsdeck.diagnose.trace import otlp
from tests.unit.diagnose.trace import conftest
from tests.unit.diagnose.trace.conftest import ID, make


def document(**span: Any) -> dict[str, Any]:
    sent = {"spanId": base64.b64encode(bytes(7) + b"\1").decode(), **span}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [sent]}]}]}


def read_one(**span: Any) -> Any:
    trace = otlp.read(document(**span), ID)
    assert trace
    return trace.spans[0]


def test_what_was_sent_is_read() -> None:
    root = make(1, end=90, kind="server", attributes={"http.route": "/"})
    child = make(2, 1, 5, 80, service="stock", error=True, message="gone")
    trace = otlp.read(conftest.otlp([child, root]), ID)
    assert trace
    assert (trace.id, trace.spans) == (ID, (root, child))
    assert (trace.services, trace.errors, trace.duration) == (("shop", "stock"), 1, 90 * conftest.MS)


def test_a_document_without_spans_is_no_trace() -> None:
    assert otlp.read({}, ID) is None
    assert otlp.read({"resourceSpans": [{"scopeSpans": [{}]}]}, ID) is None


def test_a_span_that_was_sent_twice_counts_once() -> None:
    trace = otlp.read(conftest.otlp([make(1), make(1)]), ID)
    assert trace
    assert len(trace.spans) == 1


def test_two_ends_of_a_call_may_share_an_id() -> None:
    trace = otlp.read(conftest.otlp([make(1, kind="client"), make(1, kind="server")]), ID)
    assert trace
    assert len(trace.spans) == 2


def test_what_was_not_sent_is_empty() -> None:
    span = read_one()
    assert (span.service, span.name, span.kind, span.parent_id) == ("", "", "", "")
    assert (span.error, span.message, span.duration, dict(span.attributes)) == (False, "", 0, {})


def test_an_unspecified_kind_is_none() -> None:
    assert read_one(kind="SPAN_KIND_UNSPECIFIED").kind == ""
    assert read_one(kind="SPAN_KIND_CONSUMER").kind == "consumer"


def test_a_parent_of_zeros_is_none() -> None:
    assert read_one(parentSpanId=base64.b64encode(bytes(8)).decode()).parent_id == ""


def test_a_span_that_ends_before_it_begins_takes_no_time() -> None:
    span = read_one(startTimeUnixNano="200", endTimeUnixNano="100")
    assert (span.start, span.end) == (200, 200)


def test_without_a_message_the_last_exception_speaks() -> None:
    def exception(kind: str, message: str) -> dict[str, Any]:
        said = {"exception.type": kind, "exception.message": message}
        attributes = [{"key": key, "value": {"stringValue": value}} for key, value in said.items()]
        return {"name": "exception", "attributes": attributes}

    events = [exception("KeyError", "x"), exception("ValueError", "y"), {"name": "other"}]
    status = {"code": "STATUS_CODE_ERROR"}
    assert read_one(events=events, status=status).message == "ValueError: y"
    assert read_one(events=events, status={**status, "message": "said"}).message == "said"


def test_values_of_every_kind() -> None:
    values: dict[str, Any] = {
        "text": {"stringValue": "a"},
        "whole": {"intValue": "5"},
        "half": {"doubleValue": 0.5},
        "yes": {"boolValue": True},
        "list": {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "b"}]}},
        "map": {"kvlistValue": {"values": [{"key": "k", "value": {"intValue": "2"}}]}},
        "none": {},
    }
    sent = [{"key": key, "value": value} for key, value in values.items()]
    assert read_one(attributes=sent).attributes == {
        "text": "a",
        "whole": 5,
        "half": 0.5,
        "yes": True,
        "list": [1, "b"],
        "map": {"k": 2},
        "none": None,
    }
