"""Getting programs into the cache: a release archive where one can be reached, else a build."""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import TYPE_CHECKING

import httpx

from obsdeck.errors import FailedError, MissingError, UnreachableError
from obsdeck.stack.events import Note
from obsdeck.stack.install import answers, build, download, unpack
from obsdeck.stack.install import cache as store
from obsdeck.stack.install.events import Got, Step
from obsdeck.stack.install.resolution import Resolved
from obsdeck.stack.install.toolchain import find_toolchain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from obsdeck.stack.events import Notify
    from obsdeck.stack.install.catalog import Archive, Module, Release
    from obsdeck.stack.install.toolchain import Toolchain

BUILD_BYTES = 2_000_000_000
"""Disk that the build of one component may take; it is free again afterwards."""


def get(
    releases: Sequence[Release], mirror: str, cache: Path, notify: Notify, environ: Mapping[str, str]
) -> list[Resolved]:
    """Get releases: archives first, since they take seconds where a build takes minutes.

    Args:
        releases: What to get, best in the catalog's order.
        mirror: Base URL of a mirror of the archives, empty for none.
        cache: Where to put them; locked by the caller.
        notify: Told `Step`, `Got` and `Note` events.
        environ: The environment for Go.

    Returns:
        One per release; provider `absent` and a note for what cannot be had.

    Raises:
        MissingError: The disk is full.
        UsageError: The mirror is no URL.
    """
    got, why = _from_archives(releases, mirror, cache, notify)
    left = [release for release in releases if release.component not in got]
    for one in asyncio.run(
        _build_all([release for release in left if release.module], cache, notify, environ)
    ):
        if one.path:
            got[one.component] = one
        else:
            why[one.component].append(one.note)
    for release in releases:
        missed = "" if release.component in got else "; ".join(why[release.component])
        store.remember_miss(cache, release, missed)
        if missed:
            got[release.component] = Resolved(release.component, "absent", note=missed)
    return list(got.values())


def _from_archives(
    releases: Sequence[Release], mirror: str, cache: Path, notify: Notify
) -> tuple[dict[str, Resolved], dict[str, list[str]]]:
    """What archives give, and why they do not give the rest; a host that is silent is asked once."""
    got: dict[str, Resolved] = {}
    why: dict[str, list[str]] = {release.component: [] for release in releases}
    silent: dict[str, UnreachableError] = {}
    for release in releases:
        if not release.archive:
            why[release.component].append("there is no archive for this platform")
            continue
        host = httpx.URL(download.mirrored(release.archive.url, mirror)).host
        try:
            if host in silent:
                raise silent[host]
            got[release.component] = _from_archive(release, release.archive, mirror, cache, notify)
        except (FailedError, UnreachableError) as error:
            why[release.component].append(_said(error))
            if isinstance(error, UnreachableError) and host not in silent:
                silent[host] = error
                notify(Note(f"{host} cannot be reached: nothing is downloaded from there"))
            elif isinstance(error, FailedError):
                notify(Note(_said(error)))
    return got, why


def _from_archive(release: Release, archive: Archive, mirror: str, cache: Path, notify: Notify) -> Resolved:
    began = time.monotonic()

    def progress(done: int, total: int) -> None:
        notify(Step(release.component, "downloading", done // 1_000_000, total // 1_000_000, "MB"))

    notify(Step(release.component, "downloading"))
    with store.filling(cache, release) as folder:
        packed = folder / f".archive{'.zip' if archive.url.endswith('.zip') else '.tar.gz'}"
        url = download.fetch(archive, mirror, packed, progress)
        notify(Step(release.component, "unpacking"))
        if archive.tree:
            unpack.unpack_tree(packed, folder)
        else:
            unpack.unpack_programs(packed, archive.programs, folder)
        packed.unlink()
        programs = list(archive.programs.values()) if archive.tree else list(archive.programs)
        _admit(folder, cache, release, programs, provider="archive", source=url)
    return _here(release, "archive", cache, began, notify)


async def _build_all(
    releases: Sequence[Release], cache: Path, notify: Notify, environ: Mapping[str, str]
) -> list[Resolved]:
    """Build one after the other, while the sources of those that follow are being downloaded."""
    if not releases:
        return []
    root = _workplace(cache, len(releases))
    names = ", ".join(release.component for release in releases)
    notify(Note(f"building {names} from Go modules, once; this can be interrupted and goes on the next time"))
    try:
        toolchain = await find_toolchain(root, environ, notify)
    except MissingError as error:
        return [Resolved(release.component, "absent", note=_said(error)) for release in releases]
    results = await _pipeline(releases, toolchain, cache, notify)
    if all(one.provider == "module" for one in results):
        notify(Note("removing what was only needed for building"))
        await asyncio.to_thread(shutil.rmtree, root, ignore_errors=True)
    return results


def _workplace(cache: Path, builds: int) -> Path:
    """The folder for all that is needed while building; that of an earlier run, if it was interrupted."""
    root = cache / "go"
    if not root.exists():  # else most of the room is taken already
        cache.mkdir(parents=True, exist_ok=True)
        store.require_room(cache, BUILD_BYTES * builds)
    shutil.rmtree(root / "tmp", ignore_errors=True)
    (root / "tmp").mkdir(parents=True)
    return root


async def _pipeline(
    releases: Sequence[Release], toolchain: Toolchain, cache: Path, notify: Notify
) -> list[Resolved]:
    line = asyncio.Lock()
    compiled: set[str] = set()
    results = []

    async def sources(release: Release, module: Module) -> build.Sources:
        async with line:
            return await build.get_sources(release, module, toolchain, compiled, notify)

    ahead = {
        release.component: asyncio.create_task(sources(release, release.module))
        for release in releases
        if release.module
    }
    try:
        for release in releases:
            began = time.monotonic()
            try:
                ready = await ahead[release.component]
                await _compile(ready, toolchain, compiled, cache, notify)
                results.append(_here(release, "module", cache, began, notify))
            except FailedError as error:
                results.append(Resolved(release.component, "absent", note=_said(error)))
    finally:
        for task in ahead.values():
            task.cancel()
        await asyncio.gather(*ahead.values(), return_exceptions=True)
    return results


async def _compile(
    sources: build.Sources, toolchain: Toolchain, compiled: set[str], cache: Path, notify: Notify
) -> None:
    release, packages = sources.release, sources.module.packages
    with store.filling(cache, release) as folder:
        await build.compile_programs(sources, toolchain, compiled, folder, notify)
        source = f"{next(iter(packages.values()))} v{release.version}, built with Go {toolchain.version}"
        _admit(folder, cache, release, list(packages), provider="module", source=source)


def _admit(
    folder: Path, cache: Path, release: Release, programs: Sequence[str], *, provider: str, source: str
) -> None:
    """Let only programs into the cache that run here and are what they should be."""
    answer = answers.ask(folder / release.program, parts=bool(release.needs))
    if answer.fault:
        raise FailedError(f"{release.component} {release.version} does not run here", why=answer.fault)
    if answer.version != release.version:
        said = answer.version or "no version"
        raise FailedError(f"{release.component} {release.version} was asked for, and {said} came")
    if missing := sorted(release.needs - answer.parts):
        raise FailedError(f"{release.component} came without {', '.join(missing)}")
    store.commit(folder, cache, release, programs, provider=provider, source=source)


def _here(release: Release, provider: str, cache: Path, began: float, notify: Notify) -> Resolved:
    seconds = round(time.monotonic() - began, 1)
    notify(Got(release.component, provider, release.version, seconds))
    program = store.entry(cache, release) / release.program
    return Resolved(release.component, provider, release.version, program, seconds=seconds)


def _said(error: FailedError | UnreachableError | MissingError) -> str:
    return f"{error.message}: {error.why}" if error.why else error.message
