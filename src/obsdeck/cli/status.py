"""`obsdeck status`: what runs, where, since when, with how much memory."""

from __future__ import annotations

import typer

from obsdeck.cli import context


def status(env_file: context.EnvFile = None, json: context.Json = False) -> None:
    """Show what runs: state, URL, version, provider, memory."""
    from obsdeck.cli import table
    from obsdeck.stack.status import status as status_of

    settings, home = context.load(env_file)
    now = status_of(settings, home)
    if json:
        typer.echo(table.document(now, ok=now.ok))
    elif now.runtime:
        context.data().print(table.components(now))
        for note in table.notes(now):
            context.talk().print(note, markup=False)
        context.talk().print(
            f"{now.runtime} runtime, {now.rss_bytes / 1e6:.0f} MB in all, data in {home.root / 'data'}"
        )
    else:
        context.talk().print("nothing is up; start it with: obsdeck up")
    if not now.ok:
        raise typer.Exit(1)
