"""The table of components, for `up` and `status`, and its JSON form."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from obsdeck.stack.status import StackStatus

SCHEMA_VERSION = 1
_COLOURS = {"ready": "green", "starting": "yellow", "absent": "dim", "stopped": "red", "failed": "red"}


def components(status: StackStatus) -> Table:
    """One row per component: state, URL, version, provider, seconds, memory."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("component", "state", "URL", "version", "from"):
        table.add_column(heading, no_wrap=True)
    table.add_column("ready after", justify="right", no_wrap=True)
    table.add_column("memory", justify="right", no_wrap=True)
    for row in status.components:
        colour = _COLOURS[row.state]
        table.add_row(
            row.name,
            f"[{colour}]{row.state}[/]",
            row.url,
            row.version,
            row.provider,
            f"{row.seconds:.2f} s" if row.seconds else "",
            f"{row.rss_bytes / 1e6:.0f} MB" if row.rss_bytes else "",
        )
    return table


def notes(status: StackStatus) -> list[str]:
    """What is special about a component, a line each."""
    return [f"{row.name}: {row.note}" for row in status.components if row.note]


def document(status: StackStatus, *, ok: bool, **more: Any) -> str:
    """The document of `up --json` and `status --json`."""
    content = {
        "schema_version": SCHEMA_VERSION,
        "ok": ok,
        "runtime": status.runtime,
        "components": [asdict(row) for row in status.components],
        **more,
    }
    return json.dumps(content, indent=2)
