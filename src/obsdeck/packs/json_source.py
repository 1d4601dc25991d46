"""Reading JSON so that every value has a place, as `source` does with YAML."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from obsdeck.packs import source
from obsdeck.packs.source import Document, Loc, Place, Unreadable

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 8 << 20
"""Dashboards are written by programs, and are longer than what people write."""

_SIGN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}:,]|[^][{}:,"\s]+')


def read(path: Path) -> Document:
    """Read one file.

    Raises:
        Unreadable: It is no regular file, too large, not UTF-8, no JSON, or nested too deep.
    """
    text = source.text(path, MAX_BYTES)
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise Unreadable(f"is no JSON: {error.msg}", Place(path, error.lineno, error.colno)) from error
    except RecursionError as error:
        raise Unreadable("is nested too deep", Place(path)) from error
    except ValueError as error:
        raise Unreadable(f"is no JSON: {error}", Place(path)) from error
    return Document(path, text, data, _places(text, path))


@dataclass
class _Open:
    """A list or an object whose end was not met yet: where it is, and which of its values comes next."""

    loc: Loc
    next: str | int | None


def _places(text: str, path: Path) -> dict[Loc, Place]:
    """The places of all values and keys of a text that is known to be JSON."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    found: dict[Loc, Place] = {}
    above: list[_Open] = []
    for match in _SIGN.finditer(text):
        sign = match[0]
        line = bisect_right(starts, match.start())
        place = Place(path, line, match.start() - starts[line - 1] + 1, len(sign))
        inner = above[-1] if above else _Open((), None)
        if sign in "]}":
            above.pop()
        elif sign == ",":
            inner.next = inner.next + 1 if isinstance(inner.next, int) else None
        elif sign == ":":
            continue
        elif above and inner.next is None:
            inner.next = str(json.loads(sign))
            found[(*inner.loc, f"key:{inner.next}")] = place
        else:
            loc = (*inner.loc, inner.next) if above and inner.next is not None else ()
            found[loc] = place
            if sign in "[{":
                above.append(_Open(loc, 0 if sign == "[" else None))
    return found
