"""`obsdeck doctor`: which hop is broken, how one can tell, and what to do about it."""

from __future__ import annotations

import json as encoder
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from obsdeck.cli import context

if TYPE_CHECKING:
    from rich.console import Console

    from obsdeck.diagnose.doctor import Diagnosis
    from obsdeck.diagnose.model import Check

SCHEMA_VERSION = 1
BROKEN, NO_STACK = 1, 3


def doctor(
    lookback: Annotated[
        float, typer.Option(min=1, help="Seconds; losses that are older are not reported any more.")
    ] = 300,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds that each signal of the round trip may take.")
    ] = 10,
    env_file: context.EnvFile = None,
    json: context.Json = False,
) -> None:
    """Look at every hop, send one trace, metric and log through, and name the first hop that is broken."""
    from obsdeck.diagnose.doctor import Question, examine

    settings, home = context.load(env_file)
    question = Question(time.time() - lookback, timeout, env_file)
    talk = context.talk()
    if json or not talk.is_terminal:
        found = examine(settings, home, question)
    else:
        with talk.status("looking at the stack") as line:
            found = examine(settings, home, question, notify=lambda what: line.update(f"looking at {what}"))
    if json:
        typer.echo(document(found))
    else:
        _print(found, context.data())
    if found.verdict:
        raise typer.Exit(BROKEN if found.up else NO_STACK)


def document(found: Diagnosis) -> str:
    """The document of `doctor --json`."""
    content = {
        "schema_version": SCHEMA_VERSION,
        "ok": found.verdict is None,
        "verdict": found.verdict,
        "checks": [_row(check) for check in found.checks],
    }
    return encoder.dumps(content, indent=2)


def _row(check: Check) -> dict[str, Any]:
    row = {"id": check.id, "ok": check.ok, "evidence": check.evidence, "next": check.next}
    return row if check.seconds is None else {**row, "seconds": check.seconds}


def _print(found: Diagnosis, console: Console) -> None:
    from rich.text import Text

    width = max(len(check.id) for check in found.checks)
    for check in found.checks:
        sign = Text("ok    ", "green") if check.ok else Text("BROKEN", "bold red")
        first, *more = check.evidence.splitlines()
        took = "" if check.seconds is None else f" after {check.seconds:.2f} s"
        console.print(Text.assemble(sign, f"  {check.id:{width}}  {first}{took}"))
        for line in more:
            console.print(Text(f"{'':{width}}          {line}", "dim"))
        if check.next:
            console.print(Text(f"{'':{width}}          next: {check.next}", "bold"))
    console.print(Text(_last_line(found), "green" if found.verdict is None else "bold red"))


def _last_line(found: Diagnosis) -> str:
    if found.verdict is None:
        return "every hop is sound"
    return f"broken hop: {found.verdict}"
