"""The command line: one file per verb. Each parses, calls, prints and returns an exit code.

stdout is data, stderr is talk. Exit codes: 0 as asked, 1 the answer is no, 2 wrong use or
configuration, 3 something needed is missing or unreachable, 130 interrupted.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from obsdeck.cli import (
    check,
    config,
    doctor,
    down,
    generate,
    init,
    install,
    lineage,
    logs,
    status,
    trace,
    up,
    version,
)
from obsdeck.cli.run import run as run_command

app = typer.Typer(
    name="obsdeck",
    help="OpenTelemetry-first observability for FastAPI services, on one machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rendering it richly costs 300 ms of imports
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 as asked, 1 the answer is no, 2 wrong use, 3 something missing, 130 interrupted.",
)


@app.callback()
def _global(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    pass


# In the order of a day.
app.command("up")(up.up)
app.command("status")(status.status)
app.command("logs")(logs.logs)
app.command("doctor")(doctor.doctor)
app.command("trace")(trace.trace)
# What follows the command's name is the command's own: `obsdeck run uvicorn app:app --port 80` needs no `--`.
app.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(
    run_command
)
app.command("down")(down.down)
app.command("generate")(generate.generate)
app.command("check")(check.check)
app.command("lineage")(lineage.lineage)
app.command("config")(config.config)
app.command("install")(install.install)
app.command("init")(init.init)
app.command("version")(version.version)


def main() -> None:
    """The console script."""
    sys.exit(run(sys.argv[1:]))


def run(argv: list[str]) -> int:
    """Run one command line and return its exit code; errors are printed, never raised."""
    from obsdeck.cli.failure import exit_code_of

    try:
        return int(app(argv, prog_name="obsdeck", standalone_mode=False) or 0)
    except BaseException as error:  # noqa: BLE001 - every end of a command becomes an exit code here
        return exit_code_of(error, argv)
