"""Stacks of exceptions as text that fits into an attribute.

A FastAPI stack is longer than attributes are allowed to be, and the SDK cuts what is too long at its end:
there is the exception, and the line of the application that raised it.
"""

from __future__ import annotations

import traceback


def text(error: BaseException, length: int) -> str:
    """The stack of an exception in at most `length` characters; outermost frames are left out first."""
    lines = "".join(traceback.format_exception(error)).splitlines(keepends=True)
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
