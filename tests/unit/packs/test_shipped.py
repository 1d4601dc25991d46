"""The packs that obsdeck ships, and what is generated from them: sound, fresh, accepted by its readers."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft7Validator

from obsdeck.grafana import explore
from obsdeck.packs import deck, generate
from obsdeck.packs import promtool as tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obsdeck.packs.deck import Deck

ROOT = Path(__file__).resolve().parents[3]
SCHEMAS = os.environ.get("OBSDECK_GRAFANA_SCHEMAS", "")
"""A folder of the JSON schemas that grafana-foundation-sdk publishes."""
TEXT = {"row", "text"}
WITHOUT_NUMBERS = TEXT | {"logs", "traces", "nodeGraph"}
ADDRESS = re.compile(r"/d/([\w-]+)\?viewPanel=(\d+)")
BUILT_IN = {"-- Dashboard --", "-- Grafana --"}


@dataclass(frozen=True)
class Generated:
    """The generated files, read as their readers read them.

    Attributes:
        dashboards: By path.
        rules: By path, the rules of all groups.
        sources: Data sources by uid.
    """

    dashboards: dict[str, dict[str, Any]]
    rules: dict[str, list[dict[str, Any]]]
    sources: dict[str, dict[str, Any]]

    def panels(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every panel and row, with what to call it."""
        for board in self.dashboards.values():
            for top in board["panels"]:
                for one in (top, *top.get("panels", ())):
                    yield f"{board['uid']}/{one['title']}", one

    def shown(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every panel that asks for something."""
        return ((name, one) for name, one in self.panels() if one["type"] not in TEXT)

    def alerts(self) -> Iterator[dict[str, Any]]:
        return (rule for rules in self.rules.values() for rule in rules if "alert" in rule)


@pytest.fixture(scope="module")
def shipped() -> Deck:
    return deck.read([ROOT / "observability" / "packs"])


@pytest.fixture(scope="module")
def generated(shipped: Deck) -> Generated:
    files = generate.files(shipped.catalog)
    read = {
        path: json.loads(text) if path.endswith("json") else yaml.safe_load(text)
        for path, text in files.items()
    }
    return Generated(
        {path: document for path, document in read.items() if path.startswith("dashboards/")},
        {
            path: [rule for group in document["groups"] for rule in group["rules"]]
            for path, document in read.items()
            if path.startswith("rules/")
        },
        {source["uid"]: source for source in read["datasources/obsdeck.yaml"]["datasources"]},
    )


def repeated(values: Iterator[object]) -> list[object]:
    return [value for value, count in Counter(values).items() if count > 1]


def test_nothing_is_found(shipped: Deck) -> None:
    assert [f"{one.place.path}:{one.place.line} {one.check}: {one.message}" for one in shipped.findings] == []


def test_the_generated_files_are_those_of_the_packs(shipped: Deck) -> None:
    drift = generate.drift(generate.files(shipped.catalog), ROOT / "observability" / "generated")
    assert [f"{one.kind} {one.path}" for one in drift] == [], "run obsdeck generate"


def test_prometheus_accepts_the_rules_and_runs_their_tests(shipped: Deck, promtool: Path) -> None:
    assert [f"{one.place.path}: {one.why}" for one in tool.run(promtool, shipped.catalog)] == []


def test_every_pack_of_the_project_is_there(shipped: Deck) -> None:
    names = {
        "http",
        "python",
        "pipeline",
        "logs",
        "debug",
        "slo",
        "host",
        "postgres",
        "redis",
        "alertmanager",
    }
    assert names <= {pack.name for pack in shipped.catalog.packs}
    assert all(pack.dashboards for pack in shipped.catalog.packs)


# --- Dashboards ---------------------------------------------------------------------------------------


def test_uids_and_ids_are_unique(generated: Generated) -> None:
    assert repeated(board["uid"] for board in generated.dashboards.values()) == []
    assert repeated(board["title"] for board in generated.dashboards.values()) == []
    for path, board in generated.dashboards.items():
        ids = (one["id"] for top in board["panels"] for one in (top, *top.get("panels", ())))
        assert repeated(ids) == [], path


def test_a_dashboard_lies_in_the_folder_of_its_pack(shipped: Deck, generated: Generated) -> None:
    expected = {
        f"dashboards/{pack.about.value.folder}/{board.value.uid}.json"
        for pack in shipped.catalog.packs
        for board in pack.dashboards
    }
    assert expected == {path for path in generated.dashboards if not path.startswith("dashboards/Runbooks/")}


def test_panels_do_not_overlap(generated: Generated) -> None:
    for path, board in generated.dashboards.items():
        for level in (board["panels"], *(one.get("panels", ()) for one in board["panels"])):
            for one, other in combinations(level, 2):
                a, b = one["gridPos"], other["gridPos"]
                beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
                above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
                assert beside or above, (path, one["title"], other["title"])


def test_every_panel_says_how_to_read_it(generated: Generated) -> None:
    panels = [(name, one) for name, one in generated.panels() if one["type"] != "row"]
    assert len(panels) > 100
    assert [name for name, one in panels if not (one["title"] and one["description"])] == []


def test_every_panel_says_why_it_is_empty_and_what_its_numbers_are(generated: Generated) -> None:
    lacking = [
        (name, key)
        for name, one in generated.shown()
        for key in ("noValue", *(() if one["type"] in WITHOUT_NUMBERS else ("unit",)))
        if not one["fieldConfig"]["defaults"].get(key)
    ]
    assert lacking == []


def test_numbers_of_services_lead_to_their_traces_and_log_lines(generated: Generated) -> None:
    """Those that are of a service are the ones that the variable `service` narrows."""
    lacking = []
    for name, one in generated.shown():
        asked = [target.get("expr", "") for target in one["targets"]]
        of_service = (
            asked and all("$service" in expr for expr in asked) and one["type"] not in WITHOUT_NUMBERS
        )
        if of_service and not one["fieldConfig"]["defaults"]["links"]:
            lacking.append(name)
    assert lacking == []


def test_links_of_a_panel_open_a_query_of_a_data_source(generated: Generated) -> None:
    followed = 0
    for name, one in generated.shown():
        for link in one["fieldConfig"]["defaults"]["links"]:
            (pane,) = explore.panes(link["url"])
            assert pane.datasource in generated.sources, name
            assert pane.queries[0].get("query") or pane.queries[0]["expr"], name
            followed += 1
    assert followed > 50


def test_panels_ask_data_sources_that_are_provisioned(generated: Generated) -> None:
    for name, one in generated.shown():
        for target in one["targets"]:
            uid = target["datasource"]["uid"]
            assert uid == "${datasource}" or uid in generated.sources or uid in BUILT_IN, name


def test_queries_use_only_variables_that_the_dashboard_has(generated: Generated) -> None:
    for path, board in generated.dashboards.items():
        names = {variable["name"] for variable in board["templating"]["list"]}
        every = [one for top in board["panels"] for one in (top, *top.get("panels", ()))]
        text = json.dumps([[one.get("targets") for one in every], board["annotations"], board["templating"]])
        used = {name for name in re.findall(r"\$\{?([a-zA-Z_]\w*)", text) if not name.startswith("__")}
        assert used <= names, path


def test_every_address_of_a_panel_leads_to_one(generated: Generated) -> None:
    """In links of panels and columns, in pages of runbooks, and in labels of rules."""
    there = {
        (board["uid"], one["id"])
        for board in generated.dashboards.values()
        for top in board["panels"]
        for one in (top, *top.get("panels", ()))
    }
    text = json.dumps([generated.dashboards, generated.rules])
    found = {(uid, int(number)) for uid, number in ADDRESS.findall(text)}
    assert len(found) > 30
    assert sorted(found - there) == []
    uids = {board["uid"] for board in generated.dashboards.values()}
    assert set(re.findall(r"/d/([\w-]+)", text)) <= uids


# --- Rules --------------------------------------------------------------------------------------------


def test_alerts_say_what_happened_and_what_to_do(generated: Generated) -> None:
    boards = {board["uid"]: board for board in generated.dashboards.values()}
    for alert in generated.alerts():
        name, words = alert["alert"], alert["annotations"]
        assert alert["labels"]["severity"] in {"critical", "warning", "info", "none"}, name
        assert words["summary"], name
        assert words["description"], name
        assert (ROOT / words["runbook_url"]).is_file(), name
        every = [one for top in boards[words["dashboard"]]["panels"] for one in (top, *top.get("panels", ()))]
        assert int(words["panel"]) in {one["id"] for one in every}, name


def test_every_runbook_is_that_of_an_alert(shipped: Deck, generated: Generated) -> None:
    answered = {alert["annotations"]["runbook_url"] for alert in generated.alerts()}
    packs = {pack.name for pack in shipped.catalog.packs}
    there = {
        str(path.relative_to(ROOT)) for path in (ROOT / "runbooks").rglob("*.md") if path.parent.name in packs
    }
    assert there == answered


def test_every_alert_tells_where_it_is_shown(generated: Generated) -> None:
    told = [
        rule["labels"]["alertname"]
        for rules in generated.rules.values()
        for rule in rules
        if rule.get("record") == "obsdeck_alert_info"
    ]
    assert sorted(told) == sorted({alert["alert"] for alert in generated.alerts()})


# --- Grafana's schemas --------------------------------------------------------------------------------

needs_schemas = pytest.mark.skipif(
    not SCHEMAS, reason="OBSDECK_GRAFANA_SCHEMAS names no folder of Grafana's JSON schemas"
)
DATA_LINK = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "url"],
    "properties": {
        "title": {"type": "string"},
        "url": {"type": "string"},
        "targetBlank": {"type": "boolean"},
    },
}


def schema(name: str, definition: str = "") -> Draft7Validator:
    content = json.loads((Path(SCHEMAS) / f"{name}.jsonschema.json").read_text(encoding="utf-8"))
    if definition:
        content["$ref"] = f"#/definitions/{definition}"
    _correct(name, content["definitions"])
    return Draft7Validator(content)


def _correct(name: str, definitions: dict[str, Any]) -> None:
    """The places where the published schemas are not what Grafana reads.

    Go's `any` is written as an object in the value of an override and in the options of a matcher. The links
    of a field are data links, and are written as links of a dashboard. The kinds of a table's cell differ by
    the default of their type alone, so most are several kinds at once.
    """
    if name == "dashboard":
        for owner, key in (("DynamicConfigValue", "value"), ("MatcherConfig", "options")):
            assert definitions[owner]["properties"][key]["type"] == "object"
            definitions[owner]["properties"][key] = {}
        definitions["FieldConfig"]["properties"]["links"] = {"type": "array", "items": DATA_LINK}
    if name == "table":
        definitions["TableCellOptions"]["anyOf"] = definitions["TableCellOptions"].pop("oneOf")


def faults(validator: Draft7Validator, document: Any) -> list[str]:
    return [f"{list(error.path)}: {error.message[:200]}" for error in validator.iter_errors(document)]


@needs_schemas
def test_dashboards_follow_grafanas_schema(generated: Generated) -> None:
    whole, panel, row = schema("dashboard"), schema("dashboard", "Panel"), schema("dashboard", "RowPanel")
    for path, board in generated.dashboards.items():
        assert faults(whole, {**board, "panels": []}) == [], path
    for name, one in generated.panels():
        is_row = one["type"] == "row"
        assert faults(row if is_row else panel, {**one, "panels": []} if is_row else one) == [], name


@needs_schemas
def test_options_and_fields_follow_the_schemas_of_their_panels(generated: Generated) -> None:
    checked = 0
    for name, one in generated.panels():
        file = one["type"].replace("-", "").lower()
        if not (Path(SCHEMAS) / f"{file}.jsonschema.json").is_file():
            assert one["type"] in {"row", "traces"}, name  # Grafana publishes none of these
            continue
        assert faults(schema(file, "Options"), one["options"]) == [], name
        custom = one.get("fieldConfig", {}).get("defaults", {}).get("custom")
        if custom:
            assert faults(schema(file, "FieldConfig"), custom) == [], name
        checked += 1
    assert checked > 100


@needs_schemas
def test_queries_follow_the_schemas_of_their_data_sources(generated: Generated) -> None:
    for name, one in generated.shown():
        for target in one["targets"]:
            if target["datasource"]["type"] != "datasource":  # Grafana's own, which shares a panel's data
                assert faults(schema(target["datasource"]["type"]), target) == [], name


@needs_schemas
def test_the_schemas_can_say_no() -> None:
    assert faults(schema("dashboard"), {"panels": 5})
    assert faults(
        schema("dashboard", "Panel"), {"type": "stat", "fieldConfig": {"defaults": {"links": [{}]}}}
    )
    assert faults(schema("timeseries", "Options"), {"legend": 5})
    assert faults(schema("loki"), {"expr": 5})
