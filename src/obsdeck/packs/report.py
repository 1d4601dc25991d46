"""Findings as people and machines read them: text with the place underlined, JSON, GitHub's annotations."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from obsdeck.packs.findings import Finding

SCHEMA_VERSION = 1


def text(finding: Finding) -> Iterator[str]:
    """The lines of one finding."""
    place = finding.place
    where = relative(place.path)
    yield f"{finding.severity}[{finding.check}]: {finding.message}"
    yield f"  --> {where}:{place.line}:{place.column}" if place.line else f"  --> {where}"
    shown = _line(place.path, place.line)
    if shown:
        number = str(place.line)
        margin = " " * len(number)
        marks = "^" * max(1, min(place.width, len(shown) - place.column + 1))
        yield f"  {margin} |"
        yield f"  {number} | {shown}"
        yield f"  {margin} | {' ' * (place.column - 1)}{marks}"
    if finding.why:
        first, *more = finding.why.splitlines()
        yield f"  why: {first}"
        yield from (f"       {line}" for line in more)
    if finding.hint:
        yield f"  do:  {finding.hint}"


def document(findings: Sequence[Finding], **more: Any) -> dict[str, Any]:
    """The document of `check --json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "ok": not findings,
        "findings": [
            {
                "check": one.check,
                "severity": one.severity,
                "message": one.message,
                "path": relative(one.place.path),
                "line": one.place.line,
                "column": one.place.column,
                "why": one.why,
                "hint": one.hint,
            }
            for one in findings
        ],
        **more,
    }


def github(finding: Finding) -> str:
    """One line that GitHub Actions shows beside the code.

    Facts: https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
    """
    place = finding.place
    words = {"file": relative(place.path), "title": finding.check}
    if place.line:
        words |= {"line": str(place.line), "col": str(place.column)}
    properties = ",".join(f"{key}={_property(value)}" for key, value in words.items())
    parts = (finding.message, finding.why, finding.hint)
    message = ". ".join(part for part in parts if part)
    return f"::{finding.severity} {properties}::{_data(message)}"


def relative(path: Path) -> str:
    """A path as people in this directory write it."""
    found = os.path.relpath(path)
    return str(path) if found.startswith("../..") else found


def _line(path: Path, number: int) -> str:
    """A line of a file; empty where there is none. Tabs and control characters would move the marks."""
    if not number:
        return ""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    found = lines[number - 1] if number <= len(lines) else ""
    return "".join(character if character.isprintable() else " " for character in found)[:200]


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")
