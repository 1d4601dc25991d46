"""Every query of every dashboard, run on a running stack as Grafana would run it, with traffic of a service.

A panel that stays empty must be on the dashboard's own list of those that may, and say why in its `noValue`.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from obsdeck.grafana import classic, execute, resolve, timerange
from tests.stack.test_links import DASHBOARDS, read_sources, service, traffic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from obsdeck.grafana.dashboard import Dashboard
    from obsdeck.grafana.sources import DataSources
    from tests.stack.conftest import Stack


@dataclass(frozen=True)
class Served:
    """A stack with a service that sends to it."""

    stack: Stack
    sources: DataSources
    url: str


@pytest.fixture(scope="module")
def served(stack: Stack) -> Iterator[Served]:
    with service(stack) as url:
        yield Served(stack, read_sources(stack), url)


def results(path: Path, sources: DataSources) -> tuple[execute.Result, ...]:
    return execute.run(planned(classic.read(path), sources))


def planned(dashboard: Dashboard, sources: DataSources) -> tuple[execute.Planned, ...]:
    span = timerange.parse(*dashboard.time, now=time.time_ns() // 10**6)
    variables = resolve.resolve(dashboard, sources, span, {"service": ("quickstart",)})
    return execute.plan(dashboard, variables, sources, span)


def resolved(path: Path, sources: DataSources) -> bool:
    """Whether every variable has something to choose from."""
    dashboard = classic.read(path)
    span = timerange.parse(*dashboard.time, now=time.time_ns() // 10**6)
    return not any(one.problem for one in resolve.resolve(dashboard, sources, span))


def empty(path: Path, sources: DataSources) -> set[str]:
    """The panels that show nothing, and of which the dashboard does not say that they may."""
    full = {one.planned.panel for one in results(path, sources) if one.points}
    dashboard = classic.read(path)
    return {
        panel.title
        for panel in dashboard.panels
        if panel.targets
        and panel.id not in full
        and not (panel.id in dashboard.may_be_empty and panel.no_value)
    }


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_query_of_a_dashboard_runs_and_nothing_in_it_is_unknown(served: Served, path: Path) -> None:
    traffic(served.url)
    served.stack.until(lambda: resolved(path, served.sources), 60)
    shown = results(path, served.sources)
    asked = [one.planned.query for one in shown if one.planned.query]
    assert {one.planned.panel for one in shown} >= {
        one.id for one in classic.read(path).panels if one.targets
    }
    assert [(one.planned.title, one.error) for one in shown if one.error] == []
    assert [(query.expr, query.unknown) for query in asked if query.unknown] == []


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_no_panel_is_empty_that_may_not_be(served: Served, path: Path) -> None:
    deadline = time.monotonic() + 60
    while (left := empty(path, served.sources)) and time.monotonic() < deadline:
        traffic(served.url)
    assert left == set()


def test_a_panel_that_finds_nothing_is_found(served: Served, tmp_path: Path) -> None:
    document = json.loads(DASHBOARDS[0].read_text(encoding="utf-8"))
    panel = next(one for one in document["panels"] if one.get("targets"))
    panel["targets"] = [{**panel["targets"][0], "expr": "a_metric_that_nobody_sends"}]
    document["panels"] = [panel]
    path = tmp_path / "dashboard.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert empty(path, served.sources) == {panel["title"]}
    listed = {"name": "may_be_empty", "type": "constant", "hide": 2, "query": str(panel["id"])}
    document["templating"]["list"].append(listed)
    path.write_text(json.dumps(document), encoding="utf-8")
    assert empty(path, served.sources) == set()


def test_a_query_that_is_refused_is_told_with_its_place(served: Served) -> None:
    dashboard = classic.read(DASHBOARDS[0])
    panel = next(one for one in dashboard.panels if one.targets)
    wrong = replace(panel.targets[0], model={"expr": "sum by ("})
    broken = replace(dashboard, panels=(replace(panel, targets=(wrong,)),))
    (result,) = execute.run(planned(broken, served.sources))
    assert "parse error" in result.error
    assert (result.planned.panel, result.planned.ref_id) == (panel.id, panel.targets[0].ref_id)
