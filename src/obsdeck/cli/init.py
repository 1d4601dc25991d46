"""`obsdeck init`: put the stack's files and a service's wiring into a repository of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obsdeck.cli import context


def init(
    directory: Annotated[Path, typer.Argument(help="The root of your repository.")] = Path(),
    json: context.Json = False,
) -> None:
    """Write the stack's files into a repository of your own.

    These are ops/observability, scripts/obs and .env.example; nothing that exists is overwritten.
    """
    import json as encoder

    from obsdeck.stack import scaffold

    written = scaffold.write(directory)
    if json:
        content = {"schema_version": 1, "ok": True, "created": written.created, "kept": written.kept}
        typer.echo(encoder.dumps(content, indent=2))
        return
    for path in written.created:
        typer.echo(f"created  {path}")
    for path in written.kept:
        typer.echo(f"kept     {path}")
    context.talk().print("next: read ops/observability/README.md, then scripts/obs/up.sh", markup=False)
