"""What the stack tells while it works; the command line renders it, tests collect it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """One line for the person who waits."""

    text: str


@dataclass(frozen=True)
class Starting:
    """These components are being started now.

    Attributes:
        names: Component names, in the order of the table.
    """

    names: tuple[str, ...]


@dataclass(frozen=True)
class Ready:
    """A component answers.

    Attributes:
        name: Its name.
        seconds: Since the start of the stack.
    """

    name: str
    seconds: float


Notify = Callable[[object], None]
"""Takes these events and the installer's."""
