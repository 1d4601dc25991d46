from __future__ import annotations

import os
import shutil
import sqlite3
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.errors import FailedError, UsageError
from obsdeck.tracestore.otlp import OtlpError, decode_protobuf
from obsdeck.tracestore.store import Limits, Store
from obsdeck.tracestore.traces import find_message

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Bench, S


def blocks_of(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.spans.db"))


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "did not happen within 10 s"
        time.sleep(0.01)


def spans_of(bench: Bench, trace: int) -> list[str]:
    with bench.store.reading() as blocks:
        message = find_message(blocks, trace.to_bytes(16, "big"))
    assert message is not None
    return [
        span.name for group in message.resource_spans for scope in group.scope_spans for span in scope.spans
    ]


def test_a_span_that_was_acknowledged_survives_the_process(
    bench: Bench, span: type[S], tmp_path: Path
) -> None:
    bench.put(1, span(1))
    # What a process leaves behind that is killed: the files as they are at this moment.
    crashed = shutil.copytree(tmp_path, tmp_path / "crashed")
    reopened = Store(crashed, Limits())
    try:
        with reopened.reading() as blocks:
            assert find_message(blocks, (1).to_bytes(16, "big")) is not None
    finally:
        reopened.close()


def test_a_reopened_store_goes_on_in_its_newest_block(
    open_bench: Callable[..., Bench], span: type[S], tmp_path: Path
) -> None:
    first = open_bench()
    first.put(1, span(1))
    first.store.close()
    second = open_bench()
    second.put(1, span(2))
    assert len(blocks_of(tmp_path)) == 1
    assert second.search("{}") == {1: [1, 2]}


def test_a_span_that_comes_twice_is_stored_once(bench: Bench, span: type[S]) -> None:
    bench.put(1, span(1), span(1), span(2))
    bench.put(1, span(2), span(3))
    assert bench.search("{}") == {1: [1, 2, 3]}
    assert len(spans_of(bench, 1)) == 3


def test_the_same_span_id_in_another_trace_is_another_span(bench: Bench, span: type[S]) -> None:
    bench.put(1, span(1))
    bench.put(2, span(1))
    assert set(bench.search("{}")) == {1, 2}


def test_a_span_that_comes_twice_is_stored_once_even_in_different_blocks(
    open_bench: Callable[..., Bench], span: type[S], tmp_path: Path
) -> None:
    bench = open_bench(block_spans=2)
    bench.put(1, span(1), span(2))
    bench.put(1, span(2), span(3))
    bench.put(2, span(1))
    assert len(blocks_of(tmp_path)) == 2
    assert bench.search("{}") == {1: [1, 2, 3], 2: [1]}


def test_a_trace_in_two_blocks_is_one_trace(open_bench: Callable[..., Bench], span: type[S]) -> None:
    bench = open_bench(block_spans=1)
    bench.put(1, span(1, name="root", service="front"))
    bench.put(1, span(2, parent=1, name="child", service="back", start=1))
    assert bench.search('{ name = "root" } > { name = "child" }') == {1: [2]}
    assert bench.search('{ name = "root" } && { name = "child" }') == {1: [1, 2]}
    assert bench.search('{ name = "root" }') == {1: [1]}
    assert bench.search("{ } | count() = 2") == {1: [1, 2]}
    assert bench.search('{ rootServiceName = "front" && name = "child" }') == {1: [2]}
    assert sorted(spans_of(bench, 1)) == ["child", "root"]


def test_the_oldest_block_goes_when_there_is_too_much(
    open_bench: Callable[..., Bench], span: type[S], tmp_path: Path
) -> None:
    bench = open_bench(max_size=500_000, block_spans=10)
    for trace in range(1, 40):
        bench.put(trace, *(span(number, attributes={"filling": "x" * 2000}) for number in range(1, 11)))
    # The newest block and what SQLite needs beside it come on top.
    until(lambda: sum(path.stat().st_size for path in blocks_of(tmp_path)) <= 500_000)
    kept = bench.search("{}")
    assert 39 in kept
    assert 1 not in kept


def test_a_block_goes_when_it_is_too_old(
    open_bench: Callable[..., Bench], span: type[S], tmp_path: Path
) -> None:
    bench = open_bench(block_spans=1, retention=timedelta(hours=8))
    bench.put(1, span(1))
    bench.put(2, span(1))
    oldest = blocks_of(tmp_path)[0]
    long_ago = time.time() - 9 * 3600
    os.utime(oldest, (long_ago, long_ago))
    bench.put(3, span(1))
    until(lambda: not oldest.exists())
    assert set(bench.search("{}")) == {2, 3}


def test_a_block_that_somebody_deletes_is_not_missed(
    open_bench: Callable[..., Bench], span: type[S], tmp_path: Path
) -> None:
    bench = open_bench(block_spans=1)
    bench.put(1, span(1))
    bench.put(2, span(1))
    until(lambda: len(bench.store._sealed) == 2)
    blocks_of(tmp_path)[0].unlink()
    bench.put(1, span(1))
    bench.put(3, span(1))
    assert set(bench.search("{}")) == {1, 2, 3}
    until(lambda: len(bench.store._sealed) == 3)


def test_a_full_disk_is_told_to_the_sender_and_the_store_recovers(
    bench: Bench, span: type[S], request_of: Callable[..., Any]
) -> None:
    bench.put(1, span(1))
    writer = bench.store._current
    assert writer is not None
    (pages,) = writer._db.execute("PRAGMA page_count").fetchone()
    writer._db.execute(f"PRAGMA max_page_count = {pages}")
    body = request_of(
        2, [span(n, attributes={"filling": "x" * 9000}) for n in range(1, 20)]
    ).SerializeToString()
    with pytest.raises(sqlite3.OperationalError, match="full"):
        bench.store.submit(partial(decode_protobuf, body)).result(10)
    assert set(bench.search("{}")) == {1}
    writer._db.execute("PRAGMA max_page_count = 1000000")
    bench.store.submit(partial(decode_protobuf, body)).result(10)
    assert len(bench.search("{}")[2]) == 19


def test_a_bad_request_does_not_spoil_its_neighbours(
    bench: Bench, span: type[S], request_of: Callable[..., Any]
) -> None:
    good = request_of(1, [span(1)]).SerializeToString()
    futures = [bench.store.submit(partial(decode_protobuf, body)) for body in (good, b"\xff\xff", good)]
    with pytest.raises(OtlpError):
        futures[1].result(10)
    assert len(futures[0].result(10).spans) == len(futures[2].result(10).spans) == 1


def test_a_damaged_block_is_set_aside_at_start_and_the_log_says_what_is_lost(
    open_bench: Callable[..., Bench], span: type[S], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = open_bench(block_spans=1)
    bench.put(1, span(1))
    bench.put(2, span(1))
    bench.store.close()
    damaged = blocks_of(tmp_path)[0]
    damaged.write_bytes(b"no database" * 500)
    assert set(open_bench(block_spans=1).search("{}")) == {2}
    assert damaged.with_name(f"{damaged.name}.damaged").exists()
    assert not damaged.exists()
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert damaged.name in record.getMessage()
    assert "are lost" in record.getMessage()


def test_a_truncated_block_is_set_aside_at_start(
    open_bench: Callable[..., Bench], span: type[S], tmp_path: Path
) -> None:
    bench = open_bench(block_spans=50)
    bench.put(1, *(span(number, attributes={"filling": "x" * 900}) for number in range(1, 51)))
    bench.put(2, span(1))
    bench.store.close()
    damaged = blocks_of(tmp_path)[0]
    os.truncate(damaged, damaged.stat().st_size // 3)
    assert set(open_bench().search("{}")) == {2}


def test_a_block_that_turns_out_to_be_damaged_is_set_aside_at_the_next_query(
    open_bench: Callable[..., Bench], span: type[S], tmp_path: Path
) -> None:
    bench = open_bench(block_spans=50)
    bench.put(1, *(span(number, attributes={"filling": "x" * 900}) for number in range(1, 51)))
    bench.put(2, span(1))
    damaged = blocks_of(tmp_path)[0]
    body = bytearray(damaged.read_bytes())
    body[100 : len(body) : 3] = b"\xff" * len(body[100 : len(body) : 3])
    damaged.write_bytes(body)
    with pytest.raises(sqlite3.DatabaseError):
        bench.search("{}")
    assert bench.search("{}") == {2: [1]}


def test_a_block_that_turns_out_to_be_damaged_while_it_is_written_is_set_aside(
    open_bench: Callable[..., Bench], span: type[S], request_of: Callable[..., Any], tmp_path: Path
) -> None:
    bench = open_bench()
    bench.put(1, *(span(number, attributes={"filling": "x" * 900}) for number in range(1, 51)))
    bench.store.close()
    [path] = blocks_of(tmp_path)
    with sqlite3.connect(path) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'span_attribute'").fetchone()
    db.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    bench = open_bench()
    body = request_of(2, [span(1, attributes={"color": "red"})]).SerializeToString()
    with pytest.raises(sqlite3.DatabaseError, match="malformed"):
        bench.store.submit(partial(decode_protobuf, body)).result(10)
    bench.store.submit(partial(decode_protobuf, body)).result(10)
    assert bench.search("{}") == {2: [1]}


def test_a_block_of_another_version_is_set_aside(
    open_bench: Callable[..., Bench], span: type[S], tmp_path: Path
) -> None:
    bench = open_bench()
    bench.put(1, span(1))
    bench.store.close()
    with sqlite3.connect(blocks_of(tmp_path)[0]) as db:
        db.execute("PRAGMA user_version = 999")
    db.close()
    assert open_bench().search("{}") == {}


@pytest.mark.usefixtures("bench")
def test_two_stores_do_not_share_a_directory(tmp_path: Path) -> None:
    with pytest.raises(FailedError, match="another trace store"):
        Store(tmp_path, Limits())


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError) as raised:
        Store(tmp_path / "file" / "data", Limits())
    assert str(tmp_path / "file" / "data") in raised.value.message
    assert "--data" in raised.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UsageError, match="cannot write"):
            Store(tmp_path, Limits())
    finally:
        tmp_path.chmod(0o700)


def test_what_was_handed_over_is_stored_before_the_store_ends(
    open_bench: Callable[..., Bench], span: type[S], request_of: Callable[..., Any]
) -> None:
    bench = open_bench()
    futures = [
        bench.store.submit(partial(decode_protobuf, request_of(trace, [span(1)]).SerializeToString()))
        for trace in range(1, 30)
    ]
    bench.store.close()
    assert all(future.done() and not future.exception() for future in futures)
    assert len(open_bench().search("{}")) == 29


def test_readers_keep_what_they_see_while_spans_are_added(bench: Bench, span: type[S]) -> None:
    bench.put(1, span(1))
    with bench.store.reading() as [db]:
        db.execute("BEGIN")
        assert db.execute("SELECT count(*) FROM span").fetchone() == (1,)
        bench.put(2, span(1))
        assert db.execute("SELECT count(*) FROM span").fetchone() == (1,)
    assert set(bench.search("{}")) == {1, 2}
