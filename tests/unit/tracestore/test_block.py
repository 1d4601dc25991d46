from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.tracestore.block import damage, is_damage, open_block, select_in, stored_span_ids
from obsdeck.tracestore.otlp import decode_protobuf
from obsdeck.tracestore.writer import BlockWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path, request_of: Callable[..., Any], span: Callable[..., Any]) -> Path:
    made = tmp_path / "a block.db"
    writer = BlockWriter(made)
    spans = [span(number, attributes={"filling": "x" * 500}) for number in range(1, 200)]
    writer.append([decode_protobuf(request_of(1, spans).SerializeToString())], {})
    assert writer.seal()
    return made


def test_a_sound_block_has_no_damage(path: Path) -> None:
    assert damage(path) == ""
    assert damage(path, thoroughly=True) == ""


@pytest.mark.parametrize("content", [b"", b"text" * 1000])
def test_what_is_no_block_is_damaged(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert damage(path)


def test_a_hole_in_the_middle_is_found_by_reading_all(path: Path) -> None:
    body = bytearray(path.read_bytes())
    middle = len(body) // 2 // 4096 * 4096
    body[middle : middle + 4096] = b"\xff" * 4096
    path.write_bytes(body)
    assert damage(path, thoroughly=True)


def test_only_some_errors_say_that_a_block_is_damaged(path: Path) -> None:
    with closing(open_block(path, sealed=True)) as db, pytest.raises(sqlite3.Error) as raised:
        db.execute("SELECT * FROM nothing")
    assert not is_damage(raised.value)
    assert not is_damage(ValueError())


def test_a_sealed_block_is_read_without_companions(path: Path) -> None:
    with closing(open_block(path, sealed=True)) as db:
        assert db.execute("SELECT count(*) FROM span").fetchone() == (199,)
        with pytest.raises(sqlite3.OperationalError):
            db.execute("DELETE FROM span")
        assert [other.name for other in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("sealed", [True, False])
def test_a_block_that_is_gone_does_not_come_back(tmp_path: Path, *, sealed: bool) -> None:
    with pytest.raises(sqlite3.OperationalError):
        open_block(tmp_path / "gone.db", sealed=sealed)
    assert list(tmp_path.iterdir()) == []


def test_many_values_are_asked_for_in_portions(path: Path) -> None:
    with closing(open_block(path, sealed=True)) as db:
        found = {
            span_id for (span_id,) in select_in(db, "SELECT span_id FROM span WHERE span_id", range(5000))
        }
        assert found == set(range(1, 200))
        assert stored_span_ids(db, 1, range(190, 300)) == set(range(190, 200))
        assert stored_span_ids(db, 2, range(300)) == set()
