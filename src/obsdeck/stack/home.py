"""Where obsdeck keeps things on this machine: one state directory, one cache directory.

$OBSDECK_HOME (default $XDG_STATE_HOME/obsdeck)
├── data/<component>/   what must survive; `down --wipe` removes it
├── etc/<component>/    the configuration that runs, copied from ops/observability at each start
├── logs/<component>.log
├── run/                socket, lock, the record of the running stack
└── secrets/            generated passwords, mode 0600
$XDG_CACHE_HOME/obsdeck     programs; can be deleted at any time
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from obsdeck.errors import MissingError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SOCKET_PATH_LIMIT = 100
"""Bytes; the kernel allows 108 on Linux and 104 on macOS, and the server appends a pid while it binds."""


@dataclass(frozen=True)
class Home:
    """The two directories of one obsdeck installation.

    Attributes:
        root: State: data, logs, the record of what runs.
        cache: Programs that were downloaded or built.
    """

    root: Path
    cache: Path

    def data(self, component: str) -> Path:
        """Where a component keeps what must survive a restart."""
        return self.root / "data" / component

    def etc(self, component: str) -> Path:
        """Where the configuration lies that a component was started with."""
        return self.root / "etc" / component

    def log(self, component: str) -> Path:
        """The file that takes a component's output."""
        return self.root / "logs" / f"{component}.log"

    @property
    def run(self) -> Path:
        """Socket, lock and the record of the running stack."""
        return self.root / "run"

    @property
    def secrets(self) -> Path:
        """Generated passwords; mode 0700."""
        return self.root / "secrets"

    @property
    def socket(self) -> Path:
        """The supervisor's control socket; in the temporary directory where the path would be too long."""
        socket = self.run / "supervisor.sock"
        if len(os.fsencode(socket)) <= _SOCKET_PATH_LIMIT - len(".1234567"):
            return socket
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"obsdeck-{os.getuid()}" / f"{digest}.sock"


def find_home(root: str = "", environ: Mapping[str, str] | None = None) -> Home:
    """The home of this user, by the XDG base directory rules.

    Args:
        root: The value of `OBSDECK_HOME`; empty for the default.
        environ: The environment; `os.environ` by default.

    Raises:
        UsageError: The path holds a character that the supervisor's configuration cannot carry.
        MissingError: `HOME` is not set and the user has no home directory.
    """
    environ = os.environ if environ is None else environ
    state = Path(root).expanduser() if root else _xdg(environ, "XDG_STATE_HOME", ".local/state") / "obsdeck"
    cache = _xdg(environ, "XDG_CACHE_HOME", ".cache") / "obsdeck"
    state = Path(os.path.abspath(state))  # noqa: PTH100 - resolve() would follow links that the user chose
    if any(mark in str(state) for mark in ("\n", " ;", " #")):
        raise UsageError(
            f"OBSDECK_HOME cannot be {str(state)!r}",
            why="a line break, ' ;' or ' #' in the path would end a line of the supervisor's configuration",
            hint="choose another directory",
        )
    return Home(state, cache)


def _xdg(environ: Mapping[str, str], name: str, below_home: str) -> Path:
    path = Path(environ.get(name, ""))
    if path.is_absolute():  # relative values must be ignored, says the specification
        return path
    if environ.get("HOME"):
        return Path(environ["HOME"]) / below_home
    try:
        return Path("~").expanduser() / below_home
    except RuntimeError as error:
        raise MissingError(
            "no home directory", why=f"HOME is not set ({error})", hint=f"set HOME, or {name}"
        ) from error
