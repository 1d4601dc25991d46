"""Every query of every generated dashboard, run on running stacks as Grafana would run it, with traffic.

A panel that stays empty must say why in its pack (`empty:`), and that this traffic cannot fill it is written
down here: otherwise a wrong query could hide behind a good reason.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from obsdeck.grafana import classic, execute
from obsdeck.packs import deck
from obsdeck.packs.dashboards.identity import panel_id
from tests.conftest import Machine
from tests.stack import conftest
from tests.stack.conftest import DASHBOARDS, ROOT, LostError, Observed, running_postgres, running_redis

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from obsdeck.grafana.sources import DataSources

pytestmark = pytest.mark.stack

DATABASES = [path for path in DASHBOARDS if path.stem in {"obsdeck-postgres", "obsdeck-redis"}]
OTHERS = [path for path in DASHBOARDS if path not in DATABASES]
QUIET = {
    "obsdeck-debug": {"Failed calls"},
    "obsdeck-http": {
        "Refused by the guard",
        "Calls per second",
        "Failed calls per second",
        "Duration of calls",
        "Database operations per second",
        "Failed database operations per second",
        "Duration of database operations",
    },
    "obsdeck-python": {"Processes started", "Youngest process", "Processes that died young"},
    "obsdeck-slo": {"Days until the budget is spent"},
    "obsdeck-alerts": {
        "What fires",
        "What has fired",
        "Notifications",
        "Failed notifications",
        "Attempts that failed",
        "Time of a notification",
        "Not sent on purpose",
    },
    "obsdeck-pipeline": {"Minutes until a queue is full"},
    "obsdeck-pipeline-services": {"Why handing over fails", "Metrics that overflow"},
    "obsdeck-pipeline-backends": {"Lines refused", "Spans discarded"},
    "obsdeck-postgres": {
        "Late by",
        "What connections wait for",
        "Waiting for a lock",
        "Dead rows",
        "Longest without autovacuum",
        "Autovacuum at work",
        "Statements that take the most time",
        "Slow statements",
        "Replication lag",
        "Bytes behind",
        "Slots in use",
        "Log kept for slots",
        "Hears from its primary",
        "Collectors that fail",
    },
    "obsdeck-redis": {
        "Hits",
        "Keys",
        "99th percentile of a command",
        "Errors that tell something",
        "Link to the primary",
        "Bytes behind",
    },
}
"""Panels that a healthy stack with the quickstart's traffic does not fill."""
ONLY_TEMPO = {
    "obsdeck-http": {"Service graph", "Requests between services"},
    "obsdeck-pipeline-backends": {"Traces in memory", "Service graph"},
}
ONLY_EMBEDDED = {"obsdeck-pipeline-backends": {"Files of the embedded trace store"}}
MACHINE = "obsdeck-host"
"""The dashboard of which each machine fills another part: what it says of itself must do."""


def titles(path: Path) -> str:
    return path.stem.removeprefix("obsdeck-")


@pytest.fixture(scope="module")
def reasons() -> dict[tuple[str, int], str]:
    """Why a panel may be empty, as its pack says; by the dashboard's uid and the panel's number."""
    catalog = deck.read([ROOT / "observability" / "packs"]).catalog
    return {
        (board.value.uid, panel_id(board.value.uid, panel.value)): panel.value.empty or ""
        for board, panel in catalog.panels.values()
    }


def empty(world: Observed, path: Path, srcs: DataSources) -> dict[int, str]:
    """The panels that show nothing: number to title."""
    dashboard = classic.read(path)
    full = {one.planned.panel for one in execute.run(world.plan(dashboard, srcs)) if one.points}
    return {one.id: one.title for one in dashboard.panels if one.targets and one.id not in full}


def check_filled(world: Observed, path: Path, reasons: dict[tuple[str, int], str]) -> None:
    """Every panel shows something, but those that cannot here, and say why."""
    uid = classic.read(path).uid
    left = empty(world, path, world.stack.sources())
    excused = {title for number, title in left.items() if reasons[uid, number]}
    if uid != MACHINE:
        other = ONLY_EMBEDDED if world.has_tempo else ONLY_TEMPO
        excused &= QUIET.get(uid, set()) | other.get(uid, set())
    if wrong := sorted(set(left.values()) - excused):
        raise LostError(f"{uid}: nothing is shown by {wrong}")


def check_runs(world: Observed, path: Path) -> None:
    """Over its own range every variable has choices, every query is accepted and holds nothing unknown."""
    dashboard, srcs = classic.read(path), world.stack.sources()
    variables, _ = world.resolved(dashboard, srcs, dashboard.time)
    # The quickstart is in no environment; then All is all there is.
    problems = [(one.variable.name, one.problem) for one in variables if one.problem]
    if any(name != "environment" for name, _ in problems):
        raise LostError(f"variables without choices: {problems}")
    shown = execute.run(world.plan(dashboard, srcs, dashboard.time))
    asked = [one.planned.query for one in shown if one.planned.query]
    assert {one.planned.panel for one in shown} >= {one.id for one in dashboard.panels if one.targets}
    assert [(one.planned.title, one.error) for one in shown if one.error] == []
    assert [(query.expr, query.unknown) for query in asked if query.unknown] == []


@pytest.fixture(autouse=True)
def emitters(request: pytest.FixtureRequest) -> None:
    """node_exporter is optional."""
    if "observed" in request.fixturenames and request.getfixturevalue("path").stem == MACHINE:
        stack = request.getfixturevalue("observed").stack
        if "node-exporter" not in stack.urls:
            pytest.skip("node_exporter is not there")


@pytest.mark.parametrize("path", OTHERS, ids=titles)
def test_every_query_of_a_dashboard_runs(observed: Observed, path: Path) -> None:
    observed.until_found(lambda: check_runs(observed, path))


@pytest.mark.parametrize("path", OTHERS, ids=titles)
def test_no_panel_is_empty_but_those_that_say_why(
    observed: Observed, path: Path, reasons: dict[tuple[str, int], str]
) -> None:
    observed.until_found(lambda: check_filled(observed, path, reasons))


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """A stack that watches a real PostgreSQL and a real Redis."""
    ports = Machine.free_ports(2)
    with ExitStack() as servers:
        postgres = servers.enter_context(running_postgres(ports[0]))
        redis, _ = servers.enter_context(running_redis(ports[1]))
        addresses = {"OBSDECK_POSTGRES_URL": postgres, "OBSDECK_REDIS_URL": redis}
        folder = tmp_path_factory.mktemp("watching")
        settings = {**conftest.programs_of_embedded(), **conftest.often(folder), **addresses}
        stack = servers.enter_context(conftest.started(folder, settings, ("postgres", "redis")))
        url = servers.enter_context(conftest.quickstart(stack))
        yield Observed(stack, url, conftest.ask_once(stack, url), has_tempo=False)


@pytest.mark.parametrize("path", DATABASES, ids=titles)
def test_every_query_of_a_databases_dashboard_runs(watching: Observed, path: Path) -> None:
    watching.until_found(lambda: check_runs(watching, path))


@pytest.mark.parametrize("path", DATABASES, ids=titles)
def test_no_panel_of_a_database_is_empty_but_those_that_say_why(
    watching: Observed, path: Path, reasons: dict[tuple[str, int], str]
) -> None:
    watching.until_found(lambda: check_filled(watching, path, reasons))


@pytest.fixture
def http_dashboard() -> Path:
    (found,) = [path for path in DASHBOARDS if path.stem == "obsdeck-http"]
    return found


def test_a_panel_that_finds_nothing_is_found(
    with_embedded_store: Observed,
    http_dashboard: Path,
    tmp_path: Path,
    reasons: dict[tuple[str, int], str],
) -> None:
    document = json.loads(http_dashboard.read_text(encoding="utf-8"))
    panel = next(one for one in document["panels"] if one.get("targets"))
    panel["targets"] = [{**panel["targets"][0], "expr": "a_metric_that_nobody_sends"}]
    document["panels"] = [panel]
    path = tmp_path / "dashboard.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(LostError, match=panel["title"]):
        check_filled(with_embedded_store, path, reasons)


def test_a_query_that_is_refused_is_told_with_its_place(
    with_embedded_store: Observed, http_dashboard: Path
) -> None:
    dashboard = classic.read(http_dashboard)
    panel = next(one for one in dashboard.panels if one.targets)
    wrong = replace(panel.targets[0], model={"expr": "sum by ("})
    broken = replace(dashboard, panels=(replace(panel, targets=(wrong,)),), annotations=())
    world = with_embedded_store
    (result,) = execute.run(world.plan(broken, world.stack.sources()))
    assert "parse error" in result.error
    assert (result.planned.panel, result.planned.ref_id) == (panel.id, panel.targets[0].ref_id)
