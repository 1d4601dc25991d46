"""`obsdeck init`: the stack's files, or a first pack, for a repository of one's own."""

from __future__ import annotations

import json as encoder
from pathlib import Path
from typing import Annotated

import typer

from obsdeck.cli import context
from obsdeck.errors import UsageError

SCHEMA_VERSION = 1


def init(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DIRECTORY | pack NAME]",
            help="The root of your repository; or `pack` and the name of a new pack.",
            show_default=False,
        ),
    ] = None,
    packs: context.Packs = None,
    env_file: context.EnvFile = None,
    json: context.Json = False,
) -> None:
    """Write the stack's files into a repository of your own; or a first pack.

    The stack's files are ops/observability, observability/generated, scripts/obs and .env.example; nothing
    that exists is overwritten. `init pack NAME` writes observability/packs/NAME and runbooks/NAME.
    """
    match words or ["."]:
        case ["pack", name]:
            _pack(name, packs, env_file, json=json)
        case ["pack"]:
            raise UsageError("the pack has no name", hint="obsdeck init pack NAME; ./pack is a directory")
        case [directory]:
            _stack(Path(directory), json=json)
        case _:
            raise UsageError("too many words", hint="obsdeck init DIRECTORY, or obsdeck init pack NAME")


def _stack(directory: Path, *, json: bool) -> None:
    from obsdeck.stack import scaffold

    written = scaffold.write(directory)
    if json:
        content = {"schema_version": SCHEMA_VERSION, "ok": True}
        typer.echo(encoder.dumps({**content, "created": written.created, "kept": written.kept}, indent=2))
        return
    for path in written.created:
        typer.echo(f"created  {path}")
    for path in written.kept:
        typer.echo(f"kept     {path}")
    context.talk().print("next: read ops/observability/README.md, then scripts/obs/up.sh", markup=False)


def _pack(name: str, packs: Path | None, env_file: Path | None, *, json: bool) -> None:
    from obsdeck.packs import report, scaffold, where
    from obsdeck.stack.environment import load_settings

    named = packs or Path(load_settings(env_file=env_file)["OBSDECK_PACKS"] or where.HERE)
    written = scaffold.write(named.expanduser().absolute(), name, where.shipped_names())
    created = [report.relative(path) for path in written]
    if json:
        typer.echo(
            encoder.dumps({"schema_version": SCHEMA_VERSION, "ok": True, "created": created}, indent=2)
        )
        return
    for path in created:
        typer.echo(f"created  {path}")
    context.talk().print(
        f"next: put your signals into {report.relative(written[0].parent)} in place of the example's,\n"
        "      then obsdeck check, obsdeck generate, and obsdeck up with OBSDECK_PACKS in .env",
        markup=False,
    )
