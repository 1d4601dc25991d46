"""Every check that exists: its id, what it says in a line, how grave it is, whether it may be silenced.

The id is the name of its page in `docs/checks`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Severity = Literal["error", "warning"]
"""An error stops `generate`; a warning is reported and stops nothing."""


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        title: What its findings say, in a line.
        severity: How grave it is.
        can_be_silenced: Whether one can do with it; not where nothing could be read or generated then.
    """

    title: str
    severity: Severity = "error"
    can_be_silenced: bool = True


def _needed(title: str) -> Check:
    return Check(title, can_be_silenced=False)


def _warned(title: str) -> Check:
    return Check(title, "warning")


READING: Mapping[str, Check] = {
    "unreadable": _needed("A file cannot be read, or is not what its name says"),
    "unknown-file": _needed("A file is neither a dashboard nor a file of rules"),
    "unknown-key": _needed("A key that the format does not have"),
    "missing-key": _needed("A key is missing that the format needs"),
    "wrong-value": _needed("A value of the wrong kind, or one that is not allowed"),
    "outside": _needed("A link leads out of the pack"),
    "no-pack": _needed("A folder without pack.yaml among packs"),
    "stray-file": Check("A file that means nothing in a pack"),
}
"""What is found while files are read."""

UNREAD = frozenset({"unreadable", "unknown-file"})
"""Of files that could not be checked at all."""

SIGNALS: Mapping[str, Check] = {
    "duplicate-pack": _needed("Two packs of one name"),
    "duplicate-signal": _needed("A signal is declared twice"),
    "unknown-attribute": _needed("A ref to an attribute that nobody defines"),
    "unknown-unit": _needed("A unit that does not exist"),
    "unused-signal": _warned("A signal that nothing shows or judges"),
}

DASHBOARDS: Mapping[str, Check] = {
    "duplicate-uid": _needed("Two dashboards of one uid"),
    "duplicate-panel": _needed("Two panels of one title, or of one number, in a dashboard"),
    "duplicate-variable": _needed("A variable is there twice"),
    "unknown-signal": _needed("A signal that nobody declares"),
    "measure": _needed("A measure that the signal's instrument does not have"),
    "levels": _needed("Levels that leave a gap, overlap, or are no ranges"),
    "no-exemplars": _needed("A table of exemplars without a panel that asks for them"),
    "bare-panel": _warned("A panel without title, description, unit or a text for the empty case"),
    "unknown-datasource": _warned("A data source that nothing provisions"),
}

QUERIES: Mapping[str, Check] = {
    "query-syntax": _needed("A query that does not parse"),
    "unknown-metric": Check("A metric that nobody is known to emit"),
    "unknown-label": Check("A label or an attribute that the signal does not have"),
    "unknown-variable": Check("A variable that the dashboard does not have"),
    "raw-counter": _warned("A counter without rate or increase"),
    "rate-of-gauge": _warned("A rate of what may go down"),
    "link-tags": Check("A query of a trace that is not about the span"),
}

RULES: Mapping[str, Check] = {
    "duplicate-recording": _needed("A name that is recorded twice, or is a signal's"),
    "duplicate-group": _needed("Two groups of rules of one name in a file"),
    "no-panel": _needed("A panel that does not exist"),
    "alert-level": _needed("An alert by a level that its panel cannot give"),
    "duplicate-alert": _needed("An alert's name that two packs have"),
    "template": Check("Braces of a template that do not close"),
    "unknown-alert": Check("A test of an alert that the pack does not have"),
    "untested-alert": Check("An alert that is not tested firing, quiet and without data"),
    "bare-alert": _warned("An alert without severity, summary or runbook_url"),
    "rules": Check("Rules that Prometheus refuses"),
    "rule-test": Check("A test of rules that fails"),
}

RUNBOOKS: Mapping[str, Check] = {
    "no-runbook": Check("A runbook that does not exist"),
    "orphan-runbook": Check("A runbook of no alert"),
    "runbook": Check("A runbook that lacks something, or says another thing than its alert"),
}

UPKEEP: Mapping[str, Check] = {
    "drift": _needed("A generated file that is not what the packs say"),
    "unused-silence": Check(
        "A silence that silences nothing, or has expired", "warning", can_be_silenced=False
    ),
}

SECTIONS: Mapping[str, Mapping[str, Check]] = {
    "Reading": READING,
    "Signals": SIGNALS,
    "Dashboards": DASHBOARDS,
    "Queries": QUERIES,
    "Rules": RULES,
    "Runbooks": RUNBOOKS,
    "Upkeep": UPKEEP,
}

CHECKS: Mapping[str, Check] = {name: check for group in SECTIONS.values() for name, check in group.items()}
"""Every check, by id."""
