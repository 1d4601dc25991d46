"""What every verb needs first: the settings, the home, the two consoles."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from obsdeck.packs.where import Where
    from obsdeck.stack.environment import Settings
    from obsdeck.stack.home import Home

WIDE = 160

EnvFile = Annotated[
    Path | None,
    typer.Option("--env-file", help="Read settings from this file instead of .env.", show_default=False),
]
Packs = Annotated[
    Path | None,
    typer.Option("--packs", help="Your folder of packs; default: observability/packs.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def load(env_file: Path | None) -> tuple[Settings, Home]:
    """The settings in force and the home they name."""
    from obsdeck.stack.environment import load_settings
    from obsdeck.stack.home import find_home

    settings = load_settings(env_file=env_file)
    return settings, find_home(settings["OBSDECK_HOME"])


def where(packs: Path | None, env_file: Path | None) -> Where:
    """The folders of packs that are meant: by the flag, by OBSDECK_PACKS, or those of this directory."""
    from obsdeck.packs.where import find
    from obsdeck.stack.environment import load_settings

    return find(str(packs) if packs else load_settings(env_file=env_file)["OBSDECK_PACKS"])


def talk() -> Console:
    """The console for people: stderr; plain where it is no terminal or NO_COLOR is set."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def data() -> Console:
    """The console for answers: stdout; wide where it is no terminal, so that no cell is cut."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDE
    return console
