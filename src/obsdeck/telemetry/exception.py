"""An exception as attributes, by the semantic conventions.

A FastAPI stack is longer than attributes are allowed to be, and the SDK cuts what is too long at its end:
there is the exception, and the line of the application that raised it.
"""

from __future__ import annotations

import traceback

from obsdeck.telemetry import plain


def attributes(error: BaseException, length: int) -> dict[str, str]:
    """Type, message and stack.

    Args:
        error: The exception.
        length: Characters that the stack may have.
    """
    return {
        "exception.type": type_name(error),
        "exception.message": plain.text(error),
        "exception.stacktrace": stack(error, length),
    }


def type_name(error: BaseException) -> str:
    """The full name of its class; of a built-in one without `builtins`."""
    cls = type(error)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def stack(error: BaseException, length: int) -> str:
    """The stack of an exception in at most `length` characters; outermost frames are left out first."""
    lines = plain.text(_formatted(error)).splitlines(keepends=True)
    kept: list[str] = []
    room = length - 40  # for the line that says what is missing
    for line in reversed(lines):
        room -= len(line)
        if room < 0:
            break
        kept.append(line)
    missing = len(lines) - len(kept)
    if missing == 0:
        return "".join(lines)
    return f"({missing} lines left out)\n" + "".join(reversed(kept))


def _formatted(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 - it reads attributes that the application may have made unreadable
        return "".join(traceback.format_tb(error.__traceback__))
