"""Who emits a metric, and what uses it: recordings, panels, alerts, objectives, runbooks, links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from obsdeck.packs import promql, queries, rules
from obsdeck.packs.catalog import panels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.pack import Pack
    from obsdeck.packs.source import Place

ORDER = ("recording", "alert", "slo", "panel", "runbook", "link")


@dataclass(frozen=True)
class Use:
    """One thing that asks for metrics.

    Attributes:
        kind: `recording`, `alert`, `slo`, `panel`, `runbook` or `link`.
        name: What it is called: the recorded name, the alert, uid / title of a panel, a file.
        pack: The pack it belongs to.
        expr: What it asks.
        place: Where it is written.
    """

    kind: str
    name: str
    pack: str
    expr: str
    place: Place


def uses(catalog: Catalog) -> Iterator[Use]:
    """Everything that asks for metrics, in the order of the packs. Expressions that fail are left out."""
    for pack in catalog.packs:
        for one in pack.recordings:
            yield Use("recording", one.value.record, pack.name, one.value.expr, one.place("expr"))
        for alert in pack.alerts:
            try:
                expr = rules.expression(alert.value, catalog)
            except (KeyError, ValueError, IndexError):
                continue
            yield Use(
                "alert",
                alert.value.alert,
                pack.name,
                expr,
                alert.place("expr" if alert.value.expr else "level"),
            )
        yield from _slos(pack)
        yield from _panels(pack, catalog)
        for page in pack.runbooks:
            for fence in page.queries:
                if fence.language == "promql":
                    yield Use("runbook", page.path.stem, pack.name, fence.text, fence.place)
        for link in pack.links:
            yield Use("link", link.value.name, pack.name, link.value.query, link.place("query"))


def document(catalog: Catalog) -> dict[str, Any]:
    """What `generated/lineage.json` holds: every metric with its source and its uses."""
    users = asked(catalog)
    return {
        "schema_version": 1,
        "metrics": {
            name: {
                **source(name, catalog),
                "used_by": [
                    {"kind": use.kind, "name": use.name, "pack": use.pack} for use in users.get(name, ())
                ],
            }
            for name in sorted({*catalog.series, *catalog.recorded})
        },
    }


def asked(catalog: Catalog) -> dict[str, list[Use]]:
    """The uses of every known metric, each once, by name of its series."""
    found: dict[str, dict[tuple[str, str], Use]] = {}
    known = sorted(catalog.names)
    for use in uses(catalog):
        try:
            wanted = promql.selectors(_parsable(use.expr))
        except ValueError:
            continue
        for selector in (one for one in wanted if one.is_about_metrics):
            for name in [selector.name] if selector.name else [one for one in known if selector.wants(one)]:
                found.setdefault(name, {}).setdefault((use.kind, use.name), use)
    return {
        name: sorted(by_name.values(), key=lambda use: ORDER.index(use.kind))
        for name, by_name in found.items()
    }


def downstream(name: str, catalog: Catalog) -> list[Use]:
    """All that would break if a metric had another name: its uses, and those of what is recorded from it."""
    users = asked(catalog)
    found: dict[tuple[str, str], Use] = {}
    waiting, seen = [name], {name}
    while waiting:
        for use in users.get(waiting.pop(0), ()):
            found.setdefault((use.kind, use.name), use)
            if use.kind == "recording" and use.name not in seen:
                seen.add(use.name)
                waiting.append(use.name)
    return sorted(found.values(), key=lambda use: ORDER.index(use.kind))


def source(name: str, catalog: Catalog) -> dict[str, Any]:
    """Where a known series comes from: its signal and emitter, or the expression that records it."""
    if name in catalog.series:
        signal = catalog.series[name]
        by = {key: value for key, value in signal.emitted_by.model_dump().items() if value}
        return {"signal": signal.name, "instrument": signal.instrument, "unit": signal.unit, "emitted_by": by}
    if name not in catalog.recorded:
        return {"emitted_by": {"job": "prometheus"}}
    recording = catalog.recorded[name]
    return {"recorded_by": recording.value.expr.strip() if recording else "an objective"}


def _slos(pack: Pack) -> Iterator[Use]:
    if pack.slos is None:
        return
    for index, slo in enumerate(pack.slos.value.slos):
        sli = slo.sli.model_dump(exclude_none=True)
        for kind, asked_for in sli.items():
            for key, expr in asked_for.items():
                if key.endswith("query"):
                    place = pack.slos.place("slos", index, "sli", kind, key)
                    yield Use("slo", f"{pack.slos.value.service}/{slo.name}", pack.name, expr, place)


def _panels(pack: Pack, catalog: Catalog) -> Iterator[Use]:
    for board in pack.dashboards:
        for panel in panels(board):
            name = f"{board.value.uid}/{panel.value.title}"
            try:
                targets = queries.targets(panel.value, queries.within(board.value), catalog.signals)
            except KeyError:
                continue
            for index, target in enumerate(targets):
                if target.language == "promql":
                    way = ("queries", index) if panel.value.queries else ()
                    key = "query" if panel.value.asked[index].query else "signal"
                    yield Use("panel", name, pack.name, target.expr, panel.place(*way, key))


def _parsable(expr: str) -> str:
    return expr.replace("{{.window}}", "5m").replace("{{ .window }}", "5m").replace("$__tags", 'x="x"')
