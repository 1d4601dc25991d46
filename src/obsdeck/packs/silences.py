"""Silences: findings that somebody decided to live with, written down beside the folder of packs."""

from __future__ import annotations

import glob
import os.path
from dataclasses import dataclass
from typing import TYPE_CHECKING

from obsdeck.packs.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import date
    from pathlib import Path

    from obsdeck.packs.model.silences import SilenceEntry, SilencesFile
    from obsdeck.packs.source import Place, Sourced

FILE = "silences.yaml"


@dataclass(frozen=True)
class Silence:
    """One silence.

    Attributes:
        entry: What is written.
        place: Where.
        paths: The files it is about, those that exist.
        has_expired: Whether its last day is over.
    """

    entry: SilenceEntry
    place: Place
    paths: frozenset[str]
    has_expired: bool

    def covers(self, finding: Finding) -> bool:
        """Whether it silences a finding."""
        return (
            not self.has_expired
            and finding.check == self.entry.check
            and (self.entry.about or "") in finding.message
            and os.path.abspath(finding.place.path) in self.paths  # noqa: PTH100 - links are kept
        )


@dataclass(frozen=True)
class Sorted:
    """Findings by whether somebody has to act.

    Attributes:
        open: Those that nothing silences.
        silenced: The others.
    """

    open: tuple[Finding, ...]
    silenced: tuple[Finding, ...]


def beside(packs: Path, written: Sourced[SilencesFile], today: date) -> tuple[Silence, ...]:
    """The silences of a file.

    Args:
        packs: The folder of packs that the file lies beside; paths are below the folder that `observability`
            is in, as those of runbooks are.
        written: The file.
        today: The day.
    """
    root = packs.parent.parent
    return tuple(
        Silence(
            entry,
            written.place("silences", index),
            frozenset(_files(root, entry.path)),
            entry.until is not None and today > entry.until,
        )
        for index, entry in enumerate(written.value.silences)
    )


def sort(findings: Iterable[Finding], silences: Collection[Silence]) -> Sorted:
    """Findings in their order, apart."""
    told: list[Finding] = []
    silenced: list[Finding] = []
    for one in findings:
        (silenced if any(silence.covers(one) for silence in silences) else told).append(one)
    return Sorted(tuple(told), tuple(silenced))


def unused(
    silences: Iterable[Silence],
    silenced: Collection[Finding],
    seen: Collection[str],
    unasked: Collection[str],
) -> Iterator[Finding]:
    """Silences that are over: expired, of no file, or of files that no longer have that fault.

    Args:
        silences: All of them.
        silenced: What they silence.
        seen: The files that were checked; of others nothing is known.
        unasked: The checks that were not made.
    """
    for one in silences:
        what = ""
        if one.has_expired:
            what = f"it has expired on {one.entry.until}"
        elif not one.paths:
            what = f"there is no file {one.entry.path}"
        elif one.entry.check not in unasked and one.paths.issubset(seen):
            what = "" if any(map(one.covers, silenced)) else f"nothing is found there by {one.entry.check}"
        if what:
            hint = "mend what it silenced, or give it a new date" if one.has_expired else "remove it"
            yield Finding("unused-silence", what, one.place, why=f"it said: {one.entry.reason}", hint=hint)


def _files(root: Path, pattern: str) -> Iterator[str]:
    for found in glob.iglob(pattern, root_dir=root, recursive=True):  # noqa: PTH207 - takes any text
        path = os.path.abspath(os.path.join(root, found))  # noqa: PTH100, PTH118 - links are kept
        if os.path.isfile(path):  # noqa: PTH113
            yield path
