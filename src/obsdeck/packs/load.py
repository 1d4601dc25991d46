"""Folders of packs -> packs. Faults of all files are collected; nothing is raised for what a file says."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from obsdeck.packs import runbook, source
from obsdeck.packs.findings import Finding
from obsdeck.packs.model.alerts import AlertsFile
from obsdeck.packs.model.base import Model
from obsdeck.packs.model.dashboard import DashboardFile
from obsdeck.packs.model.pack import LinksFile, PackFile
from obsdeck.packs.model.rule_tests import TestsFile
from obsdeck.packs.model.signal import SignalsFile
from obsdeck.packs.pack import NAME, Pack
from obsdeck.packs.slos.model import Slos
from obsdeck.packs.source import Document, Place, Sourced, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from obsdeck.packs.source import Loc

M = TypeVar("M", bound=Model)

FILES = ("pack.yaml", "signals.yaml", "alerts.yaml", "slos.yaml", "links.yaml")
FOLDERS = ("dashboards", "tests", "drills")


class Loader:
    """Reads packs and keeps what is wrong with them.

    Attributes:
        findings: What was found so far.
    """

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def packs(self, folder: Path) -> tuple[Pack, ...]:
        """Every pack in a folder, by name."""
        try:
            found = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
        except OSError as error:
            self._add("unreadable", f"{folder.name} cannot be read: {error.strerror}", Place(folder))
            return ()
        return tuple(pack for path in found if (pack := self.pack(path)))

    def pack(self, folder: Path) -> Pack | None:
        """One pack; None if there is no telling what it is."""
        path = folder / "pack.yaml"
        if not self._look_over(folder):
            return None
        if not os.path.lexists(path):
            self._add(
                "no-pack", "a folder of packs holds a folder without pack.yaml", Place(folder), "add one"
            )
            return None
        # What a pack without a sound pack.yaml declares is looked at all the same.
        about = self.read(path, PackFile, folder) or _nameless(path)
        signals = self.read(folder / "signals.yaml", SignalsFile, folder)
        rules = self.read(folder / "alerts.yaml", AlertsFile, folder)
        links = self.read(folder / "links.yaml", LinksFile, folder)
        slos = self.read(folder / "slos.yaml", Slos, folder)
        boards = [self.read(one, DashboardFile, folder) for one in _in(folder / "dashboards")]
        tests = [self.read(one, TestsFile, folder) for one in _in(folder / "tests")]
        return Pack(
            name=folder.name,
            folder=folder,
            about=about,
            groups=tuple(_parts(signals, signals.value.groups, "groups")) if signals else (),
            dashboards=tuple(board for board in boards if board),
            recordings=tuple(_parts(rules, rules.value.recordings, "recordings")) if rules else (),
            alerts=tuple(_parts(rules, rules.value.alerts, "alerts")) if rules else (),
            slos=slos,
            links=tuple(_parts(links, links.value.trace_to_metrics, "trace_to_metrics")) if links else (),
            tests=tuple(test.document for test in tests if test),
            runbooks=tuple(self._runbooks(folder)),
        )

    def _look_over(self, folder: Path) -> bool:
        """Whether a pack's name and folders can be used; files that mean nothing are most often misspelt."""
        if not NAME.fullmatch(folder.name):
            what = f"{folder.name!r} is no name of a pack"
            hint = "lower-case letters, digits, single dashes, at most 40: files and uids are called after it"
            self._add("wrong-value", what, Place(folder), hint)
            return False
        for base, folders, files in os.walk(folder, onerror=self._closed):
            for name in sorted([*files, *folders]):
                self._look_at(Path(base, name), folder)
        return True

    def _closed(self, error: OSError) -> None:
        path = Path(error.filename)
        self._add("unreadable", f"{path.name} cannot be read: {error.strerror}", Place(path))

    def _look_at(self, path: Path, pack: Path) -> None:
        where = path.relative_to(pack)
        if _leaves(path, pack):
            what = f"{where} leads out of the pack, to {os.path.realpath(path)}"
            self._add("outside", what, Place(path), "copy what it needs into the pack")
        elif not path.is_dir() and str(where) not in FILES and not _is_in_folder(where):
            close = difflib.get_close_matches(str(where), FILES, n=1)
            hint = f"did you mean {close[0]}?" if close else "remove it, or keep it beside the pack"
            self._add("stray-file", f"{where} is no file of a pack", Place(path), hint)

    def _runbooks(self, folder: Path) -> Iterator[runbook.Runbook]:
        pages = folder.parent.parent.parent / "runbooks" / folder.name
        for path in sorted(pages.glob("*.md")):
            if _leaves(path, pages):
                what = f"{path.name} leads out of the runbooks, to {os.path.realpath(path)}"
                self._add("outside", what, Place(path), "copy it there")
                continue
            try:
                yield runbook.read(path)
            except Unreadable as fault:
                self._add("unreadable", f"{path.name} {fault.message}", fault.place, fault.hint)

    def read(self, path: Path, model: type[M], inside: Path) -> Sourced[M] | None:
        """One file; None if it is not there, leaves a folder, or is not as it should be."""
        if not os.path.lexists(path) or _leaves(path, inside):
            return None
        try:
            return self.validated(source.read(path), model)
        except Unreadable as fault:
            self._add("unreadable", f"{path.name} {fault.message}", fault.place, fault.hint)
            return None

    def validated(self, document: Document, model: type[M]) -> Sourced[M] | None:
        """What a document says, if it says it right."""
        try:
            data = {} if document.data is None else document.data
            return Sourced(TypeAdapter(model).validate_python(data), document)
        except ValidationError as error:
            self.findings += faults(error, document)
            return None

    def _add(self, check: str, message: str, place: Place, hint: str = "") -> None:
        self.findings.append(Finding(check, message, place, hint=hint))


def _in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.yaml"))


def _leaves(path: Path, folder: Path) -> bool:
    """Whether a link on the way to a file leads out of a folder."""
    return not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _nameless(path: Path) -> Sourced[PackFile]:
    return Sourced(PackFile(title=path.parent.name, description="-", owner="-"), Document(path, "", {}, {}))


def _is_in_folder(where: Path) -> bool:
    """Whether it is a file that a pack's folder of files is read for."""
    return len(where.parts) == 2 and where.parts[0] in FOLDERS and where.suffix == ".yaml"  # noqa: PLR2004


def faults(error: ValidationError, document: Document) -> list[Finding]:
    """What pydantic found, with places; of several readings of one value the first is told."""
    found: dict[Place, Finding] = {}
    for fault in error.errors(include_url=False):
        loc = _written(tuple(fault["loc"]), document.data)
        if fault["type"] == "extra_forbidden":
            place = document.key(loc)
            one = Finding("unknown-key", f"{loc[-1]!r} is no key here", place, hint=_close(str(loc[-1])))
        elif fault["type"] == "missing":
            place = document.place(loc[:-1])
            one = Finding("missing-key", f"{loc[-1]!r} is missing", place, hint=f"add `{loc[-1]}:`")
        else:
            place = document.place(loc)
            message = fault["msg"].removeprefix("Value error, ")
            one = Finding("wrong-value", message[:1].lower() + message[1:], place, why=_seen(fault["input"]))
        found.setdefault(place, one)
    return list(found.values())


def _written(loc: Loc, data: Any) -> Loc:
    """The way through the file, without what pydantic adds to it where a value may be of several kinds."""
    found: list[str | int] = []
    for part in loc[:-1]:
        is_key = isinstance(data, dict) and part in data
        if is_key or (isinstance(data, list) and isinstance(part, int)):
            data = data[part]
            found.append(part)
    return (*found, *loc[-1:])


def _close(key: str) -> str:
    """A key that may have been meant."""
    known: set[str] = {"for"}
    models: list[type[Model]] = [Model]
    while models:
        below = models.pop().__subclasses__()
        models += below
        known |= {name for model in below for name in model.model_fields}
    close = difflib.get_close_matches(key, sorted(known - {key}), n=1)
    return f"did you mean `{close[0]}`?" if close else "docs/guides/packs.md lists the keys"


def _seen(value: object) -> str:
    text = repr(value)
    return f"it is {text}" if len(text) <= 80 and not isinstance(value, dict | list) else ""  # noqa: PLR2004


def _parts(whole: Sourced[Any], parts: Iterable[M], name: str) -> Iterator[Sourced[M]]:
    for index, part in enumerate(parts):
        yield whole.part(part, name, index)
