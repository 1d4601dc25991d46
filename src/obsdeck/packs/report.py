"""Findings as people and machines read them: text with the place underlined, JSON, GitHub's annotations.

What a file says is never printed as it is: a terminal would obey it.
"""

from __future__ import annotations

import os
import unicodedata
from typing import TYPE_CHECKING, Any

from obsdeck.packs.checks.registry import CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from obsdeck.packs.findings import Finding

SCHEMA_VERSION = 1
TAB = "    "
WIDTH, BEFORE = 140, 40
"""How much of a long line is shown, and how much of that stands before the place."""


def text(finding: Finding) -> Iterator[str]:
    """The lines of one finding."""
    place = finding.place
    where = printable(relative(place.path))
    yield f"{finding.severity}[{finding.check}]: {printable(finding.message)}"
    yield f"  --> {where}:{place.line}:{place.column}" if place.line else f"  --> {where}"
    line = _line(place.path, place.line)
    if line:
        shown, marks = _marked(line, place.column - 1, place.width)
        number = str(place.line)
        margin = " " * len(number)
        yield f"  {margin} |"
        yield f"  {number} | {shown}"
        yield f"  {margin} | {marks}"
    if finding.why:
        first, *more = finding.why.splitlines()
        yield f"  why: {printable(first)}"
        yield from (f"       {printable(line)}" for line in more)
    if finding.hint:
        yield f"  do:  {printable(finding.hint)}"


def document(findings: Sequence[Finding], silenced: Sequence[Finding] = ()) -> dict[str, Any]:
    """The document of `check --json`; docs/checks/README.md has its form."""
    return {
        "schema_version": SCHEMA_VERSION,
        "ok": not findings,
        "findings": [_row(one) for one in findings],
        "silenced": [_row(one) for one in silenced],
    }


def github(finding: Finding) -> str:
    """One line that GitHub Actions shows beside the code.

    Facts: https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
    """
    place = finding.place
    words = {"file": relative(place.path), "title": finding.check}
    if place.line:
        words |= {
            "line": str(place.line),
            "col": str(place.column),
            "endColumn": str(place.column + place.width),
        }
    properties = ",".join(f"{key}={_property(value)}" for key, value in words.items())
    message = "\n".join(part for part in (finding.message, finding.why, finding.hint) if part)
    return f"::{finding.severity} {properties}::{_data(message)}"


def relative(path: Path) -> str:
    """A path as people in this directory write it."""
    found = os.path.relpath(path)
    return str(path) if found.startswith("../..") else found


def printable(value: str) -> str:
    """A text whose control characters are written as escapes: on a terminal they would be commands."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in value)


def _row(finding: Finding) -> dict[str, Any]:
    place = finding.place
    return {
        "check": finding.check,
        "title": CHECKS[finding.check].title,
        "severity": finding.severity,
        "message": finding.message,
        "path": relative(place.path),
        "line": place.line,
        "column": place.column,
        "width": place.width,
        "why": finding.why,
        "hint": finding.hint,
    }


def _line(path: Path, number: int) -> str:
    """A line of a file; empty where there is none."""
    if not number:
        return ""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError):
        return ""
    return lines[number - 1] if number <= len(lines) else ""


def _marked(line: str, start: int, width: int) -> tuple[str, str]:
    """A line, or the part of it that matters, and the marks below a place in it."""
    first = max(0, start - BEFORE) if len(line) > WIDTH else 0
    last = min(len(line), first + WIDTH)
    ahead = "…" if first else ""
    before = ahead + _shown(line[first:start])
    meant = _shown(line[start : min(start + width, last)])
    after = _shown(line[start + width : last]) + ("…" if last < len(line) else "")
    return before + meant + after, " " * _cells(before) + "^" * max(1, _cells(meant))


def _shown(part: str) -> str:
    return printable(part.replace("\t", TAB))


def _cells(shown: str) -> int:
    """How many columns of a terminal a text takes: letters of East Asia two, accents none."""
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in shown
    )


def _data(value: str) -> str:
    escaped = value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return printable(escaped)


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
