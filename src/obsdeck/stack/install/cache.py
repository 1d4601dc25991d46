"""The cache of programs: what lies where, whether it is still what was put there.

    <cache>/bin/<component>/<version>/   the programs, and manifest.json
    <cache>/answers.json                 what programs outside said about themselves
    <cache>/misses.json                  what could not be had lately
    <cache>/go/                          sources and objects while something is built
    <cache>/lock                         held by the one who installs

An entry appears whole or not at all: it is filled beside its place and renamed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from obsdeck.errors import MissingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from obsdeck.stack.install.catalog import Release

MANIFEST = "manifest.json"
MISS_SECONDS = 24 * 3600
"""How long `up` goes without asking again for what could not be had; `install` always asks."""

_DISK_FAULTS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.EFBIG: "a file would be larger than is allowed",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.ENOTDIR: "a part of the path is no directory",
}


def entry(cache: Path, release: Release) -> Path:
    """Where a component's programs of this version lie."""
    return cache / "bin" / release.component / release.version


def read_manifest(cache: Path, release: Release) -> Mapping[str, Any]:
    """What was put into an entry and where it came from; empty where there is no entry."""
    return read_json(entry(cache, release) / MANIFEST)


def fault(cache: Path, release: Release, *, thorough: bool = False) -> str:
    """Why an entry cannot be used, empty if it can.

    Args:
        cache: The cache.
        release: What is looked for.
        thorough: Read every program and compare checksums; size and time of change suffice otherwise.
    """
    manifest = read_manifest(cache, release)
    recorded = manifest.get("files") or {}
    if release.program not in recorded:
        return "not in the cache"
    for name, known in recorded.items():
        path = entry(cache, release) / name
        try:
            now = path.stat()
        except OSError:
            return f"{path} is gone from the cache"
        if now.st_size != known["size"]:
            return f"{path} was changed after it was installed"
        moved = now.st_mtime_ns != known["mtime_ns"]  # as by `cp -r`; what is in it decides
        if (moved or thorough) and checksum(path) != known["sha256"]:
            return f"{path} is damaged: its checksum is not the one it was installed with"
        if moved:
            with suppress(OSError):  # a cache that is read-only is read again the next time
                os.utime(path, ns=(now.st_atime_ns, known["mtime_ns"]))
    return ""


@contextmanager
def filling(cache: Path, release: Release) -> Iterator[Path]:
    """A folder to put an entry's files into; removed again if `commit` did not take it.

    Raises:
        MissingError: The cache cannot be written, now or while the folder is filled.
    """
    place = entry(cache, release)
    with writing(cache):
        place.parent.mkdir(parents=True, exist_ok=True)
        for leftover in place.parent.glob(".new-*"):  # of a run that was killed
            shutil.rmtree(leftover, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=".new-", dir=place.parent))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def commit(
    folder: Path, cache: Path, release: Release, programs: Sequence[str], *, provider: str, source: str
) -> None:
    """Make a filled folder the entry of its release.

    Args:
        folder: From `filling`.
        cache: The cache.
        release: What it holds.
        programs: The programs in it, as paths below it; they are made executable.
        provider: archive or module.
        source: A URL, or a module with its version.
    """
    for name in programs:
        (folder / name).chmod(0o755)
        _sync(folder / name)
    recorded = {name: _recorded(folder / name) for name in programs}
    manifest = {
        "provider": provider,
        "source": source,
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "files": recorded,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    _sync(folder / MANIFEST)
    folder.chmod(0o755)
    place = entry(cache, release)
    if place.exists():
        # A directory cannot be renamed over another; whoever runs the old programs keeps their inodes.
        shutil.rmtree(place)
    folder.rename(place)
    _sync(place.parent)


def drop(cache: Path, release: Release) -> None:
    """Remove an entry."""
    shutil.rmtree(entry(cache, release), ignore_errors=True)


def recent_miss(cache: Path, release: Release) -> str:
    """Why a component could not be had within the last day, empty if nobody tried."""
    miss = read_json(cache / "misses.json").get(release.component) or {}
    fresh = time.time() - miss.get("time", 0) < MISS_SECONDS
    return str(miss["why"]) if fresh and miss.get("version") == release.version else ""


def remember_miss(cache: Path, release: Release, why: str) -> None:
    """Note that a component cannot be had; an empty `why` forgets it."""
    misses = dict(read_json(cache / "misses.json"))
    misses.pop(release.component, None)
    if why:
        misses[release.component] = {"version": release.version, "time": time.time(), "why": why}
    write_json(cache / "misses.json", misses)


@contextmanager
def writing(cache: Path) -> Iterator[None]:
    """Turn what a disk refuses into an error for people.

    Raises:
        MissingError: The disk is full, read-only or somebody else's.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_FAULTS:
            raise
        raise unwritable(cache, _DISK_FAULTS[error.errno], error.filename) from error


def unwritable(cache: Path, why: str, path: object = None) -> MissingError:
    """The error for a cache that takes no more."""
    return MissingError(
        f"the cache {cache} cannot be written",
        why=f"{why}: {path}" if path else why,
        hint="make room or change its owner, or set XDG_CACHE_HOME to another directory",
    )


def require_room(cache: Path, wanted: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Args:
        cache: The cache.
        wanted: Bytes that are needed.

    Raises:
        MissingError: Fewer are free.
    """
    free = shutil.disk_usage(cache).free
    if free < wanted:
        raise unwritable(cache, f"{wanted / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free")


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path) -> Mapping[str, Any]:
    """A JSON object; empty where there is none or it is damaged: the cache can be deleted at any time."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a file of hints; where it cannot be written, things are only slower."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.{os.getpid()}")
        new.write_text(json.dumps(content, indent=1), encoding="utf-8")
        new.replace(path)


def _recorded(path: Path) -> dict[str, object]:
    now = path.stat()
    return {"sha256": checksum(path), "size": now.st_size, "mtime_ns": now.st_mtime_ns}


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
