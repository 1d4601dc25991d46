from __future__ import annotations

from typing import Any

import pytest

from obsdeck.grafana.formats import BY_SOURCE, uriencode
from obsdeck.grafana.interpolate import interpolate, names
from obsdeck.grafana.timerange import TimeRange
from obsdeck.grafana.variables import Value, of_point, of_time

HOUR = TimeRange(1_000_000_000, 1_003_600_000, "now-1h", "now")
SCOPE: dict[str, Any] = {
    "service": Value("service", "shop"),
    "route": Value("route", ("/a", "/b.c"), multi=True),
    "all": Value("all", ".+", "All", multi=True, all=True, verbatim=True),
    **of_time(HOUR, 15_000),
    **of_point(
        1.5, time=42, labels={"http_route": "/x", "a b": "c"}, name="p99", fields={"trace id": "beef"}
    ),
    "__span": {"spanId": "f00", "tags": {"http.route": "/y"}},
}


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("$service ${service} [[service]]", "shop shop shop"),
        ("${route:csv} [[route:pipe]] ${route}", "/a,/b.c /a|/b.c {/a,/b.c}"),
        ("${route:nonsense}", "{/a,/b.c}"),
        ("$all ${all:text} ${all:queryparam} ${all:csv}", ".+ All var-all=$__all .+"),
        ("$__interval $__interval_ms $__rate_interval", "15s 15000 1m"),
        ("$__range $__range_s $__range_ms", "3600s 3600 3600000"),
        (
            "$__from ${__to:date:iso} ${__url_time_range}",
            "1000000000 1970-01-12T14:46:40.000Z from=now-1h&to=now",
        ),
        ("${__value.raw} ${__value.text} ${__value.numeric} ${__value.time}", "1.5 1.5 1.5 42"),
        ('${__field.name} ${__field.labels.http_route} ${__field.labels["a b"]}', "p99 /x c"),
        ("${__series.name} ${__data.fields.Time} ${__data.fields[1]}", "p99 42 1.5"),
        ("${__data.fields[\"trace id\"]} ${__data.fields['trace id']}", "beef beef"),
        ('${__span.spanId} ${__span.tags["http.route"]}', "f00 /y"),
        ("${__field.labels.absent}|", "|"),
    ],
)
def test_every_spelling_of_a_reference_is_replaced(text: str, done: str) -> None:
    assert interpolate(text, SCOPE).text == done
    assert interpolate(text, SCOPE).unknown == ()


def test_what_nobody_knows_stays_and_is_told_once() -> None:
    done = interpolate("$service $nobody ${nobody:csv} $nobody ${__trace.traceId}", SCOPE)
    assert done.text == "shop $nobody ${nobody:csv} $nobody ${__trace.traceId}"
    assert done.unknown == ("$nobody", "${nobody:csv}", "${__trace.traceId}")


def test_the_groups_of_a_replacement_are_no_references() -> None:
    text = 'label_replace(up, "a", "$1-$2", "b", "(.)(.)")'
    assert interpolate(text, SCOPE) == type(interpolate("", {}))(text, ())


def test_a_named_format_wins_over_that_of_the_data_source() -> None:
    text = "$route ${route:csv}"
    assert interpolate(text, SCOPE, BY_SOURCE["prometheus"]).text == "(/a|/b\\\\.c) /a,/b.c"


def test_all_variables_become_an_address() -> None:
    done = interpolate("/d/x?${__all_variables}", SCOPE, uriencode)
    assert done.text == "/d/x?var-service=shop&var-route=%2Fa&var-route=%2Fb.c&var-all=$__all"


def test_a_value_with_a_dollar_in_it_is_not_looked_through_again() -> None:
    assert interpolate("$x", {"x": Value("x", "$service"), **SCOPE}).text == "$service"


def test_the_value_of_all_may_refer_to_other_variables() -> None:
    scope = {**SCOPE, "all": Value("all", "$service-.*", all=True, verbatim=True)}
    assert interpolate("$all", scope).text == "shop-.*"
    assert interpolate("$all", {**scope, "all": Value("all", "$nope", verbatim=True)}).unknown == ("$nope",)


def test_names_are_told_without_their_formats() -> None:
    assert names("$a ${b.c:csv} [[d:pipe]] $a") == ("a", "b", "d")
