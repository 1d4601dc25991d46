"""The one password that the stack makes, Grafana's admin; and how a secret is kept in a file."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from obsdeck.stack.environment import Settings
    from obsdeck.stack.home import Home


@dataclass(frozen=True)
class Password:
    """A password and whether a person has to be told.

    Attributes:
        text: The password.
        new: Whether it was made just now.
    """

    text: str = field(repr=False)
    new: bool


def grafana_file(home: Home) -> Path:
    """Where Grafana reads its admin password from; mode 0600."""
    return home.secrets / "grafana-admin-password"


def grafana(settings: Settings, home: Home) -> Password:
    """The admin password: the one that is set, else the one that was made before, else a new one."""
    path = grafana_file(home)
    chosen = settings["OBSDECK_GRAFANA_PASSWORD"]
    if not chosen and path.exists():
        return Password(path.read_text(encoding="utf-8"), new=False)
    password = Password(chosen or secrets.token_urlsafe(18), new=not chosen)
    keep(path, password.text)
    return password


def keep(path: Path, text: str) -> None:
    """Write a secret to a file that only this user can read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
