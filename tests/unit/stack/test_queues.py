"""A real queue file, damaged in the ways that cost a collector its queue, and in those that do not.

`data/queue.bbolt.gz` is what collector 0.155.0 left when it was killed with 60 log lines in its queue: a root
(page 22), a branch page of its bucket (18), and leaves. It was seen to end at, or to give up, each file that
is called damaged here, and to go on with each that is not.
"""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from obsdeck.errors import MissingError
from obsdeck.stack import queues

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "exporter_otlp_http_loki_logs"
PAGE = 4096


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    path = tmp_path / NAME
    path.write_bytes(gzip.decompress((Path(__file__).parent / "data" / "queue.bbolt.gz").read_bytes()))
    return path


def overwritten(start: int, content: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(start)
            file.write(content)

    return damage


def cut(size: int) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, size)


def test_a_whole_queue_has_no_fault(queue: Path) -> None:
    assert queues.fault(queue) == ""
    assert queues.damaged(queue.parent) == []


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (overwritten(0, bytes(2 * PAGE)), "does not begin as a queue file does"),
        (overwritten(0, b"\xff" * 32 * PAGE), "does not begin as a queue file does"),
        (cut(60), "does not begin as a queue file does"),
        (cut(2 * PAGE), "is behind its end"),
        (cut(16 * PAGE), "is behind its end"),
        (overwritten(2 * PAGE, bytes(30 * PAGE)), "says that it is page 0"),
        (overwritten(3 * PAGE, b"\xff" * 16), "page 3 says that it is page 18446744073709551615"),
        (overwritten(3 * PAGE + 8, b"\x10"), "page 3 is of an unknown kind"),
        (overwritten(3 * PAGE + 10, b"\xff\xff"), "page 3 is said to hold more than it can"),
        (overwritten(3 * PAGE + 12, b"\xff\xff\xff"), "page 3 is cut off"),
        (overwritten(3 * PAGE + 16 + 4, b"\xff\xff\xff"), "page 3 refers to what is behind its end"),
        (overwritten(18 * PAGE + 16 + 8, (4).to_bytes(8, "little")), "page 4 is in two places"),
        (
            overwritten(18 * PAGE + 16 + 8, (2**40).to_bytes(8, "little")),
            "page 1099511627776 is behind its end",
        ),
    ],
)
def test_damage_that_costs_the_collector_its_queue_is_found(
    queue: Path, damage: Callable[[Path], None], why: str
) -> None:
    damage(queue)
    assert why in queues.fault(queue)
    assert [one.path for one in queues.damaged(queue.parent)] == [queue]


@pytest.mark.parametrize(
    "damage",
    [
        overwritten(0, b"\xff" * PAGE),
        overwritten(PAGE, b"\xff" * PAGE),
        overwritten(3 * PAGE + 3000, b"\xff" * 200),
        overwritten(27 * PAGE, b"\xff" * PAGE),
        cut(0),
    ],
    ids=["the first page alone", "the second page alone", "text of an item", "an unused page", "no byte"],
)
def test_damage_that_the_collector_survives_is_none(queue: Path, damage: Callable[[Path], None]) -> None:
    damage(queue)
    assert queues.fault(queue) == ""


def test_a_damaged_queue_is_renamed_and_not_looked_at_again(queue: Path) -> None:
    overwritten(0, bytes(2 * PAGE))(queue)
    content = queue.read_bytes()
    [one] = queues.damaged(queue.parent)
    aside = queues.move_aside(one)
    assert aside.name.startswith(f"{NAME}.damaged-")
    assert aside.read_bytes() == content
    assert queues.damaged(queue.parent) == []


def test_what_else_lies_there_is_no_queue(tmp_path: Path) -> None:
    (tmp_path / "a folder").mkdir()
    for name in ("tempdb123", f"{NAME}.backup"):
        (tmp_path / name).write_text("half a compaction")
    assert queues.damaged(tmp_path) == []
    assert queues.damaged(tmp_path / "missing") == []


def test_a_file_that_cannot_be_moved_is_named(tmp_path: Path) -> None:
    gone = queues.Damaged(tmp_path / NAME, "why")
    with pytest.raises(MissingError, match=f"{NAME} cannot be moved aside"):
        queues.move_aside(gone)
