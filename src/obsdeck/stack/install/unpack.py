"""Archives, unpacked by rules of our own: regular files at safe paths, within a size.

An archive that holds anything else (a path out of its folder, a link where none belongs, a
device) is refused as a whole: its checksum was right, so nobody sent it by mistake.
"""

from __future__ import annotations

import stat
import tarfile
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from obsdeck.errors import FailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

LIMIT_BYTES = 4_000_000_000
"""Of everything unpacked; Grafana with its plugins takes 1.5 GB."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class _Member:
    """One thing in an archive.

    Attributes:
        path: Its path as the archive says it.
        kind: file, folder, link or other.
        target: Where a link points.
        executable: Whether its owner may run it.
        open: Gives its content.
    """

    path: PurePosixPath
    kind: str
    target: str
    executable: bool
    open: Callable[[], IO[bytes]]


def unpack_programs(archive: Path, programs: Mapping[str, str], to: Path) -> None:
    """Take single files out of an archive.

    Args:
        archive: A .tar.gz or .zip file.
        programs: File name to write, to path in the archive.
        to: The folder to write into.

    Raises:
        FailedError: The archive is damaged or unsafe, or a member is missing.
    """
    missing = {PurePosixPath(member): name for name, member in programs.items()}
    with _members(archive) as members:
        budget = _Budget(archive)
        for member in members:
            if member.kind not in {"file", "folder"}:
                raise FailedError(f"{archive.name} is refused: {member.path} in it is a {member.kind}")
            if member.kind == "file" and member.path in missing:
                budget.copy(member, to / missing.pop(member.path))
    if missing:
        raise FailedError(f"{archive.name} has no {', '.join(map(str, missing))} in it")


def unpack_tree(archive: Path, to: Path) -> None:
    """Take everything below the one top folder of an archive.

    Symbolic links are made last, so that nothing is written through one, and must end inside.

    Args:
        archive: A .tar.gz or .zip file.
        to: An empty folder to write into; to be thrown away if this fails.

    Raises:
        FailedError: The archive is damaged or unsafe.
    """
    links: dict[PurePosixPath, str] = {}
    with _members(archive) as members:
        budget = _Budget(archive)
        for member in members:
            if member.kind not in {"file", "folder", "link"}:
                raise FailedError(f"{archive.name} is refused: {member.path} in it is a {member.kind}")
            inside = PurePosixPath(*member.path.parts[1:])
            if member.kind == "file" and inside.parts:
                budget.copy(member, to / inside)
            elif member.kind == "link" and inside.parts:
                links[inside] = member.target
    for inside, target in links.items():
        _link(archive, to.resolve(), inside, target)
    for inside in links:
        if not (to / inside).resolve().is_relative_to(to.resolve()):
            raise FailedError(f"{archive.name} is refused: the link {inside} in it leads out of its folder")


def _link(archive: Path, to: Path, inside: PurePosixPath, target: str) -> None:
    place = to / inside
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.parent.resolve() != place.parent or place.exists():
        raise FailedError(
            f"{archive.name} is refused: the link {inside} in it is in the way of another member"
        )
    place.symlink_to(target)


class _Budget:
    """Counts what is written, so that a small archive cannot fill a disk."""

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self._left = LIMIT_BYTES

    def copy(self, member: _Member, to: Path) -> None:
        to.parent.mkdir(parents=True, exist_ok=True)
        with member.open() as source, to.open("xb") as file:
            while chunk := source.read(_CHUNK):
                self._left -= len(chunk)
                if self._left < 0:
                    raise FailedError(f"{self._archive.name} is refused: it unpacks to more than it may")
                file.write(chunk)
        to.chmod(0o755 if member.executable else 0o644)


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[_Member]]:
    """The members of an archive in their order, each with a safe path."""
    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as opened:
                yield (_safe(_zip_member(opened, info), archive) for info in opened.infolist())
        else:
            with tarfile.open(archive, "r:gz") as packed:
                yield (_safe(_tar_member(packed, info), archive) for info in packed)
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        NotImplementedError,
    ) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's, not the archive's
        raise FailedError(f"{archive.name} cannot be unpacked", why=str(error)) from error


def _safe(member: _Member, archive: Path) -> _Member:
    if member.path.is_absolute() or ".." in member.path.parts:
        raise FailedError(
            f"{archive.name} is refused: {str(member.path)!r} in it is no path below its folder"
        )
    return member


def _tar_member(packed: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    kinds = (
        (info.isreg(), "file"),
        (info.isdir(), "folder"),
        (info.issym(), "link"),
        (info.islnk(), "hard link"),
    )
    kind = next((name for holds, name in kinds if holds), "device")

    def opened() -> IO[bytes]:
        content = packed.extractfile(info)
        assert content is not None  # noqa: S101 - only regular files are opened
        return content

    return _Member(PurePosixPath(info.name), kind, info.linkname, bool(info.mode & stat.S_IXUSR), opened)


def _zip_member(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    mode = info.external_attr >> 16
    kind = "folder" if info.is_dir() else "link" if stat.S_ISLNK(mode) else "file"
    return _Member(
        PurePosixPath(info.filename), kind, "", bool(mode & stat.S_IXUSR), lambda: opened.open(info)
    )
