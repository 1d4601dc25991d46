"""Every error that obsdeck raises for a person to read.

    ObsdeckError
    ├── UsageError            exit code 2: wrong use, wrong configuration
    │   └── ConfigError       ... in a file, with its line
    ├── FailedError           exit code 1: it ran, and the answer is no
    └── MissingError          exit code 3: something needed is missing or unreachable
        ├── PortInUseError    ... a port that another process holds
        └── UnreachableError  ... a server that does not answer

An error says what is wrong, where, why, and what to do next. The command line prints
these parts and exits with the code of the class; nobody else prints them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path


class ObsdeckError(Exception):
    """Base of all errors meant for the user.

    Args:
        message: What is wrong, one line, lower case, no full stop.
        why: The evidence or the cause, if there is more to say; may have several lines.
        hint: What to do next, as an imperative or a command to type.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, why: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.why = why
        self.hint = hint

    @property
    def where(self) -> str:
        """The place of the fault (``file:line``), empty where there is none."""
        return ""


class UsageError(ObsdeckError):
    """The command, a flag or a value is wrong; nothing was changed."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration file cannot be read or says something impossible.

    Args:
        message: What is wrong.
        path: The file at fault.
        line: Its line, counted from 1; 0 where the whole file is meant.
        why: The evidence.
        hint: What to do next.
    """

    def __init__(self, message: str, *, path: Path, line: int = 0, why: str = "", hint: str = "") -> None:
        super().__init__(message, why=why, hint=hint)
        self.path = path
        self.line = line

    @property
    def where(self) -> str:
        """``path:line``, or the path alone where the whole file is meant."""
        return f"{self.path}:{self.line}" if self.line else str(self.path)


class FailedError(ObsdeckError):
    """It ran, and the answer is no: a component died, a check failed."""

    exit_code = 1


class MissingError(ObsdeckError):
    """Something that is needed is missing or cannot be reached."""

    exit_code = 3


class PortInUseError(MissingError):
    """A port is held by another process."""


class UnreachableError(MissingError):
    """A server does not answer."""
