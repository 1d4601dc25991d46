"""A first pack: one counter, one panel, one alert with its tests and its runbook, to be changed by hand."""

from __future__ import annotations

import os
import re
from pathlib import Path

from obsdeck import names
from obsdeck.errors import MissingError, UsageError

EXAMPLE = Path(__file__).with_name("example")
"""A pack called `new-pack`, complete in itself, that every new one is a copy of."""

_MAX_LENGTH = 40


def write(packs: Path, name: str, taken: frozenset[str] = frozenset()) -> tuple[Path, ...]:
    """Write a pack and its runbook; returns the files.

    Args:
        packs: The folder of packs; it is made if there is none. Runbooks lie beside the folder that holds it.
        name: The pack's name: words of lower-case letters and digits, with dashes between them.
        taken: Names that are not free.

    Raises:
        UsageError: The name is none or is taken, or there is something where the files would be.
        MissingError: A file cannot be written; what was written before stays.
    """
    _check(name, taken)
    places = {"packs": packs / name, "runbooks": packs.parent.parent / "runbooks" / name}
    for place in places.values():
        if os.path.lexists(place):
            raise UsageError(f"{place} is there already", hint="choose another name, or remove it")
    written = []
    for source in sorted(path for path in EXAMPLE.rglob("*") if path.is_file()):
        kind, _, *below = source.relative_to(EXAMPLE).parts
        path = places[kind].joinpath(*(_named(part, name) for part in below))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_named(source.read_text(encoding="utf-8"), name), encoding="utf-8", newline="\n")
        except OSError as error:
            raise MissingError(
                f"{path} cannot be written", why=str(error.strerror), hint="make the folder writable"
            ) from error
        written.append(path)
    return tuple(written)


def _check(name: str, taken: frozenset[str]) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or len(name) > _MAX_LENGTH:
        raise UsageError(
            f"{name!r} is no name of a pack",
            why="files, metrics and addresses in Grafana are called after it",
            hint=f"lower-case letters, digits, single dashes, at most {_MAX_LENGTH}: checkout, order-flow",
        )
    if name in taken or name.startswith("obsdeck"):
        raise UsageError(
            f"{name!r} is a name of obsdeck's own",
            hint="choose another one; its signals may be used from any pack",
        )


def _named(text: str, name: str) -> str:
    """The example's text, with its name in all its spellings replaced."""
    words = name.split("-")
    spelled = {
        # What Prometheus calls it: a word such as "total" moves to the end.
        "new_pack_jobs_total": names.metric_name(f"{'_'.join(words)}.jobs", "{job}", "counter"),
        "new-pack": name,
        "new_pack": "_".join(words),
        "NewPack": "".join(word.capitalize() for word in words),
        "New pack": " ".join(words).capitalize(),
    }
    return re.sub("|".join(spelled), lambda found: spelled[found[0]], text)
