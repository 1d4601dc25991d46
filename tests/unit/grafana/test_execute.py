from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from obsdeck.grafana.classic import parse
from obsdeck.grafana.execute import Planned, Result, plan, run, slowest
from obsdeck.grafana.resolve import resolve
from obsdeck.grafana.timerange import absolute

if TYPE_CHECKING:
    from obsdeck.grafana.sources import DataSources

HOUR = absolute(36_000_000, 39_600_000)


def panel(number: int, *targets: dict[str, Any], **more: Any) -> dict[str, Any]:
    listed = [{"refId": "ABC"[place], **one} for place, one in enumerate(targets)]
    return {
        "id": number,
        "type": "timeseries",
        "title": "of $x",
        "targets": listed,
        "gridPos": {"w": 12},
        **more,
    }


def planned(sources: DataSources, *panels: dict[str, Any], only: int = 0, **more: Any) -> tuple[Planned, ...]:
    variable = {
        "name": "x",
        "type": "custom",
        "query": "a,b",
        "multi": True,
        "current": {"value": ["a", "b"]},
    }
    dashboard = parse({"uid": "d", "panels": list(panels), "templating": {"list": [variable]}, **more})
    return plan(dashboard, resolve(dashboard, sources, HOUR), sources, HOUR, panel=only)


def answer(server: Any, path: str, *rows: Any) -> None:
    server.answers[path] = (200, json.dumps({"data": {"result": list(rows)}}))


def test_every_target_is_run_and_counted_in_order(sources: DataSources, server: Any) -> None:
    answer(server, "/api/v1/query_range", {"metric": {}, "values": [[1, "2"], [2, "NaN"]]})
    answer(server, "/api/v1/query", {"metric": {}, "value": [1, "NaN"]}, {"metric": {}, "value": [1, "3"]})
    answer(server, "/loki/api/v1/query_range", {"stream": {}, "values": [["1", "x"], ["2", "y"]]})
    server.answers["/api/search"] = (200, '{"traces": [{"traceID": "1"}]}')
    here = sources.at(dict.fromkeys(("prometheus", "loki", "tempo"), server.url))
    shown = run(
        planned(
            here,
            panel(1, {"expr": "up"}, {"expr": "up", "instant": True}),
            panel(2, {"expr": '{a="b"}'}, datasource={"uid": "loki"}),
            panel(3, {"query": "{}", "queryType": "traceql"}, datasource={"uid": "tempo"}),
        )
    )
    assert [(one.planned.panel, one.planned.ref_id, one.rows, one.points, one.error) for one in shown] == [
        (1, "A", 1, 1, ""),
        (1, "B", 2, 1, ""),
        (2, "A", 2, 2, ""),
        (3, "A", 1, 1, ""),
    ]
    assert all(one.seconds > 0 for one in shown)


def test_a_range_query_is_sent_with_the_panels_step_on_whole_steps(sources: DataSources, server: Any) -> None:
    answer(server, "/api/v1/query_range")
    run(planned(sources.at({"prometheus": server.url}), panel(1, {"expr": "up"}, maxDataPoints=70)))
    sent = parse_qs(urlsplit(server.asked[0]).query)
    assert (sent["start"], sent["end"], sent["step"]) == (["36000.0"], ["39600.0"], ["60.0"])


def test_what_the_server_says_is_told(sources: DataSources, server: Any) -> None:
    server.answers["/api/v1/query_range"] = (400, '{"status":"error","error":"1:3: parse error"}')
    (result,) = run(planned(sources.at({"prometheus": server.url}), panel(1, {"expr": "up{"})))
    assert result.error == "1:3: parse error"
    assert (result.planned.dashboard, result.planned.query and result.planned.query.expr) == ("d", "up{")


def test_a_server_that_is_away_is_told(sources: DataSources) -> None:
    (result,) = run(planned(sources, panel(1, {"expr": "up"})))
    assert "does not answer" in result.error


def test_what_cannot_be_run_says_why(sources: DataSources) -> None:
    found = planned(
        sources,
        panel(1, {"expr": "up", "hide": True}, {"expr": "up", "datasource": {"uid": "gone"}}),
        panel(2, {"datasource": {"type": "__expr__", "uid": "__expr__"}}, {"expr": ""}),
        panel(3, borrowed(1), borrowed(1, topic="annotations"), borrowed(9)),
    )
    assert [(one.note, one.broken) for one in found] == [
        ("hidden", False),
        ("there is no data source 'gone': declared are prometheus, tempo, loki", True),
        ("computed by Grafana itself", False),
        ("asks prometheus for nothing that can be run here", False),
        ("the panel 'of $x', whose data it shows, asks for nothing of the kind", True),
        ("the panel 'of $x', whose data it shows, asks for nothing of the kind", True),
        ("there is no panel 9 whose data it could show", True),
    ]
    assert [bool(one.error) for one in run(found)] == [False, True, False, False, True, True, True]


def borrowed(number: int, **more: str) -> dict[str, Any]:
    return {"panelId": number, "datasource": {"uid": "-- Dashboard --"}, **more}


def test_a_panel_shows_the_data_of_another_one_or_its_exemplars(sources: DataSources) -> None:
    lender = panel(1, {"expr": 'up{x=~"$x"}', "exemplar": True}, gridPos={"w": 6}, timeFrom="5m")
    found = planned(sources, lender, panel(2, borrowed(1), borrowed(1, topic="annotations"), type="table"))
    own, lent = ([one for one in found if one.panel == number] for number in (1, 2))
    assert [(one.ref_id, one.query and one.query.kind) for one in lent] == [
        ("A-A", "range"),
        ("B-A", "exemplars"),
    ]
    assert [replace(one.query, ref_id="") for one in own if one.query] == [
        replace(one.query, ref_id="") for one in lent if one.query
    ]


def test_a_panel_that_repeats_is_run_for_each_value(sources: DataSources) -> None:
    found = planned(sources, panel(1, {"expr": 'up{x=~"$x"}'}, repeat="x"))
    assert [(one.title, one.query and one.query.expr) for one in found] == [
        ("of a", 'up{x=~"a"}'),
        ("of b", 'up{x=~"b"}'),
    ]


def test_a_panel_may_have_a_range_of_its_own(sources: DataSources) -> None:
    (found,) = planned(sources, panel(1, {"expr": "up"}, timeFrom="10m", timeShift="1m"))
    assert found.query
    assert (found.query.range.start, found.query.range.end) == (38_940_000, 39_540_000)


def test_annotations_are_run_too_unless_one_panel_is_meant(sources: DataSources) -> None:
    listed = {"list": [{"name": "deployments", "expr": "changes(up[1m])", "enable": True}]}
    found = planned(sources, panel(1, {"expr": "up"}), panel(2, {"expr": "down"}), annotations=listed)
    assert [(one.panel, one.title) for one in found] == [
        (1, "of {a,b}"),
        (2, "of {a,b}"),
        (0, "annotation deployments"),
    ]
    only = planned(sources, panel(1, {"expr": "up"}), panel(2, {"expr": "down"}), only=2, annotations=listed)
    assert [one.panel for one in only] == [2]


def test_the_slowest_are_named_first() -> None:
    made = [Result(Planned("d", number, "", "A", None), seconds=number) for number in (2, 9, 4)]
    assert [one.planned.panel for one in slowest(made, 2)] == [9, 4]
