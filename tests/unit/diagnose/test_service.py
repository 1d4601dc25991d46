from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.diagnose import service

if TYPE_CHECKING:
    from collections.abc import Callable

    from obsdeck.diagnose.subject import Subject

NOTHING = (200, json.dumps({"data": {"result": []}}))


def vector(*rows: tuple[dict[str, str], float]) -> tuple[int, str]:
    result = [{"metric": labels, "value": [1, str(value)]} for labels, value in rows]
    return 200, json.dumps({"data": {"result": result}})


# --- where telemetry is sent


def test_without_an_endpoint_the_right_one_is_told(subject: Subject, world: Any) -> None:
    check = service.check_endpoint(subject)
    assert check.ok
    assert check.evidence.endswith(f"services need http://127.0.0.1:{world.port}")


def test_the_endpoint_is_asked_with_the_services_own_headers(
    served: Callable[..., Subject], world: Any
) -> None:
    here = served(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://localhost:{world.port}/",
        OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20hush,x-tenant=a",
    )
    assert service.check_endpoint(here).ok
    ((path, headers, document),) = world.taken
    assert (path, document) == ("/v1/traces", {})
    assert (headers["authorization"], headers["x-tenant"]) == ("Bearer hush", "a")


def test_an_endpoint_of_one_signal_is_asked_as_it_is(served: Callable[..., Subject], world: Any) -> None:
    here = served(OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=f"http://localhost:{world.port}/v1/logs")
    assert service.check_endpoint(here).ok
    assert [path for path, *_ in world.taken] == ["/v1/logs"]


def test_a_port_where_nobody_listens(served: Callable[..., Subject], world: Any, free_port: int) -> None:
    check = service.check_endpoint(served(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://localhost:{free_port}"))
    assert f"nobody listens on {free_port}; the collector takes OTLP at {world.port}" in check.evidence
    assert check.next == f"export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:{world.port}"


@pytest.mark.parametrize("url", ["localhost:4318", "http://", "nonsense"])
def test_an_endpoint_that_is_no_address(served: Callable[..., Subject], url: str) -> None:
    check = service.check_endpoint(served(OTEL_EXPORTER_OTLP_ENDPOINT=url))
    assert not check.ok
    assert "no address of a server" in check.evidence


def test_a_token_that_the_service_does_not_send(served: Callable[..., Subject], world: Any) -> None:
    world.answers["/v1/traces"] = (401, "")
    check = service.check_endpoint(served(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://localhost:{world.port}"))
    assert "answered 401: OTEL_EXPORTER_OTLP_HEADERS carries no token, or a wrong one" in check.evidence


def test_grpc_is_not_asked_over_http(served: Callable[..., Subject], world: Any) -> None:
    here = served(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://localhost:{world.port}", OTEL_EXPORTER_OTLP_PROTOCOL="grpc"
    )
    assert service.check_endpoint(here).ok
    assert world.taken == []


# --- who sends it


def test_telemetry_with_names_is_sound(subject: Subject, world: Any) -> None:
    world.answers |= {"/api/v1/query": NOTHING, "/loki/api/v1/query": NOTHING}
    assert service.check_name(subject).ok


def test_what_rules_record_needs_no_name(subject: Subject, world: Any) -> None:
    sent = vector(({"__name__": "till_opened_total"}, 1), ({"__name__": "till_info"}, 1))
    rule = {"name": "till_info", "query": "vector(1)", "type": "recording"}
    world.answers |= {
        "/api/v1/query": sent,
        "/api/v1/rules": (200, json.dumps({"data": {"groups": [{"rules": [rule]}]}})),
        "/loki/api/v1/query": NOTHING,
    }
    check = service.check_name(subject)
    assert "till_opened_total" in check.evidence
    assert "till_info" not in check.evidence


def test_logs_without_a_name_are_counted(subject: Subject, world: Any) -> None:
    world.answers |= {
        "/api/v1/query": NOTHING,
        "/loki/api/v1/query": vector(({"service_name": "unknown_service:python"}, 4)),
    }
    check = service.check_name(subject)
    assert not check.ok
    assert "4 log lines (unknown_service:python)" in check.evidence
    assert "OTEL_SERVICE_NAME" in check.next


# --- metrics that cannot be stored


@pytest.mark.parametrize(
    ("before", "now", "dropped"),
    [([], 0, 0), ([], 3, 3), ([2], 3, 1), ([3], 3, 0), ([9], 2, 2)],
    ids=["none", "the first", "more", "only before", "a collector started anew"],
)
def test_drops_of_the_period_are_counted(
    subject: Subject, world: Any, before: list[int], now: int, dropped: int
) -> None:
    world.answers |= {
        "/metrics": (200, f'otelcol_processor_filter_datapoints_filtered{{filter="f"}} {now}\n'),
        "/api/v1/query": vector(*(({}, value) for value in before)),
    }
    check = service.check_temporality(subject)
    assert check.ok is (dropped == 0)
    if dropped:
        assert f"dropped {dropped} metric points" in check.evidence


@pytest.mark.parametrize(("word", "ok"), [("delta", False), ("LowMemory", False), ("cumulative", True)])
def test_a_preference_for_delta_is_found_before_it_does_harm(
    served: Callable[..., Subject], world: Any, word: str, *, ok: bool
) -> None:
    world.answers |= {"/metrics": (200, ""), "/api/v1/query": NOTHING}
    here = served(OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=word)
    assert service.check_temporality(here).ok is ok
