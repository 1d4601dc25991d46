"""What promtool has found good before: the same program says the same of the same files."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Verdicts:
    """Digests of what was good, kept in a file between runs. Only what is good is remembered.

    Args:
        promtool: The program; another one, or another version, is asked anew.
        file: Where they are kept; None keeps them nowhere. What cannot be read or written is no fault.
    """

    def __init__(self, promtool: Path, file: Path | None) -> None:
        self._file = file
        self._program = _identity(promtool)
        self._before = _read(file)
        self._now: set[str] = set()

    def are_good(self, paths: Iterable[Path]) -> bool:
        """Whether these files were good when they were last looked at, and are the same."""
        digest = self._digest(paths)
        if digest in self._before:
            self._now.add(digest)
        return digest in self._before

    def add(self, paths: Iterable[Path]) -> None:
        """Remember these files as good."""
        self._now.add(self._digest(paths))

    def save(self) -> None:
        """Keep what was good in this run, and nothing older."""
        if self._file is None or self._now == self._before:
            return
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._file.with_suffix(".new")
            fresh.write_text(json.dumps(sorted(self._now)), encoding="utf-8")
            fresh.replace(self._file)

    def _digest(self, paths: Iterable[Path]) -> str:
        found = hashlib.sha256(self._program)
        for path in sorted(paths):
            found.update(f"\0{path.name}\0".encode())
            found.update(path.read_bytes())
        return found.hexdigest()


def _identity(program: Path) -> bytes:
    try:
        about = program.resolve().stat()
    except OSError:
        return str(program).encode()
    return f"{program.resolve()} {about.st_size} {about.st_mtime_ns}".encode()


def _read(file: Path | None) -> frozenset[str]:
    with suppress(OSError, ValueError):
        found = json.loads(file.read_text(encoding="utf-8")) if file else ()
        return frozenset(one for one in found if isinstance(one, str))
    return frozenset()
