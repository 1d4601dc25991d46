"""Our packs and a user's together, and what is wrong with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from obsdeck.packs.catalog import Catalog
from obsdeck.packs.checks import alerts, dashboards, links, runbooks, signals
from obsdeck.packs.findings import Finding, in_order
from obsdeck.packs.load import Loader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CHECKS = (signals.check, dashboards.check, alerts.check, runbooks.check, links.check)


@dataclass(frozen=True)
class Deck:
    """Packs that were read together.

    Attributes:
        catalog: The packs.
        findings: What is wrong, in order of place.
    """

    catalog: Catalog
    findings: tuple[Finding, ...]

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
    wrong = [fault for pack in packs for group in pack.groups if (fault := signals.resolvable(group))]
    if wrong:
        return Deck(Catalog(()), in_order([*loader.findings, *wrong]))
    catalog = Catalog(tuple(packs))
    found = [finding for check in CHECKS for finding in check(catalog)]
    return Deck(catalog, in_order([*loader.findings, *found]))
