"""Run every query of a dashboard as Grafana would, and tell of each what came back and how long it took."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from obsdeck.errors import ObsdeckError
from obsdeck.grafana import ask, interval, timerange
from obsdeck.grafana.interpolate import interpolate
from obsdeck.grafana.queries import Query, Request, prepare
from obsdeck.grafana.resolve import scope_of, source_of
from obsdeck.grafana.variables import Value, of_dashboard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from obsdeck.grafana.dashboard import Dashboard, Panel, Target
    from obsdeck.grafana.resolve import Resolved
    from obsdeck.grafana.sources import DataSources
    from obsdeck.grafana.timerange import TimeRange
    from obsdeck.grafana.variables import Scope

SCREEN = 1_920
"""Pixels of the screen whose width a panel has a share of: as many points are asked for."""

WORKERS = 8
"""Queries under way at once: about as many as a browser sends."""

DASHBOARD = "-- Dashboard --"
"""The data source of a panel that shows what another panel of the dashboard has asked for."""

_COLUMNS = 24
_NOT_RUN = frozenset({DASHBOARD, "-- Grafana --", "__expr__", "grafana"})


@dataclass(frozen=True)
class Planned:
    """One query of a dashboard before it is run.

    Attributes:
        dashboard: The dashboard's uid.
        panel: The panel's number, 0 for an annotation.
        title: The panel's title, or the annotation's name, with values in it.
        ref_id: The query's name in the panel.
        query: What is asked; None where nothing can be.
        note: Why nothing can be asked.
        broken: Whether that is a fault, and not what the panel is meant to do.
    """

    dashboard: str
    panel: int
    title: str
    ref_id: str
    query: Query | None
    note: str = ""
    broken: bool = False


@dataclass(frozen=True)
class Result:
    """One query of a dashboard after it was run.

    Attributes:
        planned: Where it comes from, and what was asked.
        rows: Series, lines, traces or spans.
        points: Numbers in them that are none of `NaN`; with lines, traces and spans the same as `rows`.
        seconds: From asking until the answer was read.
        error: What went wrong, empty when nothing did.
    """

    planned: Planned
    rows: int = 0
    points: int = 0
    seconds: float = 0.0
    error: str = ""


def plan(
    dashboard: Dashboard,
    resolved: tuple[Resolved, ...],
    sources: DataSources,
    span: TimeRange,
    *,
    panel: int = 0,
) -> tuple[Planned, ...]:
    """Every query of a dashboard: of its panels, hidden ones told but not run, and of its annotations.

    Args:
        dashboard: The dashboard.
        resolved: Its variables.
        sources: All data sources.
        span: The time range.
        panel: The one panel that is meant; all and the annotations by default.
    """
    scope = {**of_dashboard(dashboard.uid, dashboard.title), **scope_of(resolved)}
    planned: list[Planned] = []
    for one in dashboard.panels:
        if panel in {0, one.id}:
            for values in _repeated(one, scope):
                place = Planned(dashboard.uid, one.id, interpolate(one.title, values).text, "", None)
                request = _request(one, sources, span, values)
                for target in one.targets:
                    planned += (
                        _borrowed(replace(place, ref_id=target.ref_id), target, dashboard, request)
                        if target.datasource.uid == DASHBOARD
                        else _targets(place, target, request)
                    )
    if not panel:
        for target in dashboard.annotations:
            place = Planned(dashboard.uid, 0, f"annotation {target.ref_id}", "", None)
            planned += _targets(place, target, Request(sources, span, scope))
    return tuple(planned)


def run(planned: Iterable[Planned], workers: int = WORKERS) -> tuple[Result, ...]:
    """Run what was planned, so many at once, and answer in the same order. Faults are told in the results."""
    with ThreadPoolExecutor(max_workers=workers) as pool:
        return tuple(pool.map(_run, planned))


def slowest(results: Iterable[Result], count: int = 5) -> tuple[Result, ...]:
    """Those that took longest, the slowest first."""
    return tuple(sorted(results, key=lambda result: -result.seconds)[:count])


def _run(planned: Planned) -> Result:
    if planned.query is None:
        return Result(planned, error=planned.note if planned.broken else "")
    begun = time.perf_counter()
    try:
        rows = ask.ask(planned.query)
    except ObsdeckError as error:
        return Result(planned, seconds=time.perf_counter() - begun, error=ask.reason(error))
    return Result(planned, len(rows), ask.points(rows), time.perf_counter() - begun)


def _targets(place: Planned, target: Target, request: Request) -> Iterator[Planned]:
    """The queries of one target, or one entry that says why there is none."""
    place = replace(place, ref_id=target.ref_id)
    if target.hidden:
        yield replace(place, note="hidden")
        return
    if target.datasource.uid in _NOT_RUN or target.datasource.type in {"datasource", "__expr__"}:
        yield replace(place, note="computed by Grafana itself")
        return
    try:
        source = source_of(target.datasource, request.sources, request.scope)
        queries = prepare(target.model, target.ref_id, source, request)
    except ObsdeckError as error:
        yield replace(place, note=ask.reason(error), broken=True)
        return
    if not queries:
        yield replace(place, note=f"asks {source.type} for nothing that can be run here")
    for query in queries:
        yield replace(place, ref_id=query.ref_id, query=query)


def _borrowed(place: Planned, target: Target, dashboard: Dashboard, request: Request) -> Iterator[Planned]:
    """The queries of another panel: those of its data, or, as its annotations, those of its exemplars."""
    number, topic = target.model.get("panelId"), target.model.get("topic")
    lender = next((panel for panel in dashboard.panels if panel.id == number), None)
    if lender is None:
        yield replace(place, note=f"there is no panel {number} whose data it could show", broken=True)
        return
    lent = _request(lender, request.sources, request.range, request.scope)
    found = [
        replace(one, ref_id=f"{place.ref_id}-{one.ref_id}")
        for other in lender.targets
        for one in _targets(place, other, lent)
        if one.query and (one.query.kind == "exemplars") == (topic == "annotations")
    ]
    missing = f"the panel {lender.title!r}, whose data it shows, asks for nothing of the kind"
    yield from found or [replace(place, note=missing, broken=True)]


def _request(panel: Panel, sources: DataSources, span: TimeRange, values: Scope) -> Request:
    return Request(sources, _range_of(panel, span), values, _width(panel), panel.interval)


def _repeated(panel: Panel, scope: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The values with which a panel is shown: once, or once for each value of the variable it repeats by."""
    several = scope.get(panel.repeat)
    if not isinstance(several, Value) or not several.values or several.verbatim:
        yield scope
        return
    for one in several.values:
        yield {**scope, panel.repeat: replace(several, value=one, text=one, all=False)}


def _range_of(panel: Panel, span: TimeRange) -> TimeRange:
    """The dashboard's, or the panel's own; earlier where the panel says so."""
    own = interval.parse(panel.time_from.removeprefix("now-"))
    span = timerange.absolute(span.end - own, span.end) if own else span
    shift = interval.parse(panel.time_shift.removeprefix("now-"))
    return span.shifted(shift) if shift else span


def _width(panel: Panel) -> int:
    return panel.max_points or max(SCREEN * panel.width // _COLUMNS, 1)
