"""The generated rules in a real Prometheus: all are evaluated without an error, and objectives are right."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import httpx
import pytest
import yaml

from obsdeck.backends import prometheus
from tests.stack.conftest import GENERATED, LostError, Observed, more_rules

if TYPE_CHECKING:
    from obsdeck.backends.prometheus import Sample

pytestmark = pytest.mark.stack

OBJECTIVE = 0.995
IDLE = "an-idle-service"
CUMULATIVE = 2


def ask(world: Observed, promql: str) -> tuple[Sample, ...]:
    return prometheus.query(world.stack.urls["prometheus"], promql)


def test_every_generated_rule_is_evaluated_without_an_error(observed: Observed) -> None:
    documents = [yaml.safe_load(path.read_text()) for path in (GENERATED / "rules").glob("*.yaml")]
    groups = [group for document in documents for group in document["groups"]]
    written = {rule.get("alert") or rule["record"] for group in groups for rule in group["rules"]}

    def follow() -> None:
        assert failing(observed) == {}
        assert written <= {rule.name for rule in prometheus.rules(observed.stack.urls["prometheus"])}

    observed.until_found(follow)


def failing(world: Observed) -> dict[str, str]:
    """The rules that cannot be evaluated, and why, once all have been."""
    rules = prometheus.rules(world.stack.urls["prometheus"])
    if waiting := [rule.name for rule in rules if rule.health == "unknown"]:
        raise LostError(f"not evaluated yet: {waiting}")
    return {rule.name: rule.error for rule in rules if rule.health != "ok"}


def test_a_rule_that_cannot_be_evaluated_is_found(with_embedded_store: Observed) -> None:
    world, rule = with_embedded_store, {"record": "a:broken:rule", "expr": "up * on () group_left () up"}

    def follow() -> dict[str, str]:
        if found := failing(world):
            return found
        raise LostError("the broken rule is not evaluated yet")

    with more_rules(world.stack, [rule]):
        assert world.until_found(follow).keys() == {"a:broken:rule"}


def test_an_objective_is_measured_where_there_is_traffic(observed: Observed) -> None:
    def follow() -> None:
        error = value(observed, "slo:sli_error:ratio_rate5m")
        left = value(observed, "slo:period_error_budget_remaining:ratio")
        burn = value(observed, "slo:current_burn_rate:ratio")
        # Every fifth request fails, besides those of other tests that do not.
        if not 0 < error < 0.5 or not math.isclose(burn, error / (1 - OBJECTIVE), rel_tol=0.5):
            raise LostError(f"{error} of the requests fail, and the budget burns {burn} times too fast")
        if not -1 / (1 - OBJECTIVE) < left < 0:
            raise LostError(f"{left} of the budget is left")

    observed.until_found(follow)


def value(world: Observed, name: str) -> float:
    for one in ask(world, f'{name}{{sloth_id="http-availability", service_name="quickstart"}}'):
        return one.value
    raise LostError(f"there is no {name}")


def test_a_service_without_traffic_has_no_share_of_failures_rather_than_a_wrong_one(
    observed: Observed,
) -> None:
    """It has had requests once, and is still there: its counters stand still."""

    def follow() -> None:
        send_standstill(observed)
        total = ask(observed, f'slo:sli_total:rate5m{{sloth_id="http-availability", service_name="{IDLE}"}}')
        if [one.value for one in total] != [0]:
            raise LostError(f"the idle service is not counted yet: {total}")

    observed.until_found(follow)
    derived = ask(observed, f'{{__name__=~"slo:.+ratio.*", service_name="{IDLE}"}}')
    assert derived == ()
    assert [one for one in ask(observed, '{__name__=~"slo:.+"}') if math.isnan(one.value)] == []


def send_standstill(world: Observed) -> None:
    """Five requests of long ago, as the service's counters tell them once more."""
    now = time.time_ns()
    point = {
        "startTimeUnixNano": str(now - 600 * 10**9),
        "timeUnixNano": str(now),
        "count": "5",
        "sum": 1.0,
        "bucketCounts": ["5", "0"],
        "explicitBounds": [0.5],
        "attributes": [{"key": "http.response.status_code", "value": {"intValue": "500"}}],
    }
    histogram = {"aggregationTemporality": CUMULATIVE, "dataPoints": [point]}
    metric = {"name": "http.server.request.duration", "unit": "s", "histogram": histogram}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": IDLE}}]}
    body = {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]}
    httpx.post(f"{world.stack.urls['collector']}/v1/metrics", json=body).raise_for_status()
