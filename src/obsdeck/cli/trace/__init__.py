"""`obsdeck trace`: one trace, from a red metric, an alert or an id, with its logs and metrics."""

from __future__ import annotations

import re
import time
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from obsdeck.cli import context
from obsdeck.errors import UsageError

if TYPE_CHECKING:
    from obsdeck.diagnose.trace.find import Question, Way
    from obsdeck.diagnose.trace.report import Report

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def trace(  # noqa: PLR0917 - an option is named, whatever its place
    trace_id: Annotated[str | None, typer.Argument(metavar="ID", help="A trace id.")] = None,
    slowest: Annotated[
        str | None,
        typer.Option(
            metavar="SERVICE", help="The trace with the longest span of a service.", show_default=False
        ),
    ] = None,
    errors: Annotated[
        str | None,
        typer.Option(
            metavar="SERVICE", help="The last trace with an error in a service.", show_default=False
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="QUERY", help="The largest measurement behind a PromQL expression.", show_default=False
        ),
    ] = None,
    alert: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A trace behind an alert, firing or not.", show_default=False),
    ] = None,
    since: Annotated[
        str, typer.Option(metavar="DURATION", help="How far back to look: 90s, 15m, 2h, 1d; not for an id.")
    ] = "1h",
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write a page as well; what was there is replaced.", show_default=False
        ),
    ] = None,
    env_file: context.EnvFile = None,
    json: context.Json = False,
) -> None:
    """Show one trace: spans, critical path, log lines, and its routes' metrics.

    Name it by its id, or let it be found: the slowest or the last failed one of a service, the one behind a
    metric or an alert.
    """
    ways: dict[Way, str | None] = {
        "id": trace_id,
        "slowest": slowest,
        "errors": errors,
        "metric": metric,
        "alert": alert,
    }
    question = _question(ways, _seconds(since))
    found = _asked(question, env_file)
    if html:
        _write(html, found)
    _print(found, json=json)


def _question(ways: dict[Way, str | None], lookback: float) -> Question:
    from obsdeck.diagnose.trace.find import Question

    named = [(way, value) for way, value in ways.items() if value is not None]
    if len(named) != 1:
        raise UsageError(
            "name no trace twice" if named else "name a trace",
            why="exactly one of ID, --slowest SERVICE, --errors SERVICE, --metric QUERY and --alert NAME",
            hint="obsdeck trace --slowest SERVICE",
        )
    [(way, value)] = named
    now = time.time()
    return Question(way, value, now - lookback, now)


def _seconds(text: str) -> float:
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)([smhdw])", text.strip())
    if not match or not float(match[1]):
        raise UsageError(f"--since: {text!r} is no duration", hint="write it like 90s, 15m, 2h, 1d or 1w")
    return float(match[1]) * _UNITS[match[2]]


def _asked(question: Question, env_file: Path | None) -> Report:
    from obsdeck.diagnose.trace.report import report

    settings, home = context.load(env_file)
    talk = context.talk()
    if not talk.is_terminal:
        return report(question, settings, home)
    with talk.status("looking for the trace"):
        return report(question, settings, home)


def _write(path: Path, found: Report) -> None:
    from obsdeck.cli.trace.page import page

    try:
        path.write_text(page(found), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {path}", why=error.strerror or str(error), hint="choose another file for --html"
        ) from error
    typer.echo(f"written: {path}", err=True)


def _print(found: Report, *, json: bool) -> None:
    from obsdeck.cli.trace import document, terminal

    if json:
        typer.echo(document.document(found))
    else:
        terminal.show(found, context.data())
