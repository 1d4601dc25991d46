from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsdeck.errors import UsageError
from obsdeck.names import InstrumentKind, label_name, loki_name, metric_name

KINDS: list[InstrumentKind] = ["counter", "updowncounter", "gauge", "histogram"]


@pytest.mark.parametrize(
    ("name", "unit", "kind", "translated"),
    [
        ("http.server.request.duration", "s", "histogram", "http_server_request_duration_seconds"),
        ("http.server.active_requests", "{request}", "updowncounter", "http_server_active_requests"),
        ("http.server.response.body.size", "By", "histogram", "http_server_response_body_size_bytes"),
        ("wait", "s", "counter", "wait_seconds_total"),
        ("sent", "By", "counter", "sent_bytes_total"),
        ("rate", "By/s", "counter", "rate_bytes_per_second_total"),
        ("orders", "{order}", "counter", "orders_total"),
        ("system.cpu.utilization", "1", "gauge", "system_cpu_utilization_ratio"),
        ("ratio.thing", "1", "gauge", "thing_ratio"),
        ("level", "1", "updowncounter", "level"),
        ("requests.total.count", "", "counter", "requests_count_total"),
        ("bytes.sent.size", "By", "counter", "bytes_sent_size_total"),
        ("seconds.since.boot", "s", "gauge", "seconds_since_boot"),
        ("trailing_", "", "gauge", "trailing"),
        ("3d.prints", "", "gauge", "_3d_prints"),
        ("fill", "%", "gauge", "fill_percent"),
        ("speed", "m/{turn}", "gauge", "speed_meters"),
        ("speed", "foo/min", "gauge", "speed_foo_per_min"),
        ("odd", "a__b", "gauge", "odd_a_b"),
        ("récolte", "", "gauge", "r_colte"),
        ("rule:kept", "", "gauge", "rule:kept"),
    ],
)
def test_a_metric_has_the_name_that_prometheus_gives_it(
    name: str, unit: str, kind: InstrumentKind, translated: str
) -> None:
    assert metric_name(name, unit, kind) == translated


@pytest.mark.parametrize(
    ("key", "prometheus", "loki"),
    [
        ("http.route", "http_route", "http_route"),
        ("service.instance.id", "service_instance_id", "service_instance_id"),
        ("1a", "key_1a", "key_1a"),
        ("_private", "key_private", "_private"),
        ("a..b", "a__b", "a_b"),
        ("__meta.x__", "__meta_x__", "__meta_x__"),
        ("größe", "gr__e", "gr_e"),
    ],
)
def test_a_label_has_the_name_that_each_backend_gives_it(key: str, prometheus: str, loki: str) -> None:
    assert label_name(key) == prometheus
    assert loki_name(key) == loki


def test_a_name_of_which_nothing_is_left_is_refused() -> None:
    for translate in (lambda name: metric_name(name, "", "gauge"), label_name, loki_name):
        for name in ("", "...", "___"):
            with pytest.raises(UsageError):
                translate(name)


@given(st.text(max_size=30), st.text(max_size=8), st.sampled_from(KINDS))
def test_whatever_the_name_the_translation_is_one_that_prometheus_takes(
    name: str, unit: str, kind: InstrumentKind
) -> None:
    try:
        translated = metric_name(name, unit, kind)
    except UsageError:
        counted = "" if set(unit) & set("{}") else unit  # a unit in braces is a remark
        assert not re.search("[a-zA-Z0-9:]", name + counted)
    else:
        assert re.fullmatch("[a-zA-Z_:][a-zA-Z0-9_:]*", translated)


@given(st.text(max_size=30))
def test_whatever_the_key_the_label_is_one_that_prometheus_and_loki_take(key: str) -> None:
    for translate in (label_name, loki_name):
        try:
            assert re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", translate(key))
        except UsageError:
            assert not re.search("[a-zA-Z0-9]", key)
