from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from obsdeck.errors import ConfigError
from obsdeck.grafana.classic import parse, read
from obsdeck.grafana.dashboard import Link, Reference

OTHERS = os.environ.get("OBSDECK_OTHER_DASHBOARDS", "")
"""A folder of dashboards that other people have published."""
OURS = sorted((Path(__file__).parents[3] / "observability/generated/dashboards").rglob("*.json"))


def panel(number: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "type": "timeseries", "title": f"panel {number}", **more}


def test_panels_of_rows_are_found_wherever_they_lie() -> None:
    collapsed = {"type": "row", "title": "closed", "collapsed": True, "panels": [panel(1)]}
    opened = {"type": "row", "title": "open", "repeat": "host", "panels": []}
    found = parse({"panels": [panel(5), collapsed, opened, panel(2), panel(3)]}).panels
    assert [(one.id, one.row, one.repeat) for one in found] == [
        (5, "", ""),
        (1, "closed", ""),
        (2, "open", "host"),
        (3, "open", "host"),
    ]
    old = parse({"rows": [{"title": "old", "panels": [panel(4, span=6)]}]}).panels
    assert [(one.id, one.row, one.width) for one in old] == [(4, "old", 12)]


def test_wrappers_are_taken_off() -> None:
    assert parse({"dashboard": {"uid": "a"}, "meta": {}}).uid == "a"
    assert parse({"apiVersion": "dashboard.grafana.app/v1", "spec": {"title": "b"}}).title == "b"


@pytest.mark.parametrize(
    ("own", "target", "meant"),
    [
        ({"uid": "p", "type": "prometheus"}, None, Reference("p", "prometheus")),
        ("Prometheus", None, Reference("Prometheus")),
        ({"uid": "p"}, {"uid": "${source}"}, Reference("${source}")),
        ({"uid": "-- Mixed --"}, {"uid": "loki", "type": "loki"}, Reference("loki", "loki")),
        ("-- Mixed --", None, Reference()),
        (None, None, Reference()),
    ],
)
def test_a_target_inherits_the_data_source_of_its_panel(own: Any, target: Any, meant: Reference) -> None:
    asked = {"refId": "A"} | ({"datasource": target} if target else {})
    (found,) = parse({"panels": [panel(1, datasource=own, targets=[asked])]}).panels
    assert found.targets[0].datasource == meant


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("label_values(up, job)", "label_values(up, job)"),
        ({"query": "label_values(up, job)", "refId": "x"}, "label_values(up, job)"),
        ({"label": "job", "type": 1}, "label_values(job)"),
        ({"label": "job", "stream": '{a="b"}', "type": 1}, 'label_values({a="b"}, job)'),
        (None, "label_values(down, job)"),
    ],
)
def test_the_query_of_a_variable_may_be_text_or_object(query: Any, text: str) -> None:
    model = {"name": "job", "type": "query", "query": query, "definition": "label_values(down, job)"}
    (found,) = parse({"templating": {"list": [model]}}).variables
    assert found.query == text


def test_links_of_fields_overrides_and_the_panel_are_found() -> None:
    config = {
        "defaults": {"links": [{"title": "a", "url": "/a"}], "noValue": "nothing yet"},
        "overrides": [{"properties": [{"id": "links", "value": [{"title": "b", "url": "/b"}]}]}],
    }
    (found,) = parse({"panels": [panel(1, fieldConfig=config, links=[{"title": "c", "url": "/c"}])]}).panels
    assert found.links == (Link("a", "/a"), Link("b", "/b"), Link("c", "/c"))
    assert found.no_value == "nothing yet"


def test_a_link_in_a_column_knows_the_name_behind_its_heading() -> None:
    link = {"id": "links", "value": [{"title": "a", "url": "/a"}]}
    config = {
        "overrides": [
            {"matcher": {"id": "byName", "options": heading}, "properties": [link]}
            for heading in ("Alert", "pack")
        ]
    }
    renamed = [{"id": "organize", "options": {"renameByName": {"alertname": "Alert"}}}]
    (found,) = parse({"panels": [panel(1, fieldConfig=config, transformations=renamed)]}).panels
    assert [one.column for one in found.links] == ["alertname", "pack"]


def test_a_library_panel_is_told() -> None:
    (found,) = parse({"panels": [panel(1, libraryPanel={"uid": "lib", "name": "x"})]}).panels
    assert found.library == "lib"


def test_the_built_in_annotation_is_left_out_and_one_that_is_switched_off_is_hidden() -> None:
    listed = [
        {"builtIn": 1, "name": "Annotations & Alerts"},
        {"name": "deployments", "enable": True, "datasource": {"uid": "p"}, "expr": "up"},
        {"name": "off", "enable": False, "target": {"expr": "down"}},
    ]
    found = parse({"annotations": {"list": listed}}).annotations
    assert [(one.ref_id, one.hidden, one.model["expr"]) for one in found] == [
        ("deployments", False, "up"),
        ("off", True, "down"),
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "no JSON"),
        ("[]", "no dashboard"),
        ('{"a": 1}', "no dashboard"),
        ('{"spec": {"elements": {}, "layout": {}}}', "second schema"),
    ],
)
def test_what_is_no_classic_dashboard_is_refused(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "some.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=why):
        read(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / "none.json")


@pytest.mark.parametrize(
    "path", OURS + (sorted(Path(OTHERS).glob("*.json")) if OTHERS else []), ids=lambda path: path.stem
)
def test_real_dashboards_are_read_whole(path: Path) -> None:
    found = read(path)
    text = path.read_text(encoding="utf-8")
    document = json.loads(text)
    assert found.title == document.get("dashboard", document)["title"]
    assert {one.model["expr"] for panel in found.panels for one in panel.targets if "expr" in one.model} == {
        one["expr"] for one in targets(document)
    }


def targets(node: Any) -> list[dict[str, Any]]:
    """Every object with a `refId` and an `expr` under a key `targets`, however deep."""
    if isinstance(node, list):
        return [one for item in node for one in targets(item)]
    if not isinstance(node, dict):
        return []
    own = [one for one in node.get("targets") or [] if isinstance(one, dict) and "expr" in one]
    return own + [one for key, value in node.items() if key != "targets" for one in targets(value)]
