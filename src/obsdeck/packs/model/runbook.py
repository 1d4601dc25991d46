"""The front matter of a runbook."""

from __future__ import annotations

from obsdeck.packs.model.alerts import AlertName, Severity
from obsdeck.packs.model.base import Model, Text

SECTIONS = ("Impact", "Diagnosis", "Mitigation", "Verify", "False positives")
"""The headings that every runbook has, in this order; what stands before them is the meaning."""


class Front(Model):
    """What ties a runbook to its alert.

    Attributes:
        alert: The alert's name.
        severity: Every severity it has.
        owner: Who acts.
        panel: What shows it: dashboard's uid / panel's title.
    """

    alert: AlertName
    severity: list[Severity]
    owner: Text
    panel: Text
