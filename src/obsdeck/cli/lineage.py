"""`obsdeck lineage`: who emits a metric, and what uses it."""

from __future__ import annotations

import difflib
import json as encoder
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from obsdeck.cli import context
from obsdeck.errors import FailedError

if TYPE_CHECKING:
    from pathlib import Path

    from obsdeck.diagnose.emitters import Emitter
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
    from obsdeck.packs import deck, lineage

    catalog = deck.read(context.where(packs, env_file).folders).catalog
    names = _names(metric, catalog)
    found = {(use.kind, use.name): use for name in names for use in lineage.downstream(name, catalog)}
    uses = sorted(found.values(), key=lambda use: (lineage.ORDER.index(use.kind), use.name))
    emitters = _emitters(names, env_file)
    if json:
        typer.echo(encoder.dumps(_document(names, catalog, uses, emitters), indent=2))
    else:
        _print(names, catalog, uses, emitters)


def _document(
    names: list[str], catalog: Catalog, uses: list[Use], emitters: tuple[Emitter, ...] | None
) -> dict[str, Any]:
    from obsdeck.packs import lineage, report

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
    live = {} if emitters is None else {"sent_by": [asdict(one) for one in emitters]}
    source = lineage.source(names[0], catalog)
    return {"schema_version": SCHEMA_VERSION, "metrics": names, **source, **live, "used_by": rows}


def _emitters(names: list[str], env_file: Path | None) -> tuple[Emitter, ...] | None:
    from obsdeck.diagnose import emitters

    return emitters.now(*context.load(env_file), names)


def _names(metric: str, catalog: Catalog) -> list[str]:
    """The series that are meant: of a signal all, of a series that one."""
    signal = catalog.signals.get(metric) or _of_family(metric, catalog)
    if signal:
        return list(signal.series)
    if metric in catalog.names:
        return [metric]
    known = {*catalog.names, *catalog.signals}
    close = difflib.get_close_matches(metric, sorted(known), n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "declare it in a pack's signals.yaml"
    raise FailedError(f"no pack knows {metric}", why="it is neither emitted nor recorded", hint=hint)


def _of_family(metric: str, catalog: Catalog) -> Signal | None:
    return next((one for one in catalog.signals.values() if one.metric == metric), None)


def _print(names: list[str], catalog: Catalog, uses: list[Use], emitters: tuple[Emitter, ...] | None) -> None:
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
    elif names[0] in catalog.recorded:
        recording = catalog.recorded[names[0]]
        out.print(f"{names[0]}: {recording.value.description if recording else 'made of an objective'}")
        if recording:
            out.print(f"  recorded at {report.relative(recording.document.path)}:{recording.place().line}")
    else:
        out.print(f"{names[0]}: made by Prometheus itself")
    if emitters is not None:
        told = ", ".join(_told(one) for one in emitters)
        out.print(f"  sent now by {told}" if told else "  sent now by nobody")
    out.print(f"  used by {len(uses)}, which break if it is renamed:" if uses else "  used by nothing")
    for use in uses:
        out.print(f"    {use.kind:9}  {use.name}  ({report.relative(use.place.path)}:{use.place.line})")


def _told(one: Emitter) -> str:
    version = f" {one.version}" if one.version else ""
    return f"{one.service or one.job}{version} ({one.series} series)"
