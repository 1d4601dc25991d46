"""`obsdeck config`: the configuration that a component really runs with."""

from __future__ import annotations

from typing import Annotated

import typer

from obsdeck.cli import context


def config(
    component: Annotated[
        str, typer.Argument(help="A component; the settings by default.", show_default=False)
    ] = "",
    env_file: context.EnvFile = None,
    json: context.Json = False,
) -> None:
    """Print a component's effective configuration, or all settings."""
    from obsdeck.stack import effective

    settings, home = context.load(env_file)
    if component:
        for title, text in effective.configuration(component, settings, home):
            typer.echo(f"# {title}")
            typer.echo(text)
    elif json:
        typer.echo(effective.settings_document(settings))
    else:
        for name, value, origin in effective.settings_rows(settings):
            typer.echo(f"{name:34} {value:24} {origin}")
