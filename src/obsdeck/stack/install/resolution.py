"""Which program a component would run right now, without getting anything."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from obsdeck.errors import UsageError
from obsdeck.stack.install import cache as store
from obsdeck.stack.install.answers import Answer, remembered
from obsdeck.stack.install.catalog import Release, load_versions, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obsdeck.stack.environment import Settings

EMBEDDED = "tempo"
"""The component that obsdeck itself has a stand-in for."""


@dataclass(frozen=True)
class Resolved:
    """Where a component's program comes from.

    Attributes:
        component: Its name.
        provider: given, path, cache, archive, module, embedded or absent.
        version: What it says or what was asked for; empty where there is none or it does not say.
        path: The program; None where obsdeck itself does the work or there is none.
        note: What a person should know about it, empty if nothing.
        seconds: What getting it took, 0 if it was there.
    """

    component: str
    provider: str
    version: str = ""
    path: Path | None = None
    note: str = ""
    seconds: float = 0.0


def resolve(
    component: str, settings: Settings, cache: Path, environ: Mapping[str, str] | None = None
) -> Resolved:
    """Look for a component's program: the one that was named, PATH, the cache, what obsdeck itself has.

    Nothing is downloaded or built; programs outside the cache are run only to ask their version, once.

    Args:
        component: Its name.
        settings: May name the program.
        cache: The cache.
        environ: The environment, for PATH; `os.environ` by default.

    Raises:
        UsageError: The program that was named cannot be run.
    """
    environ = os.environ if environ is None else environ
    release = load_versions()[component]
    variable = f"OBSDECK_{component.upper().replace('-', '_')}_BIN"
    if settings[variable]:
        return _given(release, variable, settings[variable], cache)
    passed_over: list[str] = []
    for name in release.on_path:
        if found := shutil.which(name, path=environ.get("PATH", os.defpath)):
            program = Path(found).absolute()
            answer = remembered(program, cache, parts=bool(release.needs))
            if why := unfit(program, release, answer):
                passed_over.append(f"{program} is passed over: {why}")
            else:
                return Resolved(component, "path", answer.version, program)
    note = "; ".join(passed_over)
    why = store.fault(cache, release)
    if not why:
        program = store.entry(cache, release) / release.program
        return Resolved(component, "cache", release.version, program, note)
    if store.read_manifest(cache, release):
        passed_over.append(why)
    return Resolved(component, "embedded" if component == EMBEDDED else "absent", note="; ".join(passed_over))


def unfit(program: Path, release: Release, answer: Answer) -> str:
    """Why a program from PATH cannot take the place of a release, empty if it can."""
    if answer.fault or not answer.version:
        return answer.fault or "it does not say its version"
    version, minimum, wanted = (number(text) for text in (answer.version, release.minimum, release.version))
    if version < minimum:
        return f"it is {answer.version}, {release.minimum} or newer is needed"
    if version[0] > wanted[0]:
        return f"it is {answer.version}, the configuration is for {wanted[0]}.x"
    if missing := sorted(release.needs - answer.parts):
        return "it was built without " + ", ".join(missing)
    if release.component == "grafana" and not _has_pages(program):
        return "conf/defaults.ini is not in the folder above it"
    return ""


def _given(release: Release, variable: str, value: str, cache: Path) -> Resolved:
    program = Path(value).expanduser().absolute()
    if not program.is_file() or not os.access(program, os.X_OK):
        raise UsageError(
            f"{variable} is {value!r}, which is no program",
            why="there is no such file" if not program.exists() else "it cannot be executed",
            hint=f"correct the path, or unset {variable}",
        )
    answer = remembered(program, cache, parts=bool(release.needs))
    if answer.fault:
        raise UsageError(
            f"{variable} is {value!r}, which does not run",
            why=answer.fault,
            hint=f"correct the path, or unset {variable}",
        )
    why = unfit(program, release, answer) if answer.version else ""
    return Resolved(
        release.component, "given", answer.version, program, f"it may not fit: {why}" if why else ""
    )


def _has_pages(program: Path) -> bool:
    """Whether a Grafana program lies in its own tree; packages of distributions split it up."""
    return (program.resolve().parent.parent / "conf" / "defaults.ini").is_file()
