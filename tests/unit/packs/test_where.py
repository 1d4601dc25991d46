from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from obsdeck.errors import UsageError
from obsdeck.packs import where
from obsdeck.stack import files

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = files.root() / where.HERE


def test_without_packs_of_ones_own_there_are_the_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert where.find() == where.Where((SHIPPED,), None)


def test_packs_of_the_working_directory_are_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "observability" / "packs"
    own.mkdir(parents=True)
    assert where.find() == where.Where((SHIPPED, own), tmp_path / "observability" / "generated")


def test_what_is_generated_lies_beside_the_packs_that_are_named(tmp_path: Path) -> None:
    own = tmp_path / "mine"
    own.mkdir()
    assert where.find(str(own)) == where.Where((SHIPPED, own), tmp_path / "generated")


def test_obsdecks_own_packs_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(SHIPPED.parents[1])
    assert where.find().folders == (SHIPPED,)


def test_a_folder_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no folder of packs") as caught:
        where.find(str(tmp_path / "none"))
    assert "init pack" in caught.value.hint


def test_the_names_of_the_shipped_packs_are_their_folders() -> None:
    assert {"http", "python", "pipeline"} <= where.shipped_names()
