"""`obsdeck run`: a service with telemetry and no change to its code."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from obsdeck.errors import MissingError

if TYPE_CHECKING:
    from collections.abc import Mapping


def run(
    command: Annotated[
        list[str], typer.Argument(help="The command, behind `--`: -- uvicorn app:app", show_default=False)
    ],
) -> NoReturn:
    """Run a command; every FastAPI app that it serves, in whatever process, is instrumented."""
    from obsdeck.telemetry.settings import read

    reading = read(os.environ, {})
    if reading.settings.metrics_mode == "strict":
        reading.raise_faults()  # the service would, but only when it first serves
    # Python ignores it and an ignored signal stays so: `obsdeck run -- yes | head` would never end quietly.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        # In this process's place: signals and the exit code are the command's own.
        os.execvpe(command[0], command, instrumented(os.environ))  # noqa: S606 - there is to be no shell
    except OSError as error:
        raise MissingError(
            f"cannot run {command[0]}",
            why=error.strerror or str(error),
            hint=f"see what `command -v {command[0]}` says; a virtual environment may have to be activated",
        ) from error


def instrumented(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with the folder in front of PYTHONPATH that instruments FastAPI apps."""
    from obsdeck.telemetry import bootstrap

    before = environ.get("PYTHONPATH")
    # An empty PYTHONPATH is none; an empty part of one is the working directory.
    folders = [*bootstrap.__path__, *([before] if before else [])]
    return {**environ, "PYTHONPATH": os.pathsep.join(folders)}
