from __future__ import annotations

from datetime import UTC, datetime

import pytest

from obsdeck.errors import UsageError
from obsdeck.grafana.timerange import absolute, parse


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


NOW = at("2026-02-19T14:35:21")  # a Thursday


@pytest.mark.parametrize(
    ("written", "start", "end"),
    [
        (("now-15m", "now"), "2026-02-19T14:20:21", "2026-02-19T14:35:21"),
        (("now/d", "now/d"), "2026-02-19T00:00:00", "2026-02-19T23:59:59.999"),
        (("now-1d/d", "now-1d/d"), "2026-02-18T00:00:00", "2026-02-18T23:59:59.999"),
        (("now/w", "now/w"), "2026-02-16T00:00:00", "2026-02-22T23:59:59.999"),
        (("now/M", "now/M"), "2026-02-01T00:00:00", "2026-02-28T23:59:59.999"),
        (("now/y", "now/y"), "2026-01-01T00:00:00", "2026-12-31T23:59:59.999"),
        (("now/h", "now+1h"), "2026-02-19T14:00:00", "2026-02-19T15:35:21"),
        (("2026-02-01T00:00:00Z", str(NOW)), "2026-02-01T00:00:00", "2026-02-19T14:35:21"),
    ],
)
def test_a_range_is_what_it_says_at_the_moment(written: tuple[str, str], start: str, end: str) -> None:
    span = parse(*written, now=NOW)
    assert (span.start, span.end) == (at(start), at(end))
    assert (span.raw_from, span.raw_to) == written


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(UsageError, match="yesterday"):
        parse("yesterday", "now", now=NOW)


def test_a_range_of_a_link_never_is_empty() -> None:
    assert absolute(5, 5).length == 1
    assert absolute(10, 4).length == 1


def test_a_range_moves_into_the_past() -> None:
    span = absolute(1_000, 3_000).shifted(500)
    assert (span.start, span.end, span.raw_from) == (500, 2_500, "500")
