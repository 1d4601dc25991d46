"""`obsdeck down`: stop everything; with `--wipe` delete the data too."""

from __future__ import annotations

from typing import Annotated

import typer

from obsdeck.cli import context


def down(
    wipe: Annotated[bool, typer.Option("--wipe", help="Delete all telemetry and passwords as well.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before deleting.")] = False,
    env_file: context.EnvFile = None,
) -> None:
    """Stop every component. Data stays where it is; the next `up` goes on with it."""
    from obsdeck.cli.progress import Progress
    from obsdeck.stack import lifecycle

    settings, home = context.load(env_file)
    if wipe and not yes:
        _ask(str(home.root / "data"))
    with Progress(context.talk()) as progress:
        was_up = lifecycle.down(settings, home, progress, wipe=wipe)
    what = "stopped" if was_up else "nothing was up"
    rest = "all data deleted" if wipe else f"data kept in {home.root / 'data'}"
    context.talk().print(f"{what}; {rest}", markup=False)


def _ask(place: str) -> None:
    import sys

    from obsdeck.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError(
            "down --wipe deletes all telemetry and asks first, and there is nobody to ask",
            hint="add --yes if that is what you want",
        )
    typer.confirm(f"Delete all metrics, logs and traces in {place}?", abort=True, err=True)
