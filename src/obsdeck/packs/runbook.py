"""A runbook: front matter, sections, and the queries in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from obsdeck.packs import source
from obsdeck.packs.source import Place, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from obsdeck.packs.source import Document

QUERIES = ("promql", "logql", "traceql")


@dataclass(frozen=True)
class Fence:
    """A fenced block of code.

    Attributes:
        language: What stands behind its first backticks; empty for nothing.
        text: What is in it, without indentation.
        place: Its first line.
    """

    language: str
    text: str
    place: Place


@dataclass(frozen=True)
class Heading:
    """A section's heading and the line it stands on."""

    title: str
    place: Place
    is_empty: bool


@dataclass(frozen=True)
class Runbook:
    """One page.

    Attributes:
        path: The file; its name is the alert's.
        front: The front matter, as YAML.
        meaning: What stands between the title and the first section.
        headings: Of its sections.
        fences: Its blocks of code.
        text: Everything below the front matter.
    """

    path: Path
    front: Document
    meaning: str
    headings: tuple[Heading, ...]
    fences: tuple[Fence, ...]
    text: str

    @property
    def queries(self) -> tuple[Fence, ...]:
        """The fences that hold a query."""
        return tuple(fence for fence in self.fences if fence.language in QUERIES)


def read(path: Path) -> Runbook:
    """Read a page.

    Raises:
        Unreadable: It cannot be read, or has no front matter.
    """
    text = source.text(path)
    match = re.match(r"---\n(.*?\n)---\n", text, re.DOTALL)
    if not match:
        hint = "begin it with `---`, alert, severity, owner and panel, and another `---`"
        raise Unreadable("has no front matter", Place(path, 1), hint)
    # One line above the front matter's YAML, so that its places are those of the file.
    front = source.parse("\n" + match[1], path)
    body = text[match.end() :]
    above = text[: match.end()].count("\n")
    headings = _headings(path, body, above)
    first = headings[0].place.line - 1 - above if headings else None
    meaning = re.sub(r"^# .*$", "", "\n".join(body.splitlines()[:first]), flags=re.MULTILINE).strip()
    return Runbook(path, front, meaning, headings, tuple(_fences(path, body, above)), body)


def _outside_fences(body: str, above: int) -> Iterator[tuple[int, str]]:
    inside = False
    for number, line in enumerate(body.splitlines(), above + 1):
        if line.lstrip().startswith("```"):
            inside = not inside
        elif not inside:
            yield number, line


def _headings(path: Path, body: str, above: int) -> tuple[Heading, ...]:
    lines = body.splitlines()
    numbers = [number for number, line in _outside_fences(body, above) if line.startswith("## ")]
    return tuple(
        Heading(title, Place(path, number, 4, len(title)), not "".join(content).strip())
        for number, end in pairwise([*numbers, above + len(lines) + 1])
        for title in [lines[number - above - 1][3:].strip()]
        for content in [lines[number - above : end - above - 1]]
    )


def _fences(path: Path, body: str, above: int) -> Iterator[Fence]:
    for match in re.finditer(r"^( *)```(\w*)[^\n]*\n(.*?)^ *```", body, re.MULTILINE | re.DOTALL):
        indent = len(match[1])
        line = above + body[: match.start()].count("\n") + 2
        text = "\n".join(row[indent:] for row in match[3].splitlines())
        first = text.partition("\n")[0]
        yield Fence(match[2], text.strip(), Place(path, line, indent + 1, max(1, len(first))))
