"""`obsdeck generate`: packs -> dashboards, rules, data sources, lineage."""

from __future__ import annotations

import json as encoder
from typing import TYPE_CHECKING, Annotated

import typer

from obsdeck.cli import context
from obsdeck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from obsdeck.packs.deck import Deck
    from obsdeck.packs.generate import Drift

SCHEMA_VERSION = 1
DRIFT, BAD_INPUT = 1, 2


def generate(
    packs: context.Packs = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 with a diff if a file would change.")
    ] = False,
    env_file: context.EnvFile = None,
    json: context.Json = False,
) -> None:
    """Write observability/generated from the packs; nothing is written if they have errors."""
    from obsdeck.packs import deck
    from obsdeck.packs import generate as generator

    where = context.where(packs, env_file)
    if where.generated is None:
        raise UsageError(
            "there are no packs here",
            why="observability/packs is not in this directory, and --packs names no other",
            hint="`obsdeck init pack NAME` writes a first one",
        )
    read = deck.read(where.folders)
    if not read.is_sound:
        _refuse(read, json=json)
    wanted = generator.files(read.catalog)
    changes = generator.drift(wanted, where.generated) if check else generator.write(wanted, where.generated)
    if json:
        rows = [{"path": one.path, "change": one.kind} for one in changes]
        content = {"schema_version": SCHEMA_VERSION, "ok": not (check and changes), "files": len(wanted)}
        typer.echo(encoder.dumps({**content, "changes": rows}, indent=2))
    else:
        _print(changes, len(wanted), check=check)
    if check and changes:
        raise typer.Exit(DRIFT)


def _refuse(read: Deck, *, json: bool) -> None:
    from obsdeck.packs import report

    if json:
        typer.echo(encoder.dumps(report.document(read.findings), indent=2))
    else:
        for one in read.findings:
            typer.echo("\n".join(report.text(one)) + "\n", err=True)
        context.talk().print(f"{len(read.findings)} findings; nothing was written")
    raise typer.Exit(BAD_INPUT)


def _print(changes: Sequence[Drift], files: int, *, check: bool) -> None:
    from obsdeck.packs import report

    for one in changes:
        said = one.diff if check else f"{one.kind:8} {one.path}"
        typer.echo("\n".join(map(report.printable, said.split("\n"))))
    verb = "differ" if check else "written or removed"
    context.talk().print(
        f"{files} files, {len(changes)} {verb}" if changes else f"{files} files, all as they are"
    )
