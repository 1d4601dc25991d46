"""Text of a query -> tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from obsdeck.tracestore.traceql.errors import TraceQLError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NANOSECONDS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86_400 * 10**9,
    "w": 604_800 * 10**9,
    "y": 31_536_000 * 10**9,
}
_ESCAPES: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
}
_ESCAPE: Final = re.compile(
    r"""\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.?))"""
)
_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d|w|y)")

# What may be part of an attribute's name; a quoted part may hold anything.
_NAME: Final = r"""(?:[^\s{}()=~!<>&|^,"]|"(?:[^"\\]|\\.)*")*"""
_TOKEN: Final = re.compile(
    rf"""
      (?P<space>\s+|//[^\n]*|/\*.*?\*/)
    | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+|[0-9nsuµmhdwy.]*[nsuµmhdwy])?)
    | (?P<attribute>(?:(?:parent\.)?(?:resource|span)|parent|event|link|instrumentation|)\.{_NAME})
    | (?P<scoped>(?:trace|span|event|link|instrumentation):\w*)
    | (?P<word>[^\W\d]\w*)
    | (?P<text>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
    | (?P<operator>&&|\|\||&>>|&<<|&[<>~]|!>>|!<<|![<>~=]|=~|>>|<<|>=|<=|[=<>~!|{{}}(),+*/%^-])
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a query.

    ``kind`` is ``word``, ``text``, ``int``, ``float``, ``duration``, ``attribute``, ``scoped``, ``operator``
    or ``end``; ``text`` is how it was written; ``value`` what it stands for.
    """

    kind: str
    text: str
    value: str | int | float
    position: int


def tokens(query: str) -> Iterator[Token]:
    """The tokens of a query, the last of kind ``end``.

    Raises:
        TraceQLError: A character that starts no token, a text without end, a wrong escape.
    """
    position = 0
    while position < len(query):
        found = _TOKEN.match(query, position)
        if not found:
            raise TraceQLError(_complaint(query[position]), query, position)
        kind, text = found.lastgroup or "", found.group()
        if kind == "number":
            yield _number(text, query, position)
        elif kind == "text":
            yield Token(kind, text, _unquoted(text, query, position), position)
        elif kind == "attribute":
            yield Token(kind, text, _attribute_name(text, query, position), position)
        elif kind != "space":
            yield Token(kind, text, text, position)
        position = found.end()
    yield Token("end", "", "", position)


def _complaint(character: str) -> str:
    if character in '"`':
        return "literal not terminated"
    return f"unexpected character {character!r}"


def _number(text: str, query: str, position: int) -> Token:
    if text.isdecimal():
        return Token("int", text, int(text), position)
    nanoseconds = parse_duration(text)
    if nanoseconds is not None:
        return Token("duration", text, nanoseconds, position)
    try:
        return Token("float", text, float(text), position)
    except ValueError:
        raise TraceQLError(f"{text!r} is neither a number nor a duration", query, position) from None


def parse_duration(text: str) -> int | None:
    """Nanoseconds of ``1.5s`` or ``1h30m``; None where the text is no duration."""
    total, position = 0.0, 0
    whole = 0
    while position < len(text):
        part = _DURATION_PART.match(text, position)
        if not part:
            return None
        amount, unit = part[1], _NANOSECONDS[part[2]]
        if amount.isdecimal():
            whole += int(amount) * unit
        else:
            total += float(amount) * unit
        position = part.end()
    return whole + round(total) if text else None


def _unquoted(text: str, query: str, position: int) -> str:
    body = text[1:-1]
    if text[0] == "`":
        return body
    return _ESCAPE.sub(lambda found: _unescaped(found, query, position), body)


def _unescaped(found: re.Match[str], query: str, position: int) -> str:
    two, four, eight, octal, single = found.groups()
    code = two or four or eight
    if code or octal:
        return chr(int(code, 16) if code else int(octal, 8))
    if single in _ESCAPES:
        return _ESCAPES[single]
    raise TraceQLError(
        f"invalid escape \\{single} (write a regular expression in backquotes)", query, position
    )


def _attribute_name(text: str, query: str, position: int) -> str:
    """The attribute's name without its scope and quotes."""
    _, _, name = text.partition(".")
    if text.startswith(("parent.resource.", "parent.span.")):
        _, _, name = name.partition(".")
    if not name:
        raise TraceQLError(f"an attribute's name is missing after {text!r}", query, position)
    return re.sub(r'"((?:[^"\\]|\\.)*)"', lambda part: re.sub(r"\\(.)", r"\1", part[1]), name)
