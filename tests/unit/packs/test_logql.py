from __future__ import annotations

import pytest

from obsdeck.packs import logql


@pytest.mark.parametrize(
    "query",
    [
        '{service_name=~"$service"}',
        '{service_name=~"${service:pipe}", level!="debug"} |= "a } ) \\" b" | line_format "{{.x}}"',
        "sum by (level) (count_over_time({service_name=~`.+`} | json [$__interval]))",
        '{a="b", c="d", }',
        'sum(rate({a="b"} | trace_id = "$trace_id" [5m])) / sum(rate({a=~".+"} [5m]))',
    ],
)
def test_nothing_is_wrong_with(query: str) -> None:
    assert logql.check(query) == ""


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ('{a="b}', "a string does not end"),
        ('sum(count_over_time({a="b"}[5m])', "'(' is not closed"),
        ('{a="b"})', "')' closes nothing"),
        ('{a="b"]', "']' closes nothing"),
        ('count_over_time("a")', "it selects no streams"),
        ("{a=b}", "is no selector"),
        ('{a=="b"}', "is no selector"),
        ('{a="b" c="d"}', "is no selector"),
        ("{}", "is no selector"),
        ('{a=~".*"}', "also selects streams without these labels"),
        ('{a!="b"}', "also selects streams without these labels"),
        ('{a=""}', "also selects streams without these labels"),
    ],
)
def test_a_fault_is_told(query: str, fault: str) -> None:
    assert fault in logql.check(query)
