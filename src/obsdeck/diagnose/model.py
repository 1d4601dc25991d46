"""What a diagnosis is made of: one check, its evidence, the next step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from obsdeck.errors import ObsdeckError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        id: What, as `hop` or `hop.component`: `ready.loki`, `round-trip.trace`.
        ok: Whether it is as it should be.
        evidence: What was asked and what came back.
        next: What to do about it, as a command to type where there is one; empty where nothing is to be done.
        seconds: How long the telemetry took; None where nothing was timed.
    """

    id: str
    ok: bool
    evidence: str
    next: str = ""
    seconds: float | None = None


def guarded(name: str, look: Callable[[], Check], step: str = "obsdeck status") -> Check:
    """What a look finds; a server that stops answering meanwhile is a finding too, not the end of all.

    Args:
        name: The check's id.
        look: Asks, and may raise `ObsdeckError`.
        step: What to do next in that case.
    """
    try:
        return look()
    except ObsdeckError as error:
        return Check(name, ok=False, evidence=words(error), next=step)


def words(error: ObsdeckError) -> str:
    """An error as evidence: what, and why where that is known."""
    return f"{error.message}: {error.why}" if error.why else error.message
