"""Our packs and a user's together, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from obsdeck.packs import silences
from obsdeck.packs.catalog import Catalog
from obsdeck.packs.checks import alerts, dashboards, links, runbooks, signals
from obsdeck.packs.findings import Finding, in_order
from obsdeck.packs.load import Loader
from obsdeck.packs.model.silences import SilencesFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from obsdeck.packs.silences import Silence

CHECKS = (signals.check, dashboards.check, alerts.check, runbooks.check, links.check)


@dataclass(frozen=True)
class Deck:
    """Packs that were read together.

    Attributes:
        catalog: The packs.
        findings: What is wrong and not silenced, in order of place.
        silenced: What is wrong besides.
        silences: All of them, to be asked about more findings.
    """

    catalog: Catalog
    findings: tuple[Finding, ...]
    silenced: tuple[Finding, ...] = ()
    silences: tuple[Silence, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether files may be generated."""
        return not any(one.severity == "error" for one in self.findings)


def read(folders: Sequence[Path]) -> Deck:
    """Read and check the packs of several folders.

    Args:
        folders: Folders of packs; of two packs of one name the second is a finding.
    """
    loader = Loader()
    packs = [pack for folder in folders for pack in loader.packs(folder)]
    for index, pack in enumerate(packs):
        if pack.name in {other.name for other in packs[:index]}:
            what = f"there is another pack {pack.name!r}"
            loader.findings.append(
                Finding("duplicate-pack", what, pack.about.place(), hint="rename its folder")
            )
    silenced = tuple(silence for folder in folders for silence in _silences(folder, loader))
    wrong = [fault for pack in packs for group in pack.groups if (fault := signals.resolvable(group))]
    catalog = Catalog(() if wrong else tuple(packs))
    found = wrong or [finding for check in CHECKS for finding in check(catalog)]
    sorted_ = silences.sort(in_order([*loader.findings, *found]), silenced)
    return Deck(catalog, sorted_.open, sorted_.silenced, silenced)


def _silences(folder: Path, loader: Loader) -> Iterator[Silence]:
    written = loader.read(folder.parent / silences.FILE, SilencesFile, folder.parent)
    if written:
        yield from silences.beside(folder, written, datetime.now(UTC).date())
