"""Texts of the environment as values: one function per kind; each raises ValueError for any other text."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable


def one_of(*words: str) -> Callable[[str], str]:
    """One of these words, in any case."""

    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(text)
        return text.lower()

    return read


def boolean(text: str) -> bool:
    """`true` or `false`."""
    return one_of("true", "false")(text) == "true"


def positive(text: str) -> float:
    """A number above 0."""
    number = float(text)
    if not (0 < number < math.inf):
        raise ValueError(text)
    return number


def count(text: str) -> int:
    """A whole number above 0."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def url(text: str) -> str:
    """An http or https URL, without a slash at its end."""
    parts = urlsplit(text)
    # Reading the port is what finds one that is no number.
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError(text)
    return text.rstrip("/")


def path(text: str) -> str:
    """A path of a URL, without parameters."""
    if not text.startswith("/") or "?" in text or "{" in text:
        raise ValueError(text)
    return text


def paths(text: str) -> tuple[str, ...]:
    """Paths, separated by commas."""
    return tuple(path(part.strip()).rstrip("/") or "/" for part in text.split(",") if part.strip())


def prefix(text: str) -> str:
    """A path, or nothing."""
    return path(text) if text else ""


def otlp(text: str) -> str:
    """`otlp` or `none`; `prometheus` is `none`, since the page is there in any case."""
    return "none" if one_of("otlp", "none", "prometheus")(text) == "prometheus" else text.lower()


def rising(text: str) -> tuple[float, ...]:
    """Numbers above 0, each more than the one before, separated by commas."""
    numbers = tuple(positive(part) for part in text.split(","))
    if any(first >= second for first, second in pairwise(numbers)):
        raise ValueError(text)
    return numbers
