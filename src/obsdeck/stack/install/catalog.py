"""The catalog: what `ops/versions.toml` says about each component, for this platform."""

from __future__ import annotations

import platform as machine
import re
import sys
import tomllib
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from obsdeck.stack import files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Archive:
    """A release archive for this platform.

    Attributes:
        url: Where it is; always https.
        sha256: Of the archive; empty where only the release's own list of checksums has it.
        checksums: The URL of that list.
        programs: Our file name to the member of the archive, or to the file below `tree`.
        tree: Whether everything below the archive's one folder is wanted.
    """

    url: str
    sha256: str
    checksums: str
    programs: Mapping[str, str]
    tree: bool


@dataclass(frozen=True)
class Module:
    """A build from Go modules.

    Attributes:
        packages: Our file name to the Go package.
        tags: Build tags, separated by commas.
        ldflags: What the linker sets, besides stripping.
        folder: Where its `go.mod` and `go.sum` are.
        generator: The package of a program that writes the main package; its own module lies beside
            `folder`, under the package's last name. Empty for none.
        modules: About how many modules are downloaded.
    """

    packages: Mapping[str, str]
    tags: str
    ldflags: str
    folder: Path
    generator: str
    modules: int


@dataclass(frozen=True)
class Release:
    """One component at the version that obsdeck runs.

    Attributes:
        component: Its name.
        version: As in 3.15.0.
        minimum: The oldest version taken from PATH; a newer major version is not taken either.
        image: Container image and tag.
        on_path: Names of the program on PATH, the preferred one first.
        program: Where the program lies in a cache entry.
        needs: Parts that a collector must have, as section/name.
        archive: None where there is none for this platform.
        module: None where it cannot be built from modules.
    """

    component: str
    version: str
    minimum: str
    image: str
    on_path: tuple[str, ...]
    program: str
    needs: frozenset[str] = field(default=frozenset(), repr=False)
    archive: Archive | None = None
    module: Module | None = None


def platform() -> str:
    """This machine in the words of release archives, as in linux-amd64."""
    word = machine.machine().lower()
    return f"{sys.platform}-{_ARCHITECTURES.get(word, word)}"


def modules_folder() -> Path:
    """The folder with one Go module per component."""
    return files.root() / "ops" / "modules"


@cache
def load_versions() -> Mapping[str, Release]:
    """Component name to release, in the order in which they are best got."""
    content = _content()
    return {name: _release(name, table) for name, table in content.items() if name != "go"}


@cache
def minimum_go() -> str:
    """The oldest Go that builds every module."""
    return str(_content()["go"]["minimum"])


def number(version: str) -> tuple[int, ...]:
    """A version to compare by: v3.15.0 and 3.15 are (3, 15, 0); empty for what is no version."""
    digits = re.match(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?", version)
    return tuple(int(part or 0) for part in digits.groups()) if digits else ()


@cache
def _content() -> Mapping[str, Mapping[str, Any]]:
    # A file of our own, checked by tests: a fault in it is a fault of obsdeck, not of its user.
    return tomllib.loads((files.root() / "ops" / "versions.toml").read_text(encoding="utf-8"))


def _release(name: str, table: Mapping[str, Any]) -> Release:
    archive, module = table["archive"], table.get("module")
    first, member = next(iter(archive["programs"].items()))
    return Release(
        component=name,
        version=table["version"],
        minimum=table["minimum"],
        image=table["image"],
        on_path=tuple(table["on_path"]),
        program=member if archive.get("tree") else first,
        needs=frozenset(table.get("needs", ())),
        archive=_archive(archive, table["version"]),
        module=_module(name, module, table["version"]) if module else None,
    )


def _archive(table: Mapping[str, Any], version: str) -> Archive | None:
    here = platform()
    system, _, architecture = here.partition("-")
    if system not in {"linux", "darwin"} or architecture not in {"amd64", "arm64"}:
        return None
    if here in table.get("missing", ()):
        return None

    def filled(text: str) -> str:
        return text.format(version=version, os=system, arch=architecture)

    return Archive(
        url=filled(table["url"]),
        sha256=table.get("sha256", {}).get(here, ""),
        checksums=filled(table["checksums"]),
        programs={ours: filled(member) for ours, member in table["programs"].items()},
        tree=table.get("tree", False),
    )


def _module(name: str, table: Mapping[str, Any], version: str) -> Module:
    return Module(
        packages=table["packages"],
        tags=table.get("tags", ""),
        ldflags=table.get("ldflags", "").format(version=version),
        folder=modules_folder() / name,
        generator=table.get("generator", ""),
        modules=table.get("modules", 0),
    )
