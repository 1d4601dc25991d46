"""Text that came with telemetry, made safe to show: it may hold anything."""

from __future__ import annotations


def visible(text: str) -> str:
    """Text without anything that a terminal or a browser obeys: control characters are written as escapes.

    That covers ANSI escapes, line breaks, and marks that turn the direction of writing.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
