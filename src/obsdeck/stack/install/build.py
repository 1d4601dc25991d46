"""Programs built from Go modules: sources first, then compiling, each resumable at any point.

What was downloaded and compiled stays in the toolchain's folder until all is built, so a build
that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from obsdeck.errors import FailedError
from obsdeck.stack.install import cache, command
from obsdeck.stack.install.events import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from obsdeck.stack.events import Notify
    from obsdeck.stack.install.catalog import Module, Release
    from obsdeck.stack.install.toolchain import Toolchain

_SHOWN_LINES = 12


@dataclass(frozen=True)
class Sources:
    """A component whose sources are complete.

    Attributes:
        release: What it is.
        module: How it is built.
        folder: The work copy of its module.
        stale: Import paths that were not compiled yet when the sources were listed.
    """

    release: Release
    module: Module
    folder: Path
    stale: frozenset[str] = field(repr=False)


async def get_sources(
    release: Release, module: Module, toolchain: Toolchain, compiled: set[str], notify: Notify
) -> Sources:
    """Download what a component is built from; only the packages that go into it.

    Args:
        release: The component.
        module: How it is built.
        toolchain: With which Go.
        compiled: Import paths compiled in this run so far; those of a generator are added to.
        notify: Told the number of modules.

    Raises:
        FailedError: Sources cannot be had; Go's own words are the reason.
        MissingError: The disk is full.
    """
    folder = toolchain.root / "work" / release.component
    shutil.rmtree(folder, ignore_errors=True)
    # A copy, because Go locks the folder of a module, and an installed package may be read-only.
    shutil.copytree(module.folder, folder)
    if module.generator:
        await _generate(module, folder, toolchain, compiled)
    stale: set[str] = set()
    modules = 0

    def tell(line: str) -> None:
        nonlocal modules
        if line.startswith("go: downloading"):
            modules += 1
            notify(Step(release.component, "downloading", modules, max(module.modules, modules), "modules"))

    argv = [
        str(toolchain.go),
        "list",
        "-deps",
        "-f",
        "{{if .Stale}}{{.ImportPath}}{{end}}",
        *_selection(module),
    ]
    notify(Step(release.component, "downloading", 0, module.modules, "modules"))
    failure = f"the sources of {release.component} cannot be had"
    await _run(argv, folder, toolchain, failure, tell=tell, answer=stale.add)
    return Sources(release, module, folder, frozenset(stale))


async def compile_programs(
    sources: Sources, toolchain: Toolchain, compiled: set[str], to: Path, notify: Notify
) -> None:
    """Compile a component's programs, all in one go so that what they share is compiled once.

    Args:
        sources: From `get_sources`.
        toolchain: With which Go.
        compiled: Import paths compiled in this run so far; added to.
        to: The folder that the programs are written to.
        notify: Told the number of packages.

    Raises:
        FailedError: It does not compile; the compiler's own words are the reason.
        MissingError: The disk is full.
    """
    release = sources.release
    wanted = sources.stale - compiled

    def tell(line: str) -> None:
        if line not in wanted:
            return
        compiled.add(line)
        done = len(wanted & compiled)  # a generator that is built meanwhile compiles some of them
        doing = "compiling" if done < len(wanted) else "linking"
        notify(Step(release.component, doing, done, len(wanted), "packages"))

    notify(Step(release.component, "compiling", 0, len(wanted), "packages"))
    ldflags = f"-s -w {sources.module.ldflags}".strip()
    options = ["-v", "-ldflags", ldflags, "-o", f"{to}/", *_selection(sources.module)]
    failure = f"{release.component} cannot be built"
    await _run([str(toolchain.go), "build", *options], sources.folder, toolchain, failure, tell=tell)


def _selection(module: Module) -> list[str]:
    return [*(["-tags", module.tags] if module.tags else []), *module.packages.values()]


async def _generate(module: Module, folder: Path, toolchain: Toolchain, compiled: set[str]) -> None:
    """Let a generator write the main package into the work copy; `go.mod` and `go.sum` stay ours."""
    name = PurePosixPath(module.generator).name
    work = toolchain.root / "work" / name
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(module.folder.parent / name, work)
    failure = f"the sources of {folder.name} cannot be generated"
    argv = [str(toolchain.go), "build", "-v", "-o", "generator", module.generator]
    await _run(argv, work, toolchain, failure, tell=compiled.add)
    argv = [str(work / "generator"), "--config=builder.yaml", "--skip-compilation", "--skip-get-modules"]
    await _run(argv, folder, toolchain, failure)


async def _run(
    argv: Sequence[str],
    folder: Path,
    toolchain: Toolchain,
    failure: str,
    *,
    tell: Callable[[str], None] | None = None,
    answer: Callable[[str], None] | None = None,
) -> None:
    said: list[str] = []

    def hear(line: str) -> None:
        said.append(line)
        if tell:
            tell(line)

    if not await command.run(argv, folder, toolchain.environ, tell=hear, answer=answer):
        return
    if any("no space left on device" in line or "disk quota exceeded" in line for line in said):
        raise cache.unwritable(toolchain.root.parent, "the disk is full")
    # Go prints a package's name when it begins with it; what is left are its complaints.
    complaints = [line for line in said if " " in line and not line.startswith("go: downloading")]
    raise FailedError(failure, why="\n".join(complaints[-_SHOWN_LINES:]))
