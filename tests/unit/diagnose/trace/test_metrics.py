from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.diagnose.trace import metrics
from obsdeck.diagnose.trace.model import Trace
from tests.unit.diagnose.trace.conftest import BEGIN, ID, make

if TYPE_CHECKING:
    from tests.unit.diagnose.trace.conftest import Backends

AT = BEGIN / 1e9 + 10


def served(number: int, route: Any, **more: Any) -> Any:
    return make(number, kind="server", attributes={"http.route": route}, **more)


def ask(backends: Backends, *spans: Any) -> tuple[metrics.RouteMetrics, ...]:
    return metrics.around(f"http://127.0.0.1:{backends.port}", Trace(ID, spans), AT)


def has_series(backends: Backends, **values: list[list[Any]]) -> None:
    """Values by quantity: rate, errors, p95."""

    def answer(words: dict[str, str]) -> Any:
        query = words["query"]
        kind = "p95" if "quantile" in query else "errors" if "5.." in query else "rate"
        labels = {"service_name": "shop", "http_route": "/a"}
        found = [{"metric": labels, "values": values[kind]}] if kind in values else []
        return {"data": {"result": found}}

    backends.answers["/api/v1/query_range"] = answer


def test_the_routes_that_were_served_each_once() -> None:
    spans = (
        served(1, "/a"),
        served(2, "/b", service="stock"),
        served(3, "/a"),
        make(4, kind="client", attributes={"http.route": "/c"}),
        make(5, kind="server"),
        served(6, 5),
    )
    assert metrics.routes(Trace(ID, spans)) == (("shop", "/a"), ("stock", "/b"))


def test_a_trace_that_served_nothing_asks_nothing(backends: Backends) -> None:
    assert ask(backends, make(1)) == ()
    assert backends.asked == []


def test_now_and_an_hour_before_are_the_ends_of_one_range(backends: Backends) -> None:
    course = [[AT - 3600, "2"], [AT - 1800, "3"], [AT, "4"]]
    has_series(backends, rate=course, p95=[[AT, "0.5"]])
    [found] = ask(backends, served(1, "/a"))
    assert (found.service, found.route) == ("shop", "/a")
    assert (found.rate.before, found.rate.now) == (2, 4)
    assert found.rate.points == ((AT - 3600, 2), (AT - 1800, 3), (AT, 4))
    assert (found.p95.before, found.p95.now) == (None, 0.5)
    words = backends.of("/api/v1/query_range")[0]
    assert (float(words["start"]), float(words["end"])) == (AT - 3600, AT)


def test_what_is_no_number_is_not_known(backends: Backends) -> None:
    has_series(backends, p95=[[AT - 3600, "+Inf"], [AT, "NaN"]])
    [found] = ask(backends, served(1, "/a"))
    assert found.p95 == metrics.Course((), None, None)
    assert found.rate == metrics.Course((), None, None)


def test_names_are_matched_literally(backends: Backends) -> None:
    has_series(backends)
    ask(backends, served(1, "/a.b/{id}", service='sh"op'))
    query = backends.of("/api/v1/query_range")[0]["query"]
    service, route = (json.loads(text) for text in re.findall(r'=~("(?:[^"\\]|\\.)*")', query)[:2])
    assert (service, route) == (re.escape('sh"op'), re.escape("/a.b/{id}"))


@pytest.mark.parametrize(("later", "moment"), [(0.1, 0.1), (60, 60), (1000, 150.1)])
def test_the_window_lies_around_the_trace_where_that_is_not_in_the_future(
    later: float, moment: float
) -> None:
    begin = BEGIN / 1e9
    assert metrics.moment(Trace(ID, (make(1),)), begin + later) == pytest.approx(begin + moment)
