"""Query parameters, read the way Tempo reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from obsdeck.tracestore.search import Window

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

_NANOSECONDS = 10**9
_MAX_SECONDS = 2**32 - 1


class ParameterError(Exception):
    """A query parameter that cannot be read: 400."""


def window(parameters: QueryParams) -> Window:
    """The time range of ``start`` and ``end``, in seconds since 1970; all time where neither is given.

    Raises:
        ParameterError: One is no number, or the range is empty.
    """
    start = whole_number(parameters, "start", 0)
    end = whole_number(parameters, "end", 0)
    if not start and not end:
        return Window()
    if end <= start:
        raise ParameterError(f"http parameter start must be before end. received start={start} end={end}")
    return Window(start * _NANOSECONDS, end * _NANOSECONDS)


def whole_number(parameters: QueryParams, name: str, default: int) -> int:
    """A number from 0 to 2**32 - 1.

    Raises:
        ParameterError: It is none.
    """
    text = parameters.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdecimal() or int(text) > _MAX_SECONDS:
        raise ParameterError(f"invalid {name}: {text!r} is not a number from 0 to {_MAX_SECONDS}")
    return int(text)
