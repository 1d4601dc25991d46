"""Having components: those that are here as they are, the others got, unless that was just tried in vain."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from obsdeck.errors import MissingError
from obsdeck.stack.components import BY_NAME
from obsdeck.stack.events import Note
from obsdeck.stack.install import cache as store
from obsdeck.stack.install.catalog import load_versions
from obsdeck.stack.install.resolution import EMBEDDED, Resolved, resolve
from obsdeck.stack.lock import locked

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from obsdeck.stack.environment import Settings
    from obsdeck.stack.events import Notify
    from obsdeck.stack.home import Home

_NOT_HERE = frozenset({"embedded", "absent"})


def obtain(
    names: Iterable[str],
    settings: Settings,
    home: Home,
    notify: Notify,
    *,
    offline: bool = False,
    again: bool = False,
    environ: Mapping[str, str] | None = None,
) -> tuple[Resolved, ...]:
    """Resolve components, and get those that are not here.

    Args:
        names: Component names.
        settings: Named programs, mirror.
        home: Whose cache is filled.
        notify: Told `Step`, `Got` and `Note` events.
        offline: Reach out to nobody.
        again: Also try what could not be had within the last day.
        environ: The environment, for PATH and for Go; `os.environ` by default.

    Returns:
        One per name in that order; provider `absent` and a note for what cannot be had.

    Raises:
        UsageError: A named program or the mirror is unusable.
        MissingError: The cache cannot be written, or its disk is full.
    """
    environ = os.environ if environ is None else environ
    found = {name: resolve(name, settings, home.cache, environ) for name in names}
    wanted = [one for one in found.values() if one.provider in _NOT_HERE]
    if offline:
        found |= {one.component: _noted(one, "nothing was downloaded: --offline") for one in wanted}
        return tuple(found.values())
    if not again:
        missed = {one.component: why for one in wanted if (why := _missed(one.component, home))}
        found |= {name: _noted(found[name], why) for name, why in missed.items()}
        wanted = [one for one in wanted if one.component not in missed]
    if wanted:
        # Imported late: a warm start needs no HTTP client and no event loop.
        from obsdeck.stack.install.get import get  # noqa: PLC0415

        with locked(home.cache, "installing", lambda text: notify(Note(text))), store.writing(home.cache):
            # Somebody else may have installed while we waited.
            missing = [resolve(one.component, settings, home.cache, environ) for one in wanted]
            found |= {one.component: one for one in missing}
            releases = [one for one in load_versions().values() if found.get(one.component) in missing]
            for one in get(releases, settings["OBSDECK_MIRROR"], home.cache, notify, environ):
                before = found[one.component]
                found[one.component] = _noted(before, one.note) if one.provider == "absent" else one
    return tuple(found.values())


def lacking(resolved: Iterable[Resolved], named: Container[str] = ()) -> tuple[Resolved, ...]:
    """What is absent and should not be: what was asked for by name, and what is not optional."""
    return tuple(
        one
        for one in resolved
        if one.provider == "absent" and (one.component in named or not BY_NAME[one.component].optional)
    )


def require(resolved: Iterable[Resolved], named: Container[str] = (), *, offline: bool = False) -> None:
    """Insist on what the stack cannot do without, and on what was asked for by name.

    Raises:
        MissingError: It is absent.
    """
    absent = lacking(resolved, named)
    if not absent:
        return
    names = [one.component for one in absent]
    raise MissingError(
        f"not installed: {', '.join(names)}",
        why="\n".join(f"{one.component}: {one.note}" for one in absent),
        hint=f"run `obsdeck install {' '.join(names)}` once while there is a network"
        if offline
        else "docs/guides/install.md tells about mirrors, proxies and programs of your own",
    )


def verify_cache(names: Iterable[str], home: Home, notify: Notify) -> None:
    """Read every program in the cache and drop the entries that are damaged, so that they are got again."""
    for release in (load_versions()[name] for name in names):
        if store.read_manifest(home.cache, release) and (
            why := store.fault(home.cache, release, thorough=True)
        ):
            notify(Note(why))
            with locked(home.cache, "installing", lambda text: notify(Note(text))):
                store.drop(home.cache, release)


def _noted(resolved: Resolved, text: str) -> Resolved:
    if resolved.provider == "embedded":
        text = f"the embedded trace store stands in for Tempo ({text})"
    return replace(resolved, note="; ".join(filter(None, (resolved.note, text))))


def _missed(component: str, home: Home) -> str:
    """Why a component that `up` can do without was not to be had within the last day."""
    if BY_NAME[component].optional or component == EMBEDDED:
        return store.recent_miss(home.cache, load_versions()[component])
    return ""
