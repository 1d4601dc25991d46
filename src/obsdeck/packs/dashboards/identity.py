"""Ids that stay the same as long as the titles do, on every machine."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from obsdeck.packs.model.dashboard import Panel

MAX_UID = 40
"""Grafana takes no longer uid."""

_RANGE = 1_000_000


def panel_id(uid: str, panel: Panel) -> int:
    """The id of a panel: as it says, or made of its title."""
    return panel.id or made_of(uid, panel.title)


def made_of(uid: str, title: str) -> int:
    """A number from 1 on, of a dashboard's uid and a title."""
    return zlib.crc32(f"{uid}/{title}".encode()) % _RANGE + 1


def runbooks_uid(pack: str) -> str:
    """The uid of the dashboard with a pack's runbooks."""
    uid = f"obsdeck-runbooks-{pack}"
    return uid if len(uid) <= MAX_UID else f"{uid[: MAX_UID - 7]}-{zlib.crc32(pack.encode()) % _RANGE:06}"


def runbook_path(pack: str, alert: str) -> str:
    """Where Grafana shows the runbook of an alert."""
    uid = runbooks_uid(pack)
    return f"/d/{uid}?viewPanel={made_of(uid, alert)}"
