"""Whatever an application records, as a value that OTLP has a type and UTF-8 for; nothing here raises."""

from __future__ import annotations

from typing import Any


def value(given: Any) -> str | bool | int | float:
    """Text and numbers as they are, anything else as its text."""
    return given if isinstance(given, (bool, int, float)) else text(given)


def text(given: object) -> str:
    """The text of anything.

    Args:
        given: Half a surrogate pair in its text, which any client can send in JSON, has no UTF-8 and becomes
            an escape; what has no text, because its `__str__` raises, becomes the name of its class.
    """
    try:
        said = str(given)
    except Exception:  # noqa: BLE001 - the application's own code
        said = f"<{type(given).__qualname__} whose text cannot be had>"
    return said if said.isascii() else said.encode("utf-8", "backslashreplace").decode()
