"""The record of the running stack: what the last `up` started, with which settings.

`status`, `logs`, `doctor` and `down` go by it, so they find the stack from any directory, whatever `.env`
lies there. It holds no secret.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from obsdeck.stack.environment import Settings
from obsdeck.stack.variables import VARIABLES

if TYPE_CHECKING:
    from pathlib import Path

    from obsdeck.stack.home import Home

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class RecordedComponent:
    """One component as it was started.

    Attributes:
        name: Its name.
        provider: Where its program comes from: given, path, cache, archive, module, embedded, image;
            empty if it is absent.
        version: The program's version, empty where it is not known.
        path: The program, empty for what obsdeck itself provides.
        seconds: From the start of the stack until it was ready; 0 while it is not.
        note: Why it is absent, or what is special about it.
    """

    name: str
    provider: str
    version: str
    path: str = ""
    seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class Record:
    """The stack as `up` started it.

    Attributes:
        runtime: native or docker.
        started: Seconds since the epoch.
        values: The settings in force, without secrets.
        components: All components that were wanted, absent ones too.
    """

    runtime: str
    started: float
    values: dict[str, str]
    components: tuple[RecordedComponent, ...]

    def settings(self, present: Settings) -> Settings:
        """The settings that the stack was started with, secrets taken from the present ones."""
        values = dict.fromkeys(VARIABLES, "") | {
            name: value for name, value in self.values.items() if name in VARIABLES
        }
        secret = {name: value for name, value in present.values.items() if name not in present.public()}
        return Settings(values | {name: value for name, value in secret.items() if value}, present.origins)


def write(home: Home, record: Record) -> None:
    """Keep the record; whoever reads meanwhile sees the old or the new one, never half of it."""
    path = _path(home)
    draft = path.with_suffix(".new")
    draft.write_text(
        json.dumps({"schema_version": SCHEMA_VERSION, **asdict(record)}, indent=1), encoding="utf-8"
    )
    os.replace(draft, path)  # noqa: PTH105 - the atomic rename is the point


def read(home: Home) -> Record | None:
    """The record of the last `up`, None where there is none that can be understood."""
    try:
        document: dict[str, Any] = json.loads(_path(home).read_text(encoding="utf-8"))
        if document.pop("schema_version") != SCHEMA_VERSION:
            return None
        components = tuple(RecordedComponent(**component) for component in document.pop("components"))
        return Record(**document, components=components)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def forget(home: Home) -> None:
    """Remove the record: nothing runs any more."""
    _path(home).unlink(missing_ok=True)


def _path(home: Home) -> Path:
    return home.run / "stack.json"
