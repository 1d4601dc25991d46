"""`obsdeck install`: get the programs of the stack ahead of time."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from obsdeck.cli import context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from obsdeck.stack.install import Resolved


def install(
    components: Annotated[
        list[str] | None,
        typer.Argument(
            help="Which components; those that `up` starts where none is named.", show_default=False
        ),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Download nothing; say what is missing.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read what is in the cache and replace what is damaged.")
    ] = False,
    env_file: context.EnvFile = None,
    json: context.Json = False,
) -> None:
    """Get every program of the stack, so that `up` has nothing to wait for.

    Each is taken from where it is found first: the program named by OBSDECK_<COMPONENT>_BIN, PATH, the
    cache, its release archive, a build from Go modules. Interrupted, the next run goes on.
    """
    from obsdeck.cli.progress import Progress
    from obsdeck.errors import MissingError
    from obsdeck.stack.components import SERVERS, named
    from obsdeck.stack.install.obtain import lacking, obtain, require, verify_cache

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    wanted = named(components) if components else SERVERS
    names = [component.name for component in wanted if not component.demo]
    settings, home = context.load(env_file)
    with Progress(context.talk(), quiet=json) as progress:
        if verify:
            verify_cache(names, home, progress)
        resolved = obtain(names, settings, home, progress, offline=offline, again=True)
    missing = lacking(resolved, components or ())
    if json:
        typer.echo(_document(resolved, ok=not missing))
        raise typer.Exit(MissingError.exit_code if missing else 0)
    _print(resolved, missing)
    require(resolved, components or (), offline=offline)


def _document(resolved: Sequence[Resolved], *, ok: bool) -> str:
    import json

    rows: list[dict[str, Any]] = [
        {
            "name": one.component,
            "provider": one.provider,
            "version": one.version,
            "path": str(one.path) if one.path else None,
            "seconds": one.seconds,
            "note": one.note,
        }
        for one in resolved
    ]
    return json.dumps({"schema_version": 1, "ok": ok, "components": rows}, indent=2)


def _print(resolved: Sequence[Resolved], missing: Sequence[Resolved]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("component", "from", "version", "program"):
        table.add_column(heading, no_wrap=True)
    for one in resolved:
        table.add_row(one.component, one.provider, one.version, str(one.path or ""))
    context.data().print(table)
    for one in resolved:
        if one.note and one not in missing:  # what is missing is said by the error
            typer.echo(f"{one.component}: {one.note}")
