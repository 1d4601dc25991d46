"""`obsdeck up`: bring the stack up, prove that telemetry gets through, say what to try next."""

from __future__ import annotations

import signal
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from obsdeck.cli import context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from obsdeck.diagnose.model import Check
    from obsdeck.stack.status import StackStatus


def up(
    *,
    runtime: Annotated[
        Literal["auto", "docker", "native"] | None,
        typer.Option(help="How components run; auto prefers a running Docker engine.", show_default=False),
    ] = None,
    demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Also run the quickstart service.")] = True,
    offline: Annotated[
        bool, typer.Option("--offline", help="Download nothing; say what is missing.")
    ] = False,
    databases: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="DATABASES",
            help="Also watch these databases: postgres, redis, or postgres,redis.",
            show_default=False,
        ),
    ] = None,
    env_file: context.EnvFile = None,
    json: context.Json = False,
) -> None:
    """Start the stack and prove that telemetry gets through.

    Every component is started at once and waited for until it is ready; then one trace, metric and log are
    sent through and found again. What runs already is left alone, so a second `up` is harmless.
    """
    from obsdeck.cli import table
    from obsdeck.cli.progress import Progress
    from obsdeck.diagnose import canary
    from obsdeck.stack import lifecycle
    from obsdeck.stack.databases import words

    signal.signal(signal.SIGTERM, _terminated)
    settings, home = context.load(env_file)
    wanted = lifecycle.Wanted(
        runtime or settings["OBSDECK_RUNTIME"], demo, offline, databases=words(databases or ())
    )
    with Progress(context.talk(), quiet=json) as progress:
        status = lifecycle.up(wanted, settings, home, progress)
        progress.task("one trace, metric and log on their way through")
        checks = canary.round_trip(status.settings)
    ok = status.ok and all(check.ok for check in checks)
    if json:
        typer.echo(table.document(status, ok=ok, checks=[asdict(one) for one in checks]))
    else:
        _print(status, checks)
    if not ok:
        raise typer.Exit(1)


def _terminated(_number: int, _frame: Any) -> None:
    """SIGTERM is treated like Ctrl-C: what was begun is taken back, then the process ends."""
    sys.exit(143)


def _print(status: StackStatus, checks: Sequence[Check]) -> None:
    from obsdeck.cli import table

    context.data().print(table.components(status))
    for note in table.notes(status):
        typer.echo(note)
    typer.echo()
    for check in checks:
        signal_name = check.id.removeprefix("round-trip.")
        if check.ok:
            typer.echo(f"{signal_name}: sent, and found again after {check.seconds:.1f} s")
        else:
            typer.echo(f"{signal_name}: NOT found again: {check.evidence}; {check.next}")
    typer.echo(f"{status.runtime} runtime, {status.rss_bytes / 1e6:.0f} MB in all")
    typer.echo()
    for line in _next_steps(status):
        typer.echo(line)


def _next_steps(status: StackStatus) -> list[str]:
    urls = {row.name: row.url for row in status.components if row.state == "ready"}
    steps = ["Try next:"]
    if "grafana" in urls:
        steps.append(f"  {urls['grafana']}/d/obsdeck-http   rate, errors and duration of the quickstart")
    if "quickstart" in urls:
        steps.append(f"  curl {urls['quickstart']}/slow   then look for it in what follows")
        steps.append(
            "  obsdeck trace --slowest quickstart   one slow request: its spans, log lines and metrics"
        )
        steps.append(f"  {urls['quickstart']}/docs   the quickstart service")
    otlp = urls.get("collector", "")
    steps.append(f"  OTEL_EXPORTER_OTLP_ENDPOINT={otlp}   and instrument(app) in your own service")
    steps.append("  obsdeck doctor   if anything seems to be missing;   obsdeck down   to stop")
    return steps
