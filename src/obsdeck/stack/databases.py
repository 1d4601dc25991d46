"""The databases that the stack watches on request: which, at which address, and whether they answer.

An address holds a password. It is kept in a file that only this user can read, from the first `up --with`
until `down`, so that a later `up` from anywhere finds what the running stack was started with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from obsdeck.errors import ObsdeckError, UsageError
from obsdeck.stack import passwords
from obsdeck.stack.components import ON_REQUEST, PROMETHEUS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from obsdeck.stack.components import Component
    from obsdeck.stack.environment import Settings
    from obsdeck.stack.home import Home


def words(lists: Iterable[str]) -> tuple[str, ...]:
    """The databases of `--with`: words separated by commas, the option given once or more.

    Raises:
        UsageError: A word is no database that can be watched.
    """
    known = [component.watches for component in ON_REQUEST]
    asked = [word.strip() for text in lists for word in text.split(",") if word.strip()]
    for word in asked:
        if word not in known:
            raise UsageError(f"{word!r} cannot be watched", why="--with takes " + ", ".join(known))
    return tuple(dict.fromkeys(asked))


def exporters(asked: Collection[str], running: Collection[str], settings: Settings) -> tuple[Component, ...]:
    """What must run for the databases that are asked for, and for those that are watched already.

    Args:
        asked: Words of `--with`.
        running: Names of the components that the running stack was started with.
        settings: Hold the addresses.

    Raises:
        UsageError: One that is new has no address.
    """
    new = [one for one in ON_REQUEST if one.watches in asked and one.name not in running]
    for component in new:
        if not settings[component.address]:
            raise UsageError(
                f"--with {component.watches} needs {component.address}, which is not set",
                hint="set it in .env or in the environment; docs/guides/databases.md tells what to write",
            )
    return tuple(one for one in ON_REQUEST if one in new or one.name in running)


def file(exporter: Component, home: Home) -> Path:
    """Where the address is kept that an exporter was started with; mode 0600, one line."""
    return home.secrets / f"{exporter.watches}-url"


def keep(watching: Iterable[Component], running: Collection[str], settings: Settings, home: Home) -> None:
    """Keep the addresses of those exporters that do not run yet."""
    for exporter in watching:
        if exporter.name not in running:
            passwords.keep(file(exporter, home), settings[exporter.address] + "\n")


def kept(watching: Iterable[Component], home: Home) -> dict[str, str]:
    """The addresses as they were kept, by their variables."""
    files = {one.address: file(one, home) for one in watching}
    return {name: path.read_text(encoding="utf-8").strip() for name, path in files.items() if path.is_file()}


def forget(home: Home) -> None:
    """Remove all addresses: nothing is watched any more."""
    for exporter in ON_REQUEST:
        file(exporter, home).unlink(missing_ok=True)


def silent(settings: Settings) -> dict[str, str]:
    """What to say of each exporter whose database did not answer at the last scrape, by its name."""
    from obsdeck.backends import prometheus  # noqa: PLC0415 - an HTTP client that only watchers need

    # `up` is 0 where the exporter has waited for a silent database for longer than a scrape may take.
    jobs = "|".join(exporter.name for exporter in ON_REQUEST)
    away = f'{{__name__=~"pg_up|redis_up|up",job=~"{jobs}"}} == 0'
    try:
        samples = prometheus.query(PROMETHEUS.url(settings), away)
    except ObsdeckError:
        return {}
    names = {sample.labels.get("job") for sample in samples}
    return {
        one.name: f"{one.watches} does not answer; look at {one.address}, at the server and at its users"
        for one in ON_REQUEST
        if one.name in names
    }
