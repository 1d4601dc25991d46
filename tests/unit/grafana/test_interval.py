from __future__ import annotations

import pytest

from obsdeck.grafana import interval


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("15s", 15_000),
        ("1m30s", 90_000),
        ("-5m", -300_000),
        (">1h", 3_600_000),
        ("500ms", 500),
        ("1M", 2_592_000_000),
    ],
)
def test_a_duration_is_read(text: str, length: int) -> None:
    assert interval.parse(text) == length


@pytest.mark.parametrize("text", ["", "soon", "5", "5 minutes", "5m later"])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert interval.parse(text) is None


@pytest.mark.parametrize(
    ("length", "text"), [(90_000, "90s"), (120_000, "2m"), (86_400_000, "1d"), (250, "250ms"), (0, "1ms")]
)
def test_a_length_is_written_in_the_largest_whole_unit(length: int, text: str) -> None:
    assert interval.write(length) == text


def test_the_interval_divides_the_range_by_the_points_and_rounds() -> None:
    hour = 3_600_000
    assert interval.interval(6 * hour, 1000) == 20_000
    assert interval.interval(hour, 1000, low=15_000) == 15_000
    assert interval.interval(10**12, 1) == 365 * 24 * hour


def test_a_query_to_prometheus_has_the_panels_step_or_its_own() -> None:
    hour = 3_600_000
    assert interval.prometheus_step(hour, 15_000, None) == 15_000
    assert interval.prometheus_step(hour, 15_000, 60_000) == 60_000
    assert interval.prometheus_step(hour, 15_000, None, factor=2) == 30_000


def test_no_query_asks_for_more_points_than_prometheus_gives() -> None:
    year = 365 * 86_400_000
    assert year / interval.prometheus_step(year, 1_000, 1_000) <= 11_000


def test_a_rate_spans_at_least_four_scrapes() -> None:
    assert interval.rate_interval(15_000, 15_000) == 60_000
    assert interval.rate_interval(120_000, 15_000) == 135_000
