"""Reading YAML so that every value has a place: file, line, column.

What is read may come from anybody, so size, depth and the number of nodes are limited, with aliases counted
as often as they are used. libyaml's events are read one by one, since its own composer ends the process with
a stack overflow on a file that is nested deep enough.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_NODES = 50_000

Loc = tuple[str | int, ...]
"""The way to a value: keys and indices."""

T = TypeVar("T")
U = TypeVar("U")

_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Place:
    """Where something is written.

    Attributes:
        path: The file.
        line: Counted from 1; 0 means the file as a whole.
        column: Counted from 1.
        width: How many characters are meant, at least 1.
    """

    path: Path
    line: int = 0
    column: int = 1
    width: int = 1


class Unreadable(Exception):  # noqa: N818 - it is not the program's error but the file's
    """A file that cannot be read as YAML.

    Attributes:
        place: Where it fails.
        message: What is wrong, one line.
        hint: What to do.
    """

    def __init__(self, message: str, place: Place, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.hint = hint


@dataclass(frozen=True)
class Document:
    """A file with its data, and the place of every value in it.

    Attributes:
        path: The file.
        text: Its content.
        data: Mappings, lists, strings, numbers, booleans, None.
        places: Of every value, by the way to it; `(*way, "key:name")` is the place of a key.
    """

    path: Path
    text: str
    data: Any
    places: Mapping[Loc, Place] = field(repr=False)

    def place(self, loc: Loc) -> Place:
        """Where a value stands, or what would hold it, if it is missing."""
        for end in range(len(loc), -1, -1):
            found = self.places.get(loc[:end])
            if found:
                return found
        return Place(self.path)

    def key(self, loc: Loc) -> Place:
        """Where the key of a value stands."""
        found = self.places.get((*loc[:-1], f"key:{loc[-1]}")) if loc else None
        return found or self.place(loc)


@dataclass(frozen=True)
class Sourced(Generic[T]):
    """Something that was read, with where it stands.

    Attributes:
        value: What was read.
        document: From which file.
        loc: Where in it.
    """

    value: T
    document: Document
    loc: Loc = ()

    def place(self, *more: str | int) -> Place:
        """The place of this, or of a part of it."""
        return self.document.place((*self.loc, *more))

    def part(self, value: U, *more: str | int) -> Sourced[U]:
        """A part of this."""
        return Sourced(value, self.document, (*self.loc, *more))


def read(path: Path) -> Document:
    """Read one file with one YAML document.

    Raises:
        Unreadable: It is no regular file, too large, not UTF-8, no YAML, too deep, or it expands to too much.
    """
    return parse(text(path), path)


def text(path: Path, limit: int = MAX_BYTES) -> str:
    """The text of one file, without the mark that some editors put before it.

    Args:
        path: The file.
        limit: How many bytes it may have.

    Raises:
        Unreadable: It is no regular file (opening a pipe would wait for ever), too large, or not UTF-8.
    """
    whole = Place(path)
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise Unreadable("is no regular file", whole, "put a file there, or remove it")
        if found.st_size > limit:
            raise Unreadable(f"is larger than {limit >> 20} MiB", whole, "split it")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}", whole) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise Unreadable("is not UTF-8", Place(path, line), "save it as UTF-8") from error


def parse(text: str, path: Path) -> Document:
    """Read YAML text that belongs to a file. Raises as `read`."""
    builder = _Builder(path, text)
    try:
        events = yaml.parse(text, Loader=_LOADER)
        data = builder.document(events)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(path, mark.line + 1, mark.column + 1) if mark else Place(path)
        raise Unreadable(f"is no YAML: {error.problem or error.context}", place) from error
    except yaml.reader.ReaderError as error:
        line = text.encode()[: error.position].count(b"\n") + 1
        raise Unreadable(
            f"has the character {chr(error.character)!r}", Place(path, line), "remove it"
        ) from error
    return Document(path, text, data, builder.places)


@dataclass(frozen=True)
class _Anchored:
    """What an anchor names: its value, its number of nodes, and the places in it, relative to it."""

    value: Any
    nodes: int
    places: Mapping[Loc, Place]


class _Builder:
    """Makes data and places of one file's events."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.places: dict[Loc, Place] = {}
        self._lines = text.splitlines()
        self._anchors: dict[str, _Anchored | None] = {}
        self._nodes = 0
        self._ways: list[Loc] = []

    def document(self, events: Iterator[Any]) -> Any:
        data, documents = None, 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise Unreadable("holds several documents", self._place(event), "split it at the `---`")
                data = self._node(next(events), events, ())
        return data

    def _node(self, event: Any, events: Iterator[Any], loc: Loc) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, loc)
        self._count(1, event)
        if len(loc) > MAX_DEPTH:
            raise Unreadable(f"is nested deeper than {MAX_DEPTH} levels", self._place(event))
        inside = len(self._ways)
        self._put(loc, self._place(event))
        before = self._nodes
        if event.anchor:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(events, loc)
        else:
            value = self._mapping(events, loc)
        if event.anchor:
            places = {way[len(loc) :]: self.places[way] for way in self._ways[inside:]}
            self._anchors[event.anchor] = _Anchored(value, self._nodes - before + 1, places)
        return value

    def _alias(self, event: Any, loc: Loc) -> Any:
        known = self._anchors.get(event.anchor, self)
        if known is self:
            raise Unreadable(
                f"uses the anchor {event.anchor!r}, which is not defined above", self._place(event)
            )
        if not isinstance(known, _Anchored):
            raise Unreadable(f"holds the anchor {event.anchor!r} within itself", self._place(event))
        self._count(known.nodes, event)
        # A fault in what is repeated is shown where it is written, and not where it is repeated.
        for way, place in known.places.items():
            self._put((*loc, *way), place)
        return known.value

    def _sequence(self, events: Iterator[Any], loc: Loc) -> list[Any]:
        items: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._node(event, events, (*loc, len(items))))
        return items

    def _mapping(self, events: Iterator[Any], loc: Loc) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent):
                raise Unreadable("has a key that is no text", self._place(event))
            self._count(1, event)
            if event.value in found:
                raise Unreadable(
                    f"has the key {event.value!r} twice", self._place(event), "remove one of them"
                )
            self._put((*loc, f"key:{event.value}"), self._place(event))
            found[event.value] = self._node(next(events), events, (*loc, event.value))
        return found

    def _scalar(self, event: Any) -> Any:
        tag = event.tag or _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag not in _PLAIN:
            return event.value
        try:
            return _CONSTRUCTOR.construct_object(yaml.ScalarNode(tag, event.value))
        except (ValueError, LookupError, yaml.YAMLError) as error:
            raise Unreadable(
                f"has no {tag.rpartition(':')[2]}: {event.value!r}", self._place(event)
            ) from error

    def _put(self, loc: Loc, place: Place) -> None:
        self.places[loc] = place
        self._ways.append(loc)

    def _count(self, nodes: int, event: Any) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            why = f"expands to more than {MAX_NODES} values"
            raise Unreadable(why, self._place(event), "split it, or use fewer aliases")

    def _place(self, event: Any) -> Place:
        start, end = event.start_mark, event.end_mark
        width = end.column - start.column if end.line == start.line else 0
        if start.line != end.line and start.line < len(self._lines):
            width = len(self._lines[start.line].rstrip()) - start.column
        return Place(self.path, start.line + 1, start.column + 1, max(1, width))


_PLAIN = frozenset(f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null"))
_RESOLVER: Any = Resolver()
_CONSTRUCTOR = SafeConstructor()
