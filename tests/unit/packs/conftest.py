"""A small repository with one sound pack, to be changed; and promtool to judge rules."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.packs import deck
from obsdeck.stack.environment import load_settings
from obsdeck.stack.home import find_home
from obsdeck.stack.install import resolve
from obsdeck.stack.variables import PROGRAMS

if TYPE_CHECKING:
    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.model.dashboard import DashboardFile, Panel
    from obsdeck.packs.pack import Pack

DATA = Path(__file__).parent / "data"
PACK = Path("observability/packs/shop")


@dataclass(frozen=True)
class Repository:
    """A repository with packs."""

    root: Path

    @property
    def packs(self) -> Path:
        return self.root / "observability" / "packs"

    @property
    def generated(self) -> Path:
        return self.root / "observability" / "generated"

    def file(self, name: str) -> Path:
        """A file of the pack, or of its runbooks where the name ends in .md."""
        return self.root / (Path("runbooks/shop") if name.endswith(".md") else PACK) / name

    def put(self, name: str, text: str) -> Path:
        path = self.file(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def change(self, name: str, old: str, new: str) -> Path:
        text = self.file(name).read_text(encoding="utf-8")
        assert old in text
        return self.put(name, text.replace(old, new))

    def read(self) -> deck.Deck:
        return deck.read([self.packs])

    def found(self) -> list[str]:
        """The ids of what is found."""
        return [one.check for one in self.read().findings]

    def catalog(self) -> Catalog:
        read = self.read()
        assert [one for one in read.findings if one.severity == "error"] == []
        return read.catalog

    def pack(self) -> tuple[Pack, Catalog]:
        catalog = self.catalog()
        return next(one for one in catalog.packs if one.name == "shop"), catalog


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    root = tmp_path / "repository"
    shutil.copytree(DATA, root)
    return Repository(root)


@pytest.fixture(scope="session")
def shop() -> Catalog:
    """The sound pack, to look at."""
    return Repository(DATA).catalog()


def board(catalog: Catalog, uid: str = "shop") -> DashboardFile:
    return catalog.dashboards[uid].value


def panel_of(catalog: Catalog, title: str, **changed: Any) -> Panel:
    """A panel of the pack, with some of its keys changed as if they were written so."""
    panel = catalog.panels[f"shop/{title}"][1].value
    return type(panel).model_validate({**panel.model_dump(exclude_unset=True), **changed})


@pytest.fixture(scope="session")
def promtool() -> Path:
    environ = {one.name: os.environ[one.name] for one in PROGRAMS if os.environ.get(one.name)}
    server = resolve("prometheus", load_settings(environ=environ), find_home().cache).path
    found = server and server.with_name("promtool")
    if found is None or not found.is_file():
        pytest.skip("promtool is not there: obsdeck install prometheus")
    return found
