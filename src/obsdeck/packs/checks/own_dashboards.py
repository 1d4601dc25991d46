"""A dashboard as Grafana saves it: what its panels ask, and whether people can read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from obsdeck.grafana import classic
from obsdeck.packs import datasources
from obsdeck.packs.checks import counters, queries
from obsdeck.packs.findings import Finding, close

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from obsdeck.grafana.dashboard import Dashboard, Panel, Reference, Target
    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.source import Document, Loc, Place

_LANGUAGES = {"prometheus": "promql", "loki": "logql", "tempo": "traceql"}
_NUMERIC = frozenset(
    {"timeseries", "graph", "stat", "singlestat", "gauge", "bargauge", "barchart", "piechart", "histogram"}
)
_WITH_NO_VALUE = frozenset({"timeseries", "stat", "gauge", "bargauge", "table", "piechart"})
_BUILT_IN = frozenset({"", "default", "grafana", "-- Grafana --", "-- Mixed --", "-- Dashboard --"})
_BUILT_IN_TYPES = frozenset({"datasource", "grafana", "__expr__"})


@dataclass(frozen=True)
class _Board:
    """A dashboard with what its parts are looked up in.

    Attributes:
        dashboard: What the file says.
        document: The file.
        locs: Where each object of the file lies, by identity.
        catalog: What the packs declare.
    """

    dashboard: Dashboard
    document: Document
    locs: Mapping[int, Loc]
    catalog: Catalog

    def place(self, model: Mapping[str, Any], *more: str) -> Place:
        return self.document.place((*self.locs.get(id(model), ()), *more))


def check(data: Mapping[str, Any], document: Document, loc: Loc, catalog: Catalog) -> Iterator[Finding]:
    """Faults of one dashboard.

    Args:
        data: The dashboard.
        document: Its file.
        loc: Where in the file it begins.
        catalog: What the packs declare.
    """
    board = _Board(classic.parse(data), document, dict(_locs(data, loc)), catalog)
    for panel in board.dashboard.panels:
        if panel.targets and not panel.library:
            yield from _bare(panel, board)
        for target in panel.targets:
            yield from _asked(target, board)
    for annotation in board.dashboard.annotations:
        yield from _asked(annotation, board)
    yield from _sources(board)


def _locs(node: Any, loc: Loc) -> Iterator[tuple[int, Loc]]:
    waiting: list[tuple[Any, Loc]] = [(node, loc)]
    while waiting:
        found, at = waiting.pop()
        if isinstance(found, dict):
            yield id(found), at
            waiting += [(value, (*at, key)) for key, value in found.items()]
        elif isinstance(found, list):
            waiting += [(value, (*at, index)) for index, value in enumerate(found)]


def _bare(panel: Panel, board: _Board) -> Iterator[Finding]:
    lacks = [key for key in ("title", "description") if not str(panel.model.get(key) or "").strip()]
    if panel.type in _NUMERIC and not _has_unit(panel.model):
        lacks.append("unit")
    if panel.type in _WITH_NO_VALUE and not panel.no_value:
        lacks.append("noValue")
    if lacks:
        yield Finding(
            "bare-panel",
            f"the panel {panel.title or panel.id!r} has no {', no '.join(lacks)}",
            board.place(panel.model, "title"),
            why="who looks at it at night must know what it shows, in what unit, and why it may be empty",
            hint="say it in the panel's options",
        )


def _has_unit(model: Mapping[str, Any]) -> bool:
    config = _mapping(model.get("fieldConfig"))
    old = [_mapping(axis).get("format") for axis in _list(model.get("yaxes"))]
    overridden = [
        _mapping(one).get("value")
        for override in _list(config.get("overrides"))
        for one in _list(_mapping(override).get("properties"))
        if _mapping(one).get("id") == "unit"
    ]
    return any([_mapping(config.get("defaults")).get("unit"), model.get("format"), *old, *overridden])


def _asked(target: Target, board: _Board) -> Iterator[Finding]:
    key = next((key for key in ("expr", "query") if isinstance(target.model.get(key), str)), "")
    language = _LANGUAGES.get(_kind(target.datasource, board))
    text = str(target.model.get(key, "")).strip()
    if language is None or not text:
        return
    place = board.place(target.model, key)
    variables = {one.name for one in board.dashboard.variables}
    yield from queries.check(language, text, place, board.catalog, variables)
    if language == "promql":
        yield from counters.check(text, place, board.catalog)


def _kind(reference: Reference, board: _Board) -> str:
    """The type of a data source: as the reference says, else that of what it names, else Prometheus."""
    if reference.type:
        return reference.type
    chosen = {one.name: one.query for one in board.dashboard.variables if one.type == "datasource"}
    name = reference.uid.strip("${}")
    if name in chosen:
        return chosen[name]
    known = {name: one["type"] for one in _provisioned(board.catalog) for name in (one["uid"], one["name"])}
    return str(known.get(reference.uid, "" if reference.uid.strip() else "prometheus"))


def _sources(board: _Board) -> Iterator[Finding]:
    """Data sources that nothing provisions, each once."""
    provisioned = _provisioned(board.catalog)
    known = {name for one in provisioned for name in (one["uid"], one["name"])}
    types = {one["type"] for one in provisioned}
    for one in board.dashboard.variables:
        if one.type == "datasource" and one.query and one.query not in types:
            hint = close(one.query, types) or "provision one of that type beside the stack's"
            place = board.place(one.model, "query")
            yield _unprovisioned(f"of the type {one.query}", place, types, hint)
    asked = [target for panel in board.dashboard.panels for target in panel.targets]
    told: set[str] = set()
    for target in [*asked, *board.dashboard.annotations]:
        uid = target.datasource.uid
        if uid in told | known | _BUILT_IN or target.datasource.type in _BUILT_IN_TYPES or "$" in uid:
            continue
        told.add(uid)
        hint = close(uid, known) or "let a variable of the type `datasource` choose one"
        yield _unprovisioned(repr(uid), board.place(target.model, "datasource", "uid"), known, hint)


def _unprovisioned(what: str, place: Place, known: set[str], hint: str) -> Finding:
    why = f"there are {', '.join(sorted(known))}"
    return Finding(
        "unknown-datasource", f"nothing provisions a data source {what}", place, why=why, hint=hint
    )


def _provisioned(catalog: Catalog) -> list[Mapping[str, Any]]:
    return list(datasources.document(catalog)["datasources"])


def _mapping(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []
