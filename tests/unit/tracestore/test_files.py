from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from obsdeck.errors import FailedError, UsageError
from obsdeck.tracestore import files
from obsdeck.tracestore.writer import BlockWriter

if TYPE_CHECKING:
    from pathlib import Path


def test_a_name_says_when_a_block_was_begun(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    assert before <= files.begun(files.new_path(tmp_path, None)) <= datetime.now(UTC)


def test_names_sort_by_age_even_where_the_clock_is_set_back(tmp_path: Path) -> None:
    ahead = tmp_path / (datetime.now(UTC) + timedelta(days=3)).strftime(files._BEGUN)
    following = files.new_path(tmp_path, ahead)
    assert following.name > ahead.name
    assert files.new_path(tmp_path, following).name > following.name


def test_blocks_come_in_order_and_others_files_are_left_alone(tmp_path: Path) -> None:
    made = []
    for _ in range(3):
        made.append(files.new_path(tmp_path, made[-1] if made else None))
        BlockWriter(made[-1]).close()
    (tmp_path / "notes.txt").write_text("mine")
    assert files.block_paths(tmp_path) == made
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_damaged_block_is_set_aside_with_its_companions(tmp_path: Path) -> None:
    path = files.new_path(tmp_path, None)
    path.write_bytes(b"nonsense" * 100)
    log = path.with_name(f"{path.name}-wal")
    log.write_bytes(b"more")
    assert files.block_paths(tmp_path) == []
    left = {other.name for other in tmp_path.iterdir()}
    assert {f"{path.name}.damaged", f"{log.name}.damaged"} <= left
    assert all(name.endswith(".damaged") for name in left)


def test_removing_a_block_leaves_nothing(tmp_path: Path) -> None:
    path = files.new_path(tmp_path, None)
    writer = BlockWriter(path)
    assert files.size(tmp_path) > 0
    files.remove(path)
    writer.close()
    assert files.size(tmp_path) == 0


def test_a_directory_has_one_holder_at_a_time(tmp_path: Path) -> None:
    held = files.lock(tmp_path / "new" / "deep")
    with pytest.raises(FailedError, match="another trace store"):
        files.lock(tmp_path / "new" / "deep")
    held.close()
    files.lock(tmp_path / "new" / "deep").close()


def test_a_directory_that_cannot_be_made_is_a_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        files.lock(tmp_path / "file")
