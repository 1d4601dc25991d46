"""How the routes of a trace fared when it happened, and an hour before.

All of `http_server_request_duration_seconds`, which every instrumented service has: requests per second, the
share of them that ended in a 5xx status, and the 95th percentile of their duration, each over five minutes.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from obsdeck.backends import prometheus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from obsdeck.diagnose.trace.model import Trace

HOUR = 3600
WINDOW = 300
"""Seconds; the window lies around the trace where that is not in the future."""

STEP = 60

_DURATION = "http_server_request_duration_seconds"
_BY = "service_name, http_route"


@dataclass(frozen=True)
class Course:
    """One quantity over the hour up to the trace.

    Attributes:
        points: Pairs of seconds since the epoch and value, oldest first; what is unknown is not there.
        before: An hour before, None where it is not known.
        now: At the time of the trace, None where it is not known.
    """

    points: tuple[tuple[float, float], ...]
    before: float | None
    now: float | None


@dataclass(frozen=True)
class RouteMetrics:
    """What one route of one service did.

    Attributes:
        service: The service.
        route: The route's template.
        rate: Requests per second.
        errors: The share of them that failed, from 0 to 1.
        p95: Seconds.
    """

    service: str
    route: str
    rate: Course
    errors: Course
    p95: Course


def routes(trace: Trace) -> tuple[tuple[str, str], ...]:
    """Service and route of each request that the trace has served, in the order of the trace."""
    served = (
        (span.service, span.attributes["http.route"])
        for span in trace.spans
        if span.kind == "server" and isinstance(span.attributes.get("http.route"), str)
    )
    return tuple(dict.fromkeys(served))


def around(url: str, trace: Trace, now: float) -> tuple[RouteMetrics, ...]:
    """The metrics of each route of a trace.

    Args:
        url: Prometheus' base URL.
        trace: The trace.
        now: Seconds since the epoch.

    Raises:
        UnreachableError: Prometheus does not answer.
        HttpError: It refuses a query.
    """
    wanted = routes(trace)
    if not wanted:
        return ()
    at = moment(trace, now)
    these = selector(wanted)
    total = _increase(_BY, f"{_DURATION}_count{{{these}}}")
    failed = _increase(_BY, f'{_DURATION}_count{{{these}, http_response_status_code=~"5.."}}')
    buckets = _increase(f"le, {_BY}", f"{_DURATION}_bucket{{{these}}}")
    rate = _courses(url, f"{total} / {WINDOW}", at)
    # Where nothing failed there is no series of failures, and the share is 0 all the same.
    errors = _courses(url, f"({failed} or 0 * {total}) / {total}", at)
    p95 = _courses(url, f"histogram_quantile(0.95, {buckets})", at)
    unknown = Course((), None, None)
    return tuple(
        RouteMetrics(*key, rate.get(key, unknown), errors.get(key, unknown), p95.get(key, unknown))
        for key in wanted
    )


def moment(trace: Trace, now: float) -> float:
    """The end of the window that has the trace in its middle, in seconds; not later than now."""
    return min(now, trace.end / 1e9 + WINDOW / 2)


def selector(wanted: Iterable[tuple[str, str]]) -> str:
    """Matchers for some services and routes, without braces."""
    services, names = (sorted(set(values)) for values in zip(*wanted, strict=True))
    return f"service_name=~{_any_of(services)}, http_route=~{_any_of(names)}"


def _increase(by: str, series: str) -> str:
    """By how much counters rose in the window; `increase` alone does not see a series that begins with 1.

    The first error of a route is such a series, and the one that is looked for. What was not there for an
    hour before the window was born in it, and its value is its increase.
    """
    before = f"last_over_time({series}[{HOUR}s] offset {WINDOW}s)"
    return f"sum by ({by}) ({series} unless {before} or increase({series}[{WINDOW}s]))"


def _any_of(values: Iterable[str]) -> str:
    return json.dumps("|".join(map(re.escape, values)), ensure_ascii=False)


def _courses(url: str, promql: str, at: float) -> dict[tuple[str, str], Course]:
    """An expression for each service and route; the range begins an hour before and ends at the moment."""
    found = prometheus.query_range(url, promql, start=at - HOUR, end=at, step=STEP)
    courses = {}
    for series in found:
        points = tuple((time, value) for time, value in series.points if math.isfinite(value))
        ends = {round(time - at): value for time, value in points}
        key = (series.labels.get("service_name", ""), series.labels.get("http_route", ""))
        courses[key] = Course(points, ends.get(-HOUR), ends.get(0))
    return courses
