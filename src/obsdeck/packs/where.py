"""Where packs lie: ours in the package, a user's in their repository; and where what is generated goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from obsdeck.errors import UsageError
from obsdeck.stack import files

HERE = Path("observability/packs")


@dataclass(frozen=True)
class Where:
    """The folders that belong together.

    Attributes:
        folders: Of packs: ours, and the user's if there are any.
        generated: What is made of them all; None where only ours are known.
    """

    folders: tuple[Path, ...]
    generated: Path | None


def find(named: str = "") -> Where:
    """The folders in force.

    Args:
        named: The user's folder of packs, as named by a flag or a setting; empty for
            `observability/packs` in the working directory, if that is there.

    Raises:
        UsageError: What was named is no folder.
    """
    shipped = _shipped()
    own = Path(named).expanduser() if named else HERE
    if not own.is_dir():
        if named:
            hint = "`obsdeck init pack NAME` writes a first one"
            raise UsageError(f"{named} is no folder of packs", why="there is no such folder", hint=hint)
        return Where((shipped,), None)
    own = own.absolute()
    folders = (own,) if own.resolve() == shipped.resolve() else (shipped, own)
    return Where(folders, own.parent / "generated")


def shipped_names() -> frozenset[str]:
    """The names of our packs."""
    return frozenset(path.parent.name for path in _shipped().glob("*/pack.yaml"))


def _shipped() -> Path:
    return files.root() / HERE
