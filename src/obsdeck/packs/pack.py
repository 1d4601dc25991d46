"""A pack as it was read: its files' contents, each with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from obsdeck.packs.model.alerts import Alert, Recording
    from obsdeck.packs.model.dashboard import DashboardFile
    from obsdeck.packs.model.pack import PackFile, TraceToMetrics
    from obsdeck.packs.model.signal import Group
    from obsdeck.packs.runbook import Runbook
    from obsdeck.packs.slos.model import Slos
    from obsdeck.packs.source import Document, Sourced

NAME = re.compile(r"(?=.{1,40}\Z)[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""Of a pack, and so of its folder, its files, and its dashboards' uids."""


@dataclass(frozen=True)
class Pack:
    """One pack.

    Attributes:
        name: The name of its folder.
        folder: Where it lies.
        about: `pack.yaml`.
        groups: Of `signals.yaml`.
        dashboards: One per file in `dashboards/`.
        recordings: Of `alerts.yaml`.
        alerts: Of `alerts.yaml`.
        slos: `slos.yaml`, if there is one.
        links: Of `links.yaml`.
        tests: The files in `tests/`.
        runbooks: The pages in `runbooks/<name>/`.
    """

    name: str
    folder: Path
    about: Sourced[PackFile]
    groups: tuple[Sourced[Group], ...] = ()
    dashboards: tuple[Sourced[DashboardFile], ...] = ()
    recordings: tuple[Sourced[Recording], ...] = ()
    alerts: tuple[Sourced[Alert], ...] = ()
    slos: Sourced[Slos] | None = None
    links: tuple[Sourced[TraceToMetrics], ...] = ()
    tests: tuple[Document, ...] = ()
    runbooks: tuple[Runbook, ...] = ()
