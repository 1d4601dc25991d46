"""`obsdeck lineage`: who emits a metric, and what uses it."""

from __future__ import annotations

import difflib
import json as encoder
from typing import TYPE_CHECKING, Annotated, Any

import typer

from obsdeck.cli import context
from obsdeck.errors import FailedError

if TYPE_CHECKING:
    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.lineage import Use
    from obsdeck.packs.signal import Signal

SCHEMA_VERSION = 1


def lineage(
    metric: Annotated[
        str, typer.Argument(help="A metric's name in Prometheus, or a signal's in OpenTelemetry.")
    ],
    packs: context.Packs = None,
    env_file: context.EnvFile = None,
    json: context.Json = False,
) -> None:
    """Tell who emits a metric, what uses it, and so what breaks if it gets another name."""
    from obsdeck.packs import deck, lineage, report

    catalog = deck.read(context.where(packs, env_file).folders).catalog
    names = _names(metric, catalog)
    found = {(use.kind, use.name): use for name in names for use in lineage.downstream(name, catalog)}
    uses = sorted(found.values(), key=lambda use: lineage.ORDER.index(use.kind))
    source = lineage.source(names[0], catalog)
    if json:
        rows = [
            {
                "kind": use.kind,
                "name": use.name,
                "pack": use.pack,
                "path": report.relative(use.place.path),
                "line": use.place.line,
                "expr": use.expr.strip(),
            }
            for use in uses
        ]
        content: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "metrics": names,
            **source,
            "used_by": rows,
        }
        typer.echo(encoder.dumps(content, indent=2))
        return
    _print(names, catalog, uses)


def _names(metric: str, catalog: Catalog) -> list[str]:
    """The series that are meant: of a signal all, of a series that one."""
    signal = catalog.signals.get(metric) or _of_family(metric, catalog)
    if signal:
        return list(signal.series)
    if metric in catalog.series or metric in catalog.recorded:
        return [metric]
    known = {*catalog.series, *catalog.recorded, *catalog.signals}
    close = difflib.get_close_matches(metric, sorted(known), n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "declare it in a pack's signals.yaml"
    raise FailedError(f"no pack knows {metric}", why="it is neither emitted nor recorded", hint=hint)


def _of_family(metric: str, catalog: Catalog) -> Signal | None:
    return next((one for one in catalog.signals.values() if one.metric == metric), None)


def _print(names: list[str], catalog: Catalog, uses: list[Use]) -> None:
    from obsdeck.packs import report

    out = context.data()
    signal = catalog.series.get(names[0])
    if signal:
        by = signal.emitted_by
        out.print(f"{signal.metric}: {signal.brief}")
        out.print(f"  {signal.instrument}, unit {signal.unit or 'none'}, signal {signal.name}")
        who = (
            f"scraped from {by.job or 'a target'}"
            if by.via == "scrape"
            else by.job or "every instrumented service"
        )
        scope = f", scope {by.scope}" if by.scope else ""
        out.print(f"  emitted by {who}{scope}{f' ({by.file})' if by.file else ''}")
        if by.needs:
            out.print(f"  needs {by.needs}")
    else:
        recording = catalog.recorded[names[0]]
        out.print(f"{names[0]}: {recording.value.description if recording else 'made of an objective'}")
        if recording:
            out.print(f"  recorded at {report.relative(recording.document.path)}:{recording.place().line}")
    out.print(f"  used by {len(uses)}, which break if it is renamed:" if uses else "  used by nothing")
    for use in uses:
        out.print(f"    {use.kind:9}  {use.name}  ({report.relative(use.place.path)}:{use.place.line})")
