"""`obsdeck logs`: what the components wrote."""

from __future__ import annotations

from typing import Annotated

import typer

from obsdeck.cli import context


def logs(
    components: Annotated[
        list[str] | None, typer.Argument(help="Components; all by default.", show_default=False)
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as new lines come.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 20,
    env_file: context.EnvFile = None,
) -> None:
    """Print what components wrote, each line behind its name."""
    from obsdeck.stack import logs as logs_of
    from obsdeck.stack.components import named

    settings, home = context.load(env_file)
    names = [component.name for component in named(components or ())]
    for name, text in logs_of.tail(settings, home, names, lines).items():
        for line in text.splitlines():
            typer.echo(f"{name:13} {line}")
    if follow:
        for name, line in logs_of.follow(settings, home, names):
            typer.echo(f"{name:13} {line}")
