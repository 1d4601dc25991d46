"""What `check` reports: a finding has a check's id, a place, a reason and a next step."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from obsdeck.packs.checks.registry import CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from obsdeck.packs.checks.registry import Severity
    from obsdeck.packs.source import Place


@dataclass(frozen=True)
class Finding:
    """One fault.

    Attributes:
        check: The id of the check that found it: the name of its page in `docs/checks`.
        message: What is wrong, one line.
        place: Where.
        why: The evidence, or why it matters.
        hint: What to do.
        eased: Whether it only warns here: in files that may use what no pack declares.
    """

    check: str
    message: str
    place: Place
    why: str = ""
    hint: str = ""
    eased: bool = False

    @property
    def severity(self) -> Severity:
        """How grave it is."""
        return "warning" if self.eased else CHECKS[self.check].severity


def in_order(findings: list[Finding]) -> tuple[Finding, ...]:
    """By file and line, each once."""
    unique = dict.fromkeys(findings)
    return tuple(
        sorted(unique, key=lambda one: (str(one.place.path), one.place.line, one.place.column, one.check))
    )


def close(name: str, known: Iterable[str]) -> str:
    """A hint at a name that may have been meant; empty where none is like it."""
    return _close(name, tuple(sorted(known)))


@lru_cache(maxsize=1024)
def _close(name: str, known: tuple[str, ...]) -> str:
    # An unknown metric is most often unknown in many panels, and the comparison takes milliseconds.
    found = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {found[0]}?" if found else ""
