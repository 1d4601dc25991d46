"""`obsdeck check`: what is wrong with packs, with the place of it and what to do."""

from __future__ import annotations

import json as encoder
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from obsdeck.cli import context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from obsdeck.packs.findings import Finding

FOUND, BAD_INPUT = 1, 2


def check(
    packs: context.Packs = None,
    output: Annotated[
        Literal["text", "github"], typer.Option("--format", help="How findings are written.")
    ] = "text",
    env_file: context.EnvFile = None,
    json: context.Json = False,
) -> None:
    """Look for faults in packs, in what is generated from them, and in runbooks."""
    from obsdeck.packs import deck, generated, report

    where = context.where(packs, env_file)
    read = deck.read(where.folders)
    findings = list(read.findings)
    if read.is_sound and where.generated:
        findings += generated.check(read.catalog, where.generated)
    if json:
        typer.echo(encoder.dumps(report.document(findings), indent=2))
    else:
        _print(findings, output)
    if findings:
        raise typer.Exit(FOUND if read.is_sound else BAD_INPUT)


def _print(findings: Sequence[Finding], output: str) -> None:
    from obsdeck.packs import report

    for one in findings:
        typer.echo(report.github(one) if output == "github" else "\n".join(report.text(one)) + "\n")
    errors = sum(one.severity == "error" for one in findings)
    warnings = len(findings) - errors
    told = f"{errors} errors, {warnings} warnings" if findings else "no findings"
    context.talk().print(told)
