"""Everything that is asked of services and stack is proven by a test that exists, most of it elsewhere."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from fastapi import FastAPI
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client.parser import text_string_to_metric_families as parsed

from obsdeck import instrument
from obsdeck.names import metric_name
from obsdeck.telemetry.scrape import Page, PageReader
from obsdeck.telemetry.settings import read

from .conftest import ROOT, program

if TYPE_CHECKING:
    from pathlib import Path

    from prometheus_client import Metric

REQUIREMENTS = yaml.safe_load((ROOT / "tests/contract/requirements.yaml").read_text(encoding="utf-8"))
SERVICES = yaml.safe_load((ROOT / "ops/observability/compose.yaml").read_text(encoding="utf-8"))["services"]
STATEFUL = ("collector", "prometheus", "tempo", "loki", "alertmanager", "grafana")


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("ask", REQUIREMENTS["asks"], ids=lambda ask: str(ask["id"]))
def test_what_is_asked_is_proven_by_a_test_that_exists(ask: dict[str, Any]) -> None:
    assert ask["what"]
    assert ask["proven_by"]
    for proof in ask["proven_by"]:
        file, _, name = proof.partition("::")
        assert name in functions_of(ROOT / "tests" / file), proof


def test_no_two_asks_have_one_id() -> None:
    ids = Counter(ask["id"] for ask in REQUIREMENTS["asks"])
    assert max(ids.values()) == 1


PAGE = """
import sys
{before}
from fastapi import FastAPI
from obsdeck import instrument
from tests.unit.telemetry.conftest import call
app = instrument(FastAPI(), service_name="shop")
app.get("/items/{{item}}")(lambda item: "sold")
assert call(app, "/items/7").body == b'"sold"'
reply = call(app, "/metrics")
print("status", reply.status)
print(reply.body.decode())
"""
SILENT = dict.fromkeys(("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"), "none")
MISSING = 'sys.modules["prometheus_client"] = None'


@pytest.mark.parametrize(
    ("before", "variables", "status", "families"),
    [
        ("", {}, 200, {"python", "process", "http", "obsdeck"}),
        ("", {"OTEL_SDK_DISABLED": "true"}, 200, {"python", "process", "obsdeck"}),
        (MISSING, {}, 200, {"obsdeck"}),
        (MISSING, {"OBSDECK_METRICS_MODE": "strict"}, 503, set()),
    ],
    ids=["whole", "switched off", "fail-open", "strict"],
)
def test_the_page_shows_what_there_is(
    before: str, variables: dict[str, str], status: int, families: set[str]
) -> None:
    lines = program(PAGE.format(before=before), **SILENT, **variables)
    page = "\n".join(lines[lines.index(f"status {status}") + 1 :])
    if status == 503:
        assert "prometheus_client" in page
        return
    found = {family.name: family for family in parsed(page)}
    if sys.platform != "linux":
        families = families - {"process"}  # prometheus_client reads it from /proc
    assert {name.partition("_")[0] for name in found} & {"python", "process", "http", "obsdeck"} == families
    assert found["obsdeck_metrics_fallback"].samples[0].value == int("http" not in families)
    if families == {"obsdeck"}:
        assert list(found) == ["obsdeck_metrics_fallback"]


def test_durations_have_the_bounds_that_dashboards_ask_for() -> None:
    page = program(PAGE.format(before=""), **SILENT)
    bounds = [
        found[1]
        for line in page
        if (found := re.match(r'http_server_request_duration_seconds_bucket\{.*le="([^"]+)"', line))
    ]
    assert [float(bound) for bound in bounds if bound != "+Inf"] == [
        0.005,
        0.01,
        0.025,
        0.05,
        0.1,
        0.25,
        0.5,
        1,
        2.5,
        5,
        10,
    ]


def test_observing_adds_one_route_that_only_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    app = FastAPI()
    app.post("/orders")(lambda: "ok")
    before = list(app.routes)
    instrument(app, metrics_path="/numbers")
    (added,) = [route for route in app.routes if route not in before]
    assert getattr(added, "path", "") == "/numbers"
    assert getattr(added, "methods", set()) == {"GET", "HEAD"}


def test_health_checks_are_left_out_unless_they_are_wanted() -> None:
    assert "/health" in read({}, {}).settings.excluded_paths
    assert read({}, {"excluded_paths": ()}).settings.excluded_paths == ()


@pytest.fixture(scope="module")
def page_of_a_service() -> dict[str, Metric]:
    """The page after one measurement of every instrument."""
    reader = PageReader()
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("trader")
    for row in REQUIREMENTS["names"]:
        labels = dict.fromkeys(row.get("labels", ()), "some")
        name, unit = chosen(row), row.get("unit", "")
        match row["kind"]:
            case "gauge":
                meter.create_gauge(name, unit).set(0.5, labels)
            case "counter":
                meter.create_counter(name, unit).add(1, labels)
            case "histogram":
                meter.create_histogram(name, unit).record(0.5, labels)
    answer = Page(reader, strict=True, partial=False, errors=Counter()).answer("")
    assert answer.status == 200
    return {family.name: family for family in parsed(answer.body.decode())}


def chosen(row: dict[str, Any]) -> str:
    """What the service calls it: without what Prometheus appends."""
    return str(row["name"]).removesuffix("_total").removesuffix("_seconds")


@pytest.mark.parametrize("row", REQUIREMENTS["names"], ids=lambda row: str(row["name"]))
def test_a_metric_of_a_service_has_the_name_that_it_chose(
    row: dict[str, Any], page_of_a_service: dict[str, Metric]
) -> None:
    assert metric_name(chosen(row), row.get("unit", ""), row["kind"]) == row["name"]
    family = page_of_a_service[row["name"].removesuffix("_total")]
    assert family.type == row["kind"]
    names = {sample.name for sample in family.samples}
    assert (f"{row['name']}_bucket" if row["kind"] == "histogram" else row["name"]) in names
    assert family.samples[0].labels.keys() - {"le"} == set(row.get("labels", ()))


def test_the_sample_for_scraping_says_what_is_needed() -> None:
    guide = (ROOT / "docs/guides/instrument.md").read_text(encoding="utf-8")
    (sample,) = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)]
    (job,) = sample["scrape_configs"]
    assert job["job_name"]
    assert (job["scrape_interval"], job["metrics_path"]) == ("15s", read({}, {}).settings.metrics_path)
    assert job["static_configs"][0]["targets"] == ["host.docker.internal:8000"]


def test_prometheus_reaches_services_of_this_machine_from_its_container() -> None:
    assert SERVICES["prometheus"]["extra_hosts"] == ["host.docker.internal:host-gateway"]


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_prometheus_and_grafana_need_no_other_container(name: str) -> None:
    assert "depends_on" not in SERVICES[name]


@pytest.mark.parametrize("name", STATEFUL)
def test_what_a_server_keeps_is_on_a_volume(name: str) -> None:
    assert any(mount.startswith(f"{name}:") for mount in SERVICES[name]["volumes"])


def test_prometheus_can_be_reloaded() -> None:
    assert "--web.enable-lifecycle" in SERVICES["prometheus"]["command"]
