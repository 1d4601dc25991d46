"""`obsdeck version`: of obsdeck and of the servers it runs."""

from __future__ import annotations

import typer

from obsdeck.cli import context  # noqa: TC001 - typer reads the annotation


def version(json: context.Json = False) -> None:
    """Print the versions of obsdeck and of its servers."""
    import json as encoder

    from obsdeck.stack import files, install

    versions = {name: one.version for name, one in install.load_versions().items()}
    if json:
        content = {"schema_version": 1, "ok": True, "obsdeck": files.version(), "components": versions}
        typer.echo(encoder.dumps(content, indent=2))
        return
    typer.echo(f"obsdeck {files.version()}")
    for name, number in versions.items():
        typer.echo(f"{name} {number}")
