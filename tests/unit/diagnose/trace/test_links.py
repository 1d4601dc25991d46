from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import yaml

from obsdeck.diagnose.trace import links
from obsdeck.diagnose.trace.model import Trace
from tests.contract.conftest import ROOT
from tests.unit.diagnose.trace.conftest import BEGIN, ID, make

if TYPE_CHECKING:
    from tests.unit.diagnose.trace.conftest import Backends

SOURCES = ROOT / "observability/generated/datasources/obsdeck.yaml"


def pane(url: str) -> Any:
    words = parse_qs(urlsplit(url).query)
    return json.loads(words["panes"][0])["trace"]


def opened(backends: Backends, **more: Any) -> dict[str, Any]:
    found = links.grafana(backends.settings, Trace(ID, (make(1, **more),)))
    return {name: pane(url) for name, url in found.items()}


def test_trace_logs_and_metrics_open_in_explore(backends: Backends) -> None:
    found = opened(backends, kind="server", attributes={"http.route": "/a"})
    assert found["trace"]["queries"][0]["query"] == ID
    assert ID in found["logs"]["queries"][0]["expr"]
    assert 'http_route=~"/a"' in found["metrics"]["queries"][0]["expr"]


def test_a_trace_without_routes_has_no_metrics_to_open(backends: Backends) -> None:
    assert set(opened(backends)) == {"trace", "logs"}


def test_they_open_some_minutes_around_the_trace(backends: Backends) -> None:
    for one in opened(backends).values():
        assert int(one["range"]["from"]) < BEGIN // 10**6 < int(one["range"]["to"])


def test_the_data_sources_are_those_that_are_provisioned(backends: Backends) -> None:
    provisioned = {one["uid"] for one in yaml.safe_load(SOURCES.read_text())["datasources"]}
    found = opened(backends, kind="server", attributes={"http.route": "/a"})
    assert {one["datasource"] for one in found.values()} <= provisioned


def test_without_grafana_tempo_is_named(backends: Backends) -> None:
    found = links.tempo(backends.settings, Trace(ID, (make(1),)))
    assert found == {"trace": f"http://127.0.0.1:{backends.port}/api/v2/traces/{ID}"}
