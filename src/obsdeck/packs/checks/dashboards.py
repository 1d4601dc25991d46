"""Dashboards: their uids, panels, levels, and what each panel asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from obsdeck import names
from obsdeck.packs import levels, promql, queries
from obsdeck.packs.catalog import panels
from obsdeck.packs.checks import counters
from obsdeck.packs.checks import queries as query_checks
from obsdeck.packs.dashboards.identity import panel_id
from obsdeck.packs.dashboards.panels import exemplified
from obsdeck.packs.dashboards.variables import names_of
from obsdeck.packs.findings import Finding, close
from obsdeck.packs.model.dashboard import Variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.model.dashboard import DashboardFile, Panel, Query
    from obsdeck.packs.source import Place, Sourced

_MEASURES = {
    "counter": {"rate", "per_minute", "increase", "share"},
    "histogram": {"rate", "per_minute", "increase", "share", "mean", "quantile", "buckets"},
    "gauge": {"last", "age"},
    "updowncounter": {"last"},
}


def check(catalog: Catalog) -> Iterator[Finding]:
    """Faults of every dashboard."""
    seen: dict[str, str] = {}
    for pack in catalog.packs:
        for board in pack.dashboards:
            uid = board.value.uid
            if uid in seen:
                why = f"{seen[uid]} has it too"
                yield Finding("duplicate-uid", f"the uid {uid!r} is taken", board.place("uid"), why=why)
            seen[uid] = str(board.document.path)
            yield from _variables(board, catalog)
            yield from _panels(board, catalog)


def _variables(board: Sourced[DashboardFile], catalog: Catalog) -> Iterator[Finding]:
    known: set[str] = set()
    for index, one in enumerate(board.value.variables):
        name = one.name if isinstance(one, Variable) else one
        if name in known:
            yield Finding("duplicate-variable", f"${name} is there twice", board.place("variables", index))
        known.add(name)
        if isinstance(one, Variable) and one.of and one.of not in catalog.recorded:
            place = board.place("variables", index, "of")
            yield from _signal(one.of, (one.attribute or "",), place, catalog)


def _panels(board: Sourced[DashboardFile], catalog: Catalog) -> Iterator[Finding]:
    titles: set[str] = set()
    ids: dict[int, str] = {}
    for panel in panels(board):
        one = panel.value
        if one.title in titles:
            hint = "links and alerts find a panel by its title"
            yield Finding("duplicate-panel", f"a second panel {one.title!r}", panel.place("title"), hint=hint)
        titles.add(one.title)
        number = panel_id(board.value.uid, one)
        if ids.setdefault(number, one.title) != one.title:
            what = f"{one.title!r} and {ids[number]!r} have the same id, {number}"
            yield Finding("duplicate-panel", what, panel.place("title"), hint="give one of them an `id:`")
        yield from _levels(panel)
        yield from _asked(panel, board.value, catalog)
        yield from _exemplified(panel, board.value, catalog)
        if one.runbook and one.runbook not in catalog.runbooks:
            hint = close(one.runbook, catalog.runbooks) or "write it, or remove the key"
            yield Finding(
                "no-runbook", f"there is no runbook {one.runbook}", panel.place("runbook"), hint=hint
            )


def _levels(panel: Sourced[Panel]) -> Iterator[Finding]:
    try:
        levels.parse(panel.value.levels)
    except ValueError as error:
        hint = "together the ranges must hold every value once"
        yield Finding("levels", str(error), panel.place("levels"), hint=hint)


def _asked(panel: Sourced[Panel], board: DashboardFile, catalog: Catalog) -> Iterator[Finding]:
    for index, query in enumerate(panel.value.asked):
        way: tuple[str | int, ...] = ("queries", index) if panel.value.queries else ()
        if query.signal:
            attributes = (*query.by, *query.where)
            yield from _signal(query.signal, attributes, panel.place(*way, "signal"), catalog)
            yield from _measure(query, panel, way, catalog)
            yield from _derived(query, panel, way, board, catalog)
        else:
            language = queries.language(panel.value, query)
            place = panel.place(*way, "query")
            yield from query_checks.check(language, query.query or "", place, catalog, names_of(board))
            if language == "promql":
                yield from counters.check(query.query or "", place, catalog)


def _derived(
    query: Query, panel: Sourced[Panel], way: tuple[str | int, ...], board: DashboardFile, catalog: Catalog
) -> Iterator[Finding]:
    """A pattern in `where` may be none, and then the whole query is none."""
    try:
        promql.selectors(queries.expression(query, queries.within(board), catalog.signals))
    except KeyError:
        return  # a signal or a measure that is not there is told for itself
    except ValueError as error:
        yield Finding("query-syntax", f"what follows is no PromQL: {error}", panel.place(*way, "where"))


def _signal(name: str, attributes: tuple[str, ...], place: Place, catalog: Catalog) -> Iterator[Finding]:
    one = catalog.signals.get(name)
    if one is None:
        yield Finding(
            "unknown-signal",
            f"no pack declares the signal {name!r}",
            place,
            why="a panel without a signal that somebody emits would say 'No data'",
            hint=close(name, catalog.signals) or "declare it in signals.yaml",
        )
        return
    for attribute in attributes:
        if not one.has(attribute) and names.label_name(attribute) not in one.labels:
            yield Finding(
                "unknown-label",
                f"{name} has no attribute {attribute!r}",
                place,
                why=f"it has {', '.join(one.attributes) or 'none of its own'}",
                hint=close(attribute, one.attributes) or "declare it with the signal",
            )


def _exemplified(panel: Sourced[Panel], board: DashboardFile, catalog: Catalog) -> Iterator[Finding]:
    if panel.value.show != "exemplars":
        return
    try:
        exemplified(panel.value, board, catalog.signals)
    except KeyError:
        what = f"no panel of this dashboard asks for exemplars of {panel.value.signal}"
        hint = "add one that shows its quantiles or buckets over time"
        yield Finding("no-exemplars", what, panel.place("show"), hint=hint)


def _measure(
    query: Query, panel: Sourced[Panel], way: tuple[str | int, ...], catalog: Catalog
) -> Iterator[Finding]:
    one = catalog.signals.get(query.signal or "")
    if one and query.measure and query.measure not in _MEASURES[one.instrument]:
        may = ", ".join(sorted(_MEASURES[one.instrument]))
        what = f"a {one.instrument} has no {query.measure}"
        yield Finding("measure", what, panel.place(*way, "measure"), hint=f"it has {may}")
