from __future__ import annotations

import base64

from obsdeck.grafana.spans import spans


def b64(text: str) -> str:
    return base64.b64encode(bytes.fromhex(text)).decode()


def test_spans_are_read_with_the_attributes_of_their_resource_the_earliest_first() -> None:
    trace = {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": b64("0a" * 16),
                                "spanId": b64("0b" * 8),
                                "parentSpanId": b64("0c" * 8),
                                "name": "later",
                                "startTimeUnixNano": "5",
                                "endTimeUnixNano": "9",
                                "attributes": [
                                    {"key": "http.response.status_code", "value": {"intValue": "200"}},
                                    {"key": "ok", "value": {"boolValue": True}},
                                    {
                                        "key": "many",
                                        "value": {
                                            "arrayValue": {
                                                "values": [{"stringValue": "a"}, {"intValue": "1"}]
                                            }
                                        },
                                    },
                                ],
                            },
                            {"spanId": b64("0c" * 8), "name": "earlier", "startTimeUnixNano": "1"},
                        ]
                    }
                ],
            }
        ]
    }
    first, second = spans(trace)
    assert (first.name, first.parent_id, first.service) == ("earlier", "", "shop")
    assert (second.trace_id, second.span_id, second.parent_id) == ("0a" * 16, "0b" * 8, first.span_id)
    assert (second.start, second.end) == (5, 9)
    assert second.attributes == {"http.response.status_code": "200", "ok": "true", "many": "a,1"}


def test_an_empty_trace_has_none() -> None:
    assert spans({}) == ()
