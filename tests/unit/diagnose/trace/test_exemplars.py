from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.diagnose.trace.exemplars import by_alert, by_metric
from obsdeck.errors import FailedError, UsageError
from tests.unit.diagnose.trace.conftest import BEGIN, ID, make, question

if TYPE_CHECKING:
    from tests.unit.diagnose.trace.conftest import Backends

OTHER = "cd" * 16
DURATION = 'http_server_request_duration_seconds_bucket{service_name="shop"}'


def exemplar(trace_id: str, value: float, time: float = 1, **series: str) -> dict[str, Any]:
    one = {"labels": {"trace_id": trace_id}, "value": str(value), "timestamp": time}
    return {"seriesLabels": series, "exemplars": [one]}


def has_exemplars(backends: Backends, **by_query: list[dict[str, Any]]) -> None:
    """Exemplars by the name of the metric."""

    def answer(words: dict[str, str]) -> Any:
        return {"data": by_query.get(words["query"].partition("{")[0], [])}

    backends.answers["/api/v1/query_exemplars"] = answer


def has_rules(backends: Backends, *rules: dict[str, Any]) -> None:
    backends.answers["/api/v1/rules"] = lambda _: {"data": {"groups": [{"rules": list(rules)}]}}


def alert(name: str, query: str, *active: dict[str, str]) -> dict[str, Any]:
    alerts = [{"labels": labels, "state": "firing"} for labels in active]
    return {"type": "alerting", "name": name, "query": query, "alerts": alerts, "health": "ok"}


def recording(name: str, query: str) -> dict[str, Any]:
    return {"type": "recording", "name": name, "query": query, "health": "ok"}


# --- a metric ----------------------------------------------------------------------------------------


def test_the_largest_measurement_leads_to_its_trace(backends: Backends) -> None:
    for trace_id in (ID, OTHER):
        backends.has_trace(make(1), trace_id=trace_id)
    has_exemplars(backends, x_bucket=[exemplar(OTHER, 0.1), exemplar(ID, 0.7), exemplar(OTHER, 0.2)])
    found = by_metric(question("metric", "rate(x_bucket[5m])"), backends.settings)
    assert found.trace.id == ID
    assert found.how == "the largest exemplar of x_bucket{}, 0.7"


def test_of_equal_ones_the_youngest(backends: Backends) -> None:
    backends.has_trace(make(1))
    backends.has_trace(make(1), trace_id=OTHER)
    has_exemplars(backends, x_total=[exemplar(OTHER, 1, time=5), exemplar(ID, 1, time=9)])
    assert by_metric(question("metric", "x_total"), backends.settings).trace.id == ID


def test_one_whose_trace_was_not_kept_is_passed_over(backends: Backends) -> None:
    backends.has_trace(make(1))
    has_exemplars(backends, x_bucket=[exemplar(OTHER, 0.9), exemplar(ID, 0.1)])
    assert by_metric(question("metric", "x_bucket"), backends.settings).trace.id == ID


def test_the_narrowest_selector_is_what_an_expression_is_about(backends: Backends) -> None:
    backends.has_trace(make(1))
    backends.has_trace(make(1), trace_id=OTHER)

    def answer(words: dict[str, str]) -> Any:
        return {"data": [exemplar(ID, 0.1) if "5.." in words["query"] else exemplar(OTHER, 0.9)]}

    backends.answers["/api/v1/query_exemplars"] = answer
    share = 'sum(rate(x_bucket[5m])) / sum(rate(x_bucket{code=~"5.."}[5m]))'
    assert by_metric(question("metric", share), backends.settings).trace.id == ID


def test_a_count_leads_there_through_its_buckets(backends: Backends) -> None:
    backends.has_trace(make(1))
    has_exemplars(backends, x_bucket=[exemplar(ID, 0.1)])
    assert by_metric(question("metric", "rate(x_count[5m])"), backends.settings).trace.id == ID


def test_a_metric_without_exemplars_says_what_was_asked(backends: Backends) -> None:
    has_exemplars(backends)
    with pytest.raises(FailedError, match="no exemplar leads to a trace") as caught:
        by_metric(question("metric", 'rate(x_count{a="b"}[5m])'), backends.settings)
    assert 'x_count{a="b"}' in caught.value.why
    with pytest.raises(FailedError) as caught:
        by_metric(question("metric", "1 + 1"), backends.settings)
    assert "reads no metric" in caught.value.why


def test_only_so_many_are_followed(backends: Backends) -> None:
    has_exemplars(backends, x_bucket=[exemplar(f"{one:032x}", one) for one in range(1, 100)])
    with pytest.raises(FailedError):
        by_metric(question("metric", "x_bucket"), backends.settings)
    assert sum(path.startswith("/api/v2/traces/") for path, _ in backends.asked) == 20


# --- an alert ----------------------------------------------------------------------------------------


def test_an_alert_leads_there_through_its_metrics(backends: Backends) -> None:
    backends.has_trace(make(1))
    has_rules(backends, alert("Slow", "x_bucket > 1"))
    has_exemplars(backends, x_bucket=[exemplar(ID, 0.7)])
    found = by_alert(question("alert", "Slow"), backends.settings)
    assert found.how == "Slow (not firing now): the largest exemplar of x_bucket{}, 0.7"


def test_a_recorded_metric_leads_to_what_it_was_recorded_from(backends: Backends) -> None:
    backends.has_trace(make(1))
    rules = [
        recording("shop:rate", "sum(shop:raw) + shop:rate"),
        recording("shop:raw", "rate(x_bucket[5m])"),
        alert("Slow", "shop:rate > 1"),
    ]
    has_rules(backends, *rules)
    has_exemplars(backends, x_bucket=[exemplar(ID, 0.7)])
    assert by_alert(question("alert", "Slow"), backends.settings).trace.id == ID


def test_a_firing_alert_leads_to_what_it_fires_for(backends: Backends) -> None:
    backends.has_trace(make(1))
    backends.has_trace(make(1), trace_id=OTHER)
    labels = {"alertname": "Slow", "severity": "page", "http_route": "/a"}
    has_rules(backends, alert("Slow", "x_bucket > 1", labels))
    found = [exemplar(OTHER, 0.9, http_route="/b"), exemplar(ID, 0.1, http_route="/a")]
    has_exemplars(backends, x_bucket=found)
    found_trace = by_alert(question("alert", "Slow"), backends.settings)
    assert found_trace.trace.id == ID
    assert found_trace.how.startswith("Slow (firing): ")


def test_an_alert_without_exemplars_leads_to_the_errors_of_its_service(backends: Backends) -> None:
    backends.has_trace(make(1))
    has_rules(backends, alert("Down", 'up{service_name="shop"} == 0'))
    has_exemplars(backends)
    start = str(BEGIN)

    def search(words: dict[str, str]) -> Any:
        assert 'resource.service.name = "shop" && status = error' in words["q"]
        return {"traces": [{"traceID": ID, "startTimeUnixNano": start}]}

    backends.answers["/api/search"] = search
    found = by_alert(question("alert", "Down"), backends.settings)
    assert found.how == (
        "Down (not firing now), whose metrics have no exemplar: the last one with an error in shop"
    )


def test_where_nothing_failed_it_leads_to_the_slowest(backends: Backends) -> None:
    backends.has_trace(make(1))
    labels = {"alertname": "Down", "job": "stock"}
    has_rules(backends, alert("Down", "sum by (job) (up) == 0", labels))
    has_exemplars(backends)
    backends.answers["/api/v2/search/tag/resource.service.name/values"] = lambda _: {}

    def search(words: dict[str, str]) -> Any:
        assert '"stock"' in words["q"]
        found = [] if "error" in words["q"] or "duration" in words["q"] else [{"traceID": ID}]
        return {"traces": found}

    backends.answers["/api/search"] = search
    assert "the slowest of stock" in by_alert(question("alert", "Down"), backends.settings).how


def test_an_alert_that_names_no_service_leads_nowhere(backends: Backends) -> None:
    has_rules(backends, alert("Full", "disk_full > 1"))
    has_exemplars(backends)
    with pytest.raises(FailedError, match="Full leads to no trace"):
        by_alert(question("alert", "Full"), backends.settings)


def test_an_unknown_alert_is_a_slip(backends: Backends) -> None:
    has_rules(backends, alert("TooSlow", "a"), recording("TooSlw", "b"))
    with pytest.raises(UsageError, match="'TooSlw' is no alert") as caught:
        by_alert(question("alert", "TooSlw"), backends.settings)
    assert (caught.value.why, caught.value.hint) == ("alerts are TooSlow", "did you mean TooSlow?")
