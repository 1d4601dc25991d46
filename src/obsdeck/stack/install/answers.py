"""What a program says about itself: its version, and for a collector the parts it is made of."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from obsdeck.stack.install.cache import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANSWER_SECONDS = 10
"""Loki, the slowest, needs 0.2 s; a busy machine several times that."""


@dataclass(frozen=True)
class Answer:
    """A program's own words.

    Attributes:
        version: As in 3.15.0; empty where it does not say one.
        parts: A collector's components as section/name; empty for other programs.
        fault: Why it could not be asked, empty if it could.
    """

    version: str = ""
    parts: frozenset[str] = frozenset()
    fault: str = ""


def ask(program: Path, *, parts: bool = False) -> Answer:
    """Run a program for its version.

    Args:
        program: What to run.
        parts: Also list a collector's components.
    """
    try:
        version = _said(program, "--version")
        listed = _said(program, "components") if parts else ""
    except (OSError, subprocess.SubprocessError) as error:
        return Answer(fault=str(error))
    # Self-built programs may say "version  (branch: ...)": then the next number is another one's.
    found = re.search(r"\b(?:version:?|exporter)[ \t]+v?(\d+\.\d+(?:\.\d+)?)", version, re.IGNORECASE)
    return Answer(found[1] if found else "", frozenset(_parts(listed)))


def remembered(program: Path, cache: Path, *, parts: bool = False) -> Answer:
    """As `ask`, but a program that has not changed since is not run again."""
    known = read_json(cache / "answers.json")
    now = program.stat()
    stamp = [now.st_size, now.st_mtime_ns, parts]
    before = known.get(str(program)) or {}
    if before.get("stamp") == stamp:
        return Answer(before["version"], frozenset(before["parts"]))
    answer = ask(program, parts=parts)
    if not answer.fault:
        said = {"stamp": stamp, "version": answer.version, "parts": sorted(answer.parts)}
        write_json(cache / "answers.json", {**known, str(program): said})
    return answer


def _said(program: Path, argument: str) -> str:
    done = subprocess.run(
        [str(program), argument],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=ANSWER_SECONDS,
        check=True,
    )
    return (done.stdout + done.stderr).decode(errors="replace")


def _parts(listed: str) -> Iterator[str]:
    section = ""
    for line in listed.splitlines():
        if heading := re.fullmatch(r"(\w+):", line):
            section = heading[1]
        elif name := re.fullmatch(r"\s+- (?:name: )?([\w/]+)", line):
            yield f"{section}/{name[1]}"
