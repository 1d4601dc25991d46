"""How a command ends when it fails: the error for people, or the document for machines, and the code."""

from __future__ import annotations

import json
import sys
import traceback
from typing import TYPE_CHECKING

from obsdeck.diagnose.printable import visible
from obsdeck.errors import ObsdeckError

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130
UNEXPECTED = 70
"""EX_SOFTWARE of sysexits.h: a fault of obsdeck itself."""


def exit_code_of(error: BaseException, argv: Sequence[str]) -> int:
    """Print an error in the form that `argv` asks for and return the exit code for it."""
    argv = _own(argv)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if "--debug" in argv:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, ObsdeckError):
        _print(error, as_json="--json" in argv)
        return error.exit_code
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        sys.stderr.write("\ninterrupted\n")
        return INTERRUPTED
    if hasattr(error, "show") and hasattr(error, "exit_code"):  # the parser's own errors
        error.show(file=sys.stderr)
        return int(error.exit_code)
    sys.stderr.write(f"error: {type(error).__name__}: {error}\n")
    sys.stderr.write(
        "hint: this is a fault of obsdeck; run the command again with --debug and report what it prints\n"
    )
    return UNEXPECTED


def _own(argv: Sequence[str]) -> Sequence[str]:
    """The words that are ours: what follows `run` is another program's command line."""
    return argv[: argv.index("run")] if "run" in argv else argv


def _print(error: ObsdeckError, *, as_json: bool) -> None:
    if as_json:
        fault = {"message": error.message, "where": error.where, "why": error.why, "hint": error.hint}
        sys.stdout.write(json.dumps({"schema_version": 1, "ok": False, "error": fault}, indent=2) + "\n")
        return
    lines = [f"error: {error.message}"]
    lines += [f"  --> {error.where}"] if error.where else []
    lines += [f"  | {line}" for line in error.why.splitlines()]
    lines += [f"hint: {error.hint}"] if error.hint else []
    # What a file or a server said is part of it, and may hold what a terminal obeys.
    sys.stderr.write("\n".join(visible(part) for line in lines for part in line.splitlines()) + "\n")
