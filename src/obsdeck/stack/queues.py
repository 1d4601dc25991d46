"""The collector's queues on disk: whether each file is whole, and moving aside those that are not.

Each queue is a bbolt file, a tree of numbered pages. The collector reads every page of it when it starts
(`compaction: on_start`) and ends at the first that is not what the tree says it is, before it has taken
anything in; its own words name the file in few of these cases, so the file itself is read here. The format is
bbolt's, version 2: https://github.com/etcd-io/bbolt/tree/main/internal/common.
"""

from __future__ import annotations

import os
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from obsdeck.errors import MissingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ASIDE = ".damaged-"
_NO_QUEUE = ("tempdb", ".backup", _ASIDE)
"""In the names of what else lies there: half a compaction, what the collector and we moved aside."""

_HEADER = struct.Struct("=QHHI")
"""A page's number, its kind, how many elements it has, how many pages more it extends over."""

_META = struct.Struct("=IIIIQQQQQQ")
"""Magic, version, page size, flags, root page, sequence, free list, pages in all, transaction, checksum."""

_LEAF = struct.Struct("=IIII")
"""Flags, where its key lies seen from here, length of the key, length of the value."""

_BRANCH = struct.Struct("=IIQ")
"""Where its key lies, length of the key, number of the page below."""

_BUCKET = struct.Struct("=QQ")
"""A tree within the tree: its root page, 0 where it lies in this very value; and a sequence."""

_MAGIC, _VERSION = 0xED0CDAED, 2
_BRANCH_PAGE, _LEAF_PAGE = 0x01, 0x02
_PAGE_SIZES = [1 << power for power in range(10, 25)]


@dataclass(frozen=True)
class Damaged:
    """A queue file that the collector cannot read.

    Attributes:
        path: The file.
        why: What is wrong with it.
    """

    path: Path
    why: str


def damaged(directory: Path) -> list[Damaged]:
    """The damaged queue files of a collector that is not running.

    Args:
        directory: The collector's data directory; need not exist.
    """
    if not directory.is_dir():
        return []
    paths = sorted(path for path in directory.iterdir() if path.is_file())
    queues = [path for path in paths if not any(word in path.name for word in _NO_QUEUE)]
    return [Damaged(path, why) for path in queues if (why := fault(path))]


def fault(path: Path) -> str:
    """What is wrong with a queue file; empty where nothing is, or where it cannot be read at all."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size:  # without a byte it is as good as none
                _Tree(file.fileno(), size).walk()
    except OSError:
        return ""
    except _DamageError as damage:
        return str(damage)
    return ""


def move_aside(one: Damaged) -> Path:
    """Rename a damaged file so that the collector begins a new one; nothing is deleted.

    Returns:
        Where it lies now: beside its place, with the time in its name.

    Raises:
        MissingError: The directory cannot be written.
    """
    aside = one.path.with_name(one.path.name + _ASIDE + time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()))
    try:
        return one.path.rename(aside)
    except OSError as error:
        raise MissingError(
            f"the damaged queue file {one.path} cannot be moved aside",
            why=str(error),
            hint="move it somewhere else yourself, then obsdeck up",
        ) from error


class _DamageError(Exception):
    """The file is not what it should be."""


class _Tree:
    """One file's pages, walked from the root as the collector does."""

    def __init__(self, file: int, size: int) -> None:
        self._file = file
        self._size = size
        self._page_size, self._root, self._pages = self._newest_meta()

    def walk(self) -> None:
        """Look at every page that is in use.

        Raises:
            _DamageError: One is not what the tree says it is.
        """
        waiting, seen = [self._root], set()
        while waiting:
            number = waiting.pop()
            if number in seen:
                raise _DamageError(f"page {number} is in two places")
            seen.add(number)
            waiting += self._below(number)

    def _newest_meta(self) -> tuple[int, int, int]:
        """The two first pages describe the tree in turns; one that was only half written has a wrong sum."""
        metas = []
        for size in _PAGE_SIZES:
            for start in (_HEADER.size, size + _HEADER.size):
                if start + _META.size > self._size:
                    continue
                raw = self._read(start, _META.size)
                magic, version, page_size, _, root, _, _, pages, transaction, checksum = _META.unpack(raw)
                whole = checksum == _fnv(raw[:-8])
                if (magic, version, page_size) == (_MAGIC, _VERSION, size) and whole:
                    metas.append((transaction, page_size, root, pages))
        if not metas:
            raise _DamageError("it does not begin as a queue file does")
        return max(metas)[1:]

    def _below(self, number: int) -> Iterator[int]:
        """The pages that a page of the tree refers to."""
        start, end, kind, count = self._page(number)
        element = _BRANCH if kind == _BRANCH_PAGE else _LEAF
        table = start + _HEADER.size
        if table + count * element.size > end:
            raise _DamageError(f"page {number} is said to hold more than it can")
        rows = element.iter_unpack(self._read(table, count * element.size))
        for at, row in zip(range(table, end, element.size), rows, strict=False):
            branch = kind == _BRANCH_PAGE
            bucket, where, key, value, below = (0, row[0], row[1], 0, row[2]) if branch else (*row, 0)
            if at + where + key + value > end:
                raise _DamageError(f"page {number} refers to what is behind its end")
            if bucket:
                below, _ = _BUCKET.unpack(self._read(at + where + key, _BUCKET.size))
            if below or branch:
                yield below

    def _page(self, number: int) -> tuple[int, int, int, int]:
        """Where a page starts and ends, its kind, and how many elements it has."""
        start = number * self._page_size
        if number >= self._pages or start + self._page_size > self._size:
            raise _DamageError(f"page {number} is behind its end")
        own, kind, count, more = _HEADER.unpack(self._read(start, _HEADER.size))
        if own != number:
            raise _DamageError(f"page {number} says that it is page {own}")
        if kind not in (_BRANCH_PAGE, _LEAF_PAGE):
            raise _DamageError(f"page {number} is of an unknown kind")
        end = start + (more + 1) * self._page_size
        if end > self._size:
            raise _DamageError(f"page {number} is cut off")
        return start, end, kind, count

    def _read(self, start: int, length: int) -> bytes:
        """Read, never mapped: a file that becomes shorter meanwhile would end this process."""
        raw = os.pread(self._file, length, start)
        if len(raw) < length:
            raise _DamageError("it is cut off")
        return raw


def _fnv(content: bytes) -> int:
    """FNV-1a with 64 bits."""
    digest = 0xCBF29CE484222325
    for byte in content:
        digest = (digest ^ byte) * 0x100000001B3 % 2**64
    return digest
