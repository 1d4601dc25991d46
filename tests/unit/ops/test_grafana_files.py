"""What Grafana is provisioned with: data sources, links between them, the dashboard, the entrypoint."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from jsonschema import Draft7Validator

ROOT = Path(__file__).resolve().parents[3]
GRAFANA = ROOT / "ops" / "observability" / "grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
SCHEMAS = os.environ.get("OBSDECK_GRAFANA_SCHEMAS", "")
"""A folder of the JSON schemas that grafana-foundation-sdk publishes."""


def sources() -> dict[str, dict[str, Any]]:
    document = yaml.safe_load((GRAFANA / "provisioning/datasources/obsdeck.yaml").read_text(encoding="utf-8"))
    return {source["uid"]: source for source in document["datasources"]}


def dashboard(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def panels(path: Path) -> list[dict[str, Any]]:
    return [panel for panel in dashboard(path)["panels"] if panel["type"] != "row"]


def references(node: Any) -> list[str]:
    """All values under keys that name a data source by its uid, wherever they are."""
    if isinstance(node, dict):
        own = [value for key, value in node.items() if key == "datasourceUid" and isinstance(value, str)]
        return own + [uid for value in node.values() for uid in references(value)]
    if isinstance(node, list):
        return [uid for value in node for uid in references(value)]
    return []


def test_there_are_four_data_sources_with_fixed_uids() -> None:
    assert {uid: source["type"] for uid, source in sources().items()} == {
        name: name for name in ("prometheus", "tempo", "loki", "alertmanager")
    }
    assert [uid for uid, source in sources().items() if source.get("isDefault")] == ["prometheus"]


def test_links_between_data_sources_lead_to_one_that_exists() -> None:
    found = references(list(sources().values()))
    assert len(found) == 5
    assert set(found) <= sources().keys()


def test_the_way_from_each_signal_to_the_next_is_wired() -> None:
    exemplar = sources()["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert [(link["name"], link["datasourceUid"]) for link in exemplar] == [("trace_id", "tempo")]
    tempo = sources()["tempo"]["jsonData"]
    assert "trace_id" in tempo["tracesToLogsV2"]["query"]
    assert tempo["tracesToLogsV2"]["tags"] == [{"key": "service.name", "value": "service_name"}]
    assert all("$$__tags" in query["query"] for query in tempo["tracesToMetrics"]["queries"])
    field = sources()["loki"]["jsonData"]["derivedFields"][0]
    assert (field["matcherType"], field["matcherRegex"], field["datasourceUid"]) == (
        "label",
        "trace_id",
        "tempo",
    )


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_panels_have_ids_and_places_of_their_own(path: Path) -> None:
    everything = dashboard(path)["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    for one, other in combinations(everything, 2):
        a, b = one["gridPos"], other["gridPos"]
        apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        assert apart or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"], (one["title"], other["title"])


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_a_panel_explains_itself_and_its_emptiness(path: Path) -> None:
    for panel in panels(path):
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["description"], panel["title"]
        assert defaults["noValue"], panel["title"]
        assert defaults["links"], panel["title"]
        if panel["type"] == "timeseries":
            assert defaults["unit"], panel["title"]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_panels_ask_data_sources_that_are_provisioned(path: Path) -> None:
    for panel in panels(path):
        for target in panel["targets"]:
            uid = target["datasource"]["uid"]
            assert uid == "${datasource}" or uid in sources(), panel["title"]
            assert target["datasource"]["type"] in {"prometheus", "tempo", "loki"}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_links_of_a_panel_open_a_readable_query(path: Path) -> None:
    for panel in panels(path):
        for link in panel["fieldConfig"]["defaults"]["links"]:
            panes = json.loads(unquote(link["url"].partition("&panes=")[2]))
            (pane,) = panes.values()
            assert pane["datasource"] in sources()
            query = pane["queries"][0].get("query") or pane["queries"][0]["expr"]
            assert "${service}" in query


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_queries_use_only_variables_that_the_dashboard_has(path: Path) -> None:
    names = {variable["name"] for variable in dashboard(path)["templating"]["list"]}
    text = json.dumps([panel["targets"] for panel in panels(path)])
    used = set(re.findall(r"\$\{?([a-zA-Z_]\w*)", text))
    assert used <= names | {"__rate_interval"}


@pytest.mark.skipif(not SCHEMAS, reason="OBSDECK_GRAFANA_SCHEMAS names no folder of Grafana's JSON schemas")
@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_dashboards_follow_grafanas_schemas(path: Path) -> None:
    document = dashboard(path)
    for panel in document["panels"]:
        # The schema takes data links for dashboard links; the test above looks at them.
        panel.get("fieldConfig", {}).get("defaults", {}).pop("links", None)
    assert _faults("dashboard", document) == []
    for panel in panels(path):
        assert _faults(panel["type"], panel["options"], "Options") == [], panel["title"]
        custom = panel["fieldConfig"]["defaults"].get("custom")
        if custom:
            assert _faults(panel["type"], custom, "FieldConfig") == [], panel["title"]
        for target in panel["targets"]:
            assert _faults(target["datasource"]["type"], target) == [], panel["title"]


@pytest.mark.skipif(not SCHEMAS, reason="OBSDECK_GRAFANA_SCHEMAS names no folder of Grafana's JSON schemas")
def test_the_schemas_can_say_no() -> None:
    assert _faults("dashboard", {"panels": 5})


def _faults(schema: str, document: Any, definition: str = "") -> list[str]:
    content = json.loads((Path(SCHEMAS) / f"{schema}.jsonschema.json").read_text(encoding="utf-8"))
    if definition:
        content["$ref"] = f"#/definitions/{definition}"
    return [
        f"{list(error.path)}: {error.message[:200]}"
        for error in Draft7Validator(content).iter_errors(document)
    ]


def enter(data: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the entrypoint with a command that shows what it would start Grafana with."""
    return subprocess.run(
        ["/bin/sh", str(GRAFANA / "entrypoint.sh"), "env"],
        env={"PATH": os.defpath, "GF_PATHS_DATA": str(data), **environ},
        capture_output=True,
        text=True,
        check=True,
    )


def test_the_first_start_makes_a_password_and_shows_it_once(tmp_path: Path) -> None:
    first, second = enter(tmp_path), enter(tmp_path)
    password = (tmp_path / "admin-password").read_text(encoding="utf-8")
    assert re.fullmatch(r"[\w-]{24}", password)
    assert password in first.stdout
    assert password not in second.stdout
    assert stat.S_IMODE((tmp_path / "admin-password").stat().st_mode) == 0o600
    assert f"GF_SECURITY_ADMIN_PASSWORD=$__file{{{tmp_path}/admin-password}}" in second.stdout


def test_two_installations_have_different_passwords(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        enter(tmp_path / name)
    assert len({(tmp_path / name / "admin-password").read_text() for name in ("one", "other")}) == 2


def test_a_given_password_is_taken_and_never_shown(tmp_path: Path) -> None:
    done = enter(tmp_path, OBSDECK_GRAFANA_PASSWORD="a secret % \\n")
    assert (tmp_path / "admin-password").read_text(encoding="utf-8") == "a secret % \\n"
    assert "a secret" not in done.stdout + done.stderr
