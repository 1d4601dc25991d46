from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.tracestore.otlp import decode_protobuf
from obsdeck.tracestore.writer import BlockWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[BlockWriter]:
    opened = BlockWriter(tmp_path / "block.db")
    yield opened
    opened.close()


@pytest.fixture
def batch_of(request_of: Callable[..., Any]) -> Callable[..., Any]:
    return lambda trace, *spans: decode_protobuf(request_of(trace, spans).SerializeToString())


def rows(writer: BlockWriter, select: str) -> list[tuple[Any, ...]]:
    return writer._db.execute(select).fetchall()


def test_spans_of_a_trace_lie_side_by_side(
    writer: BlockWriter, batch_of: Callable[..., Any], span: Callable[..., Any]
) -> None:
    assert writer.append([batch_of(1, span(1)), batch_of(2, span(1)), batch_of(1, span(2))], {}) == 3
    assert writer.append([batch_of(1, span(3))], {}) == 1
    assert rows(writer, "SELECT trace, span_id FROM span ORDER BY id") == [(1, 1), (1, 2), (1, 3), (2, 1)]
    assert writer.spans == 4


def test_a_trace_grows_with_its_spans(
    writer: BlockWriter, batch_of: Callable[..., Any], span: Callable[..., Any]
) -> None:
    writer.append([batch_of(1, span(2, parent=1, name="late", start=50, duration=100))], {})
    assert rows(writer, "SELECT spans, root_name, root_service FROM trace") == [(1, None, None)]
    writer.append([batch_of(1, span(1, name="root", service="front", start=10, duration=20))], {})
    [(spans, start, stop, name, service)] = rows(
        writer, "SELECT spans, start, stop, root_name, root_service FROM trace"
    )
    assert (spans, stop - start, name, service) == (2, 140 * 10**6, "root", "front")


def test_what_repeats_is_stored_once(
    writer: BlockWriter, batch_of: Callable[..., Any], span: Callable[..., Any]
) -> None:
    for trace in range(1, 5):
        writer.append([batch_of(trace, span(1, attributes={"color": "red"}), span(2))], {})
    for table, count in {"text": 1, "resource": 1, "scope": 1, "attribute_key": 2}.items():
        assert rows(writer, f"SELECT count(*) FROM {table}") == [(count,)]


def test_a_trace_that_older_blocks_hold_is_marked_and_their_spans_are_left_out(
    writer: BlockWriter, batch_of: Callable[..., Any], span: Callable[..., Any]
) -> None:
    batches = [batch_of(1, span(1), span(2)), batch_of(2, span(1)), batch_of(3, span(7))]
    old, gone = (1).to_bytes(16, "big"), (3).to_bytes(16, "big")
    assert writer.append(batches, {old: {1}, gone: {7}}) == 2
    assert rows(writer, "SELECT spans, split FROM trace ORDER BY id") == [(1, 1), (1, 0)]


def test_nothing_of_a_failed_batch_is_left(
    writer: BlockWriter, batch_of: Callable[..., Any], span: Callable[..., Any]
) -> None:
    writer.append([batch_of(1, span(1))], {})
    (pages,) = rows(writer, "PRAGMA page_count")[0]
    writer._db.execute(f"PRAGMA max_page_count = {pages}")
    large = [batch_of(2, span(1, name="new", attributes={"filling": "x" * 90_000}))]
    with pytest.raises(sqlite3.OperationalError, match="full"):
        writer.append(large, {})
    assert rows(writer, "SELECT count(*) FROM span") == [(1,)]
    writer._db.execute("PRAGMA max_page_count = 1000000")
    assert writer.append(large, {}) == 1
    # Names that were first met in the failed batch must not be known by numbers it took with it.
    assert rows(writer, "SELECT value FROM span JOIN text ON text.id = span.name ORDER BY span.id") == [
        ("work",),
        ("new",),
    ]


def test_a_block_is_not_sealed_while_somebody_reads_it(
    writer: BlockWriter, batch_of: Callable[..., Any], span: Callable[..., Any], tmp_path: Path
) -> None:
    writer.append([batch_of(1, span(1))], {})
    reader = sqlite3.connect(tmp_path / "block.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM span").fetchall()
    writer.append([batch_of(2, span(1))], {})
    assert not writer.seal()
    reader.close()
    assert writer.append([batch_of(3, span(1))], {}) == 1
    assert writer.seal()
    assert not (tmp_path / "block.db-wal").exists()


def test_opening_again_goes_on(
    tmp_path: Path, batch_of: Callable[..., Any], span: Callable[..., Any]
) -> None:
    for trace in (1, 2):
        writer = BlockWriter(tmp_path / "again.db")
        writer.append([batch_of(trace, span(1))], {})
        assert writer.spans == trace
        assert writer.size > 0
        writer.close()
