from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.diagnose import canary

if TYPE_CHECKING:
    from obsdeck.stack.environment import Settings

SPANS = {"trace": {"resourceSpans": [{"scopeSpans": [{"spans": [{}, {}]}]}]}}
VECTOR = {"data": {"result": [{"metric": {}, "value": [1, "1"]}]}}
STREAM = {"data": {"result": [{"stream": {}, "values": [["1", "x"]]}]}}


@pytest.fixture
def bird(monkeypatch: pytest.MonkeyPatch) -> canary.Canary:
    """The canary that the next round trip sends."""
    made = canary.new_canary()
    monkeypatch.setattr(canary, "new_canary", lambda: made)
    return made


@pytest.fixture
def whole(world: Any, bird: canary.Canary) -> Any:
    """A world in which all three get through."""
    world.answers |= {
        f"/api/v2/traces/{bird.trace_id}": (200, json.dumps(SPANS)),
        "/api/v1/query": (200, json.dumps(VECTOR)),
        "/loki/api/v1/query_range": (200, json.dumps(STREAM)),
    }
    return world


def test_all_three_get_through(whole: Any, settings: Settings) -> None:
    checks = canary.round_trip(settings)
    assert [check.id for check in checks] == ["round-trip.trace", "round-trip.metric", "round-trip.log"]
    assert all(check.ok and check.seconds is not None for check in checks)
    assert {path for path, *_ in whole.taken} == {"/v1/traces", "/v1/metrics", "/v1/logs"}


def test_only_the_wanted_signals_travel(whole: Any, settings: Settings) -> None:
    (check,) = canary.round_trip(settings, signals=["log"])
    assert check.id == "round-trip.log"
    assert [path for path, *_ in whole.taken] == ["/v1/logs"]


def test_what_is_sent_carries_one_id_and_the_service_name(
    whole: Any, settings: Settings, bird: canary.Canary
) -> None:
    canary.round_trip(settings)
    for _, _, document in whole.taken:
        assert bird.trace_id in json.dumps(document)
        assert '"obsdeck-canary"' in json.dumps(document)


def test_two_canaries_differ() -> None:
    assert canary.new_canary().trace_id != canary.new_canary().trace_id


def test_the_second_span_is_the_child_of_the_first() -> None:
    bird = canary.new_canary()
    parent, child = canary.trace(bird)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert child["parentSpanId"] == parent["spanId"] == bird.trace_id[:16]
    assert child["spanId"] != parent["spanId"]


def test_the_token_goes_along(whole: Any, settings: Settings) -> None:
    secret = replace(settings, values={**settings.values, "OBSDECK_OTLP_TOKEN": "hush"})
    canary.round_trip(secret)
    assert {headers["authorization"] for _, headers, _ in whole.taken} == {"Bearer hush"}


def test_without_a_token_none_is_sent(whole: Any, settings: Settings) -> None:
    canary.round_trip(settings)
    assert not any("authorization" in headers for _, headers, _ in whole.taken)


def test_a_refused_canary_says_what_the_collector_said(world: Any, settings: Settings) -> None:
    world.answers["/v1/logs"] = (401, "no token")
    (check,) = canary.round_trip(settings, signals=["log"])
    assert not check.ok
    assert check.evidence.endswith("/v1/logs answered 401: no token")
    assert check.next == "obsdeck logs collector"


def test_a_canary_that_is_taken_in_part(world: Any, settings: Settings) -> None:
    world.answers["/v1/traces"] = (200, '{"partialSuccess":{"errorMessage":"two bad spans"}}')
    (check,) = canary.round_trip(settings, signals=["trace"])
    assert not check.ok
    assert "took not all: two bad spans" in check.evidence


def test_a_canary_that_never_arrives(world: Any, settings: Settings, bird: canary.Canary) -> None:
    world.answers["/loki/api/v1/query_range"] = (200, '{"data":{"result":[]}}')
    (check,) = canary.round_trip(settings, timeout=0.2, signals=["log"])
    assert not check.ok
    assert check.evidence.endswith(f"took {bird.trace_id}; 0.2 s later: Loki does not have it")
    assert check.next == "obsdeck logs collector loki"


def test_half_a_trace_is_no_trace(whole: Any, settings: Settings, bird: canary.Canary) -> None:
    half = {"trace": {"resourceSpans": [{"scopeSpans": [{"spans": [{}]}]}]}}
    whole.answers[f"/api/v2/traces/{bird.trace_id}"] = (200, json.dumps(half))
    (check,) = canary.round_trip(settings, timeout=0.2, signals=["trace"])
    assert "Tempo does not have it" in check.evidence


def test_a_backend_that_refuses_the_question_is_the_evidence(world: Any, settings: Settings) -> None:
    world.answers["/api/v1/query"] = (503, "starting up")
    (check,) = canary.round_trip(settings, timeout=0.2, signals=["metric"])
    assert "answered 503: starting up" in check.evidence
