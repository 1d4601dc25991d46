"""`silences.yaml`: findings that one can live with, each with the reason."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from obsdeck.packs.checks.registry import CHECKS
from obsdeck.packs.model.base import Model, Text


def _known(check: str) -> str:
    if check not in CHECKS:
        raise ValueError(f"there is no check {check!r}; docs/checks lists them")
    if not CHECKS[check].can_be_silenced:
        raise ValueError(f"{check!r} cannot be silenced: nothing can be generated until it is mended")
    return check


def _date(value: object) -> date:
    if isinstance(value, str):
        return date.fromisoformat(value.strip())
    raise ValueError("write a date as 2027-01-31")


class SilenceEntry(Model):
    """One entry.

    Attributes:
        check: The id of the check.
        path: The files it is about: a path below the repository, in which `*` stands for anything but `/` and
            `**` for any folders.
        about: What the finding's message contains; else all of that check in those files are silenced.
        reason: Why one can live with it.
        until: The last day on which it silences.
    """

    check: Annotated[str, AfterValidator(_known)]
    path: Text
    about: Text | None = None
    reason: Text
    until: Annotated[date, BeforeValidator(_date)] | None = None


class SilencesFile(Model):
    """The file."""

    silences: tuple[SilenceEntry, ...] = ()
