"""How the series of one SLO are known: the labels that its rules set, the selector that finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from obsdeck.packs.slos.model import Slo, Slos


@dataclass(frozen=True)
class Identity:
    """One SLO among all.

    Attributes:
        id: `<service>-<name>`; must be unique among all files of one Prometheus.
        ids: The three labels that say which SLO it is.
        labels: Those, and the user's.
    """

    id: str
    ids: dict[str, str]
    labels: dict[str, str]

    def series(self, metric: str, window: str = "") -> str:
        """The series of one metric of this SLO, over a window if one is given."""
        matchers = ", ".join(f'{name}="{value}"' for name, value in self.ids.items())
        return f"{metric}{{{matchers}}}" + (f"[{window}]" if window else "")

    def own(self) -> str:
        """The labels that tell no two series of it apart, for `without (...)`."""
        return ", ".join(sorted({"sloth_window", *self.labels} - self.ids.keys()))


def identity(slos: Slos, slo: Slo) -> Identity:
    """The identity of one SLO of a file."""
    name = f"{slos.service}-{slo.name}"
    ids = {"sloth_id": name, "sloth_service": slos.service, "sloth_slo": slo.name}
    return Identity(name, ids, {**ids, **slos.labels, **slo.labels})
