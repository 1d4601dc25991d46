from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsdeck.packs import json_source
from obsdeck.packs.source import Unreadable

if TYPE_CHECKING:
    from pathlib import Path

    from obsdeck.packs.source import Document

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("json")


def read(folder: Path, text: str | bytes) -> Document:
    path = folder / "x.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return json_source.read(path)


def values(tree: Any, loc: tuple[str | int, ...] = ()) -> list[tuple[tuple[str | int, ...], Any]]:
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [(loc, tree), *(pair for key, value in inner for pair in values(value, (*loc, key)))]


FORMS = st.fixed_dictionaries({"indent": st.sampled_from([None, 0, 2, "\t"]), "ensure_ascii": st.booleans()})


@given(TREES, FORMS)
def test_every_place_points_at_its_value(folder: Path, tree: Any, form: dict[str, Any]) -> None:
    document = read(folder, json.dumps(tree, **form))
    lines = document.text.split("\n")
    for loc, value in values(tree):
        place = document.places[loc]
        written = lines[place.line - 1][place.column - 1 :]
        if isinstance(value, dict | list):
            assert written[0] == ("{" if isinstance(value, dict) else "[")
        else:
            assert json.loads(written[: place.width]) == value


def test_a_key_has_a_place_too(folder: Path) -> None:
    place = read(folder, '{\n  "a": {"b": 1}\n}').key(("a", "b"))
    assert (place.line, place.column, place.width) == (2, 9, 3)


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ('{\n"a": }', "is no JSON", 2),
        ("", "is no JSON", 1),
        ("[" * 100_000, "is nested too deep", 0),
        ("9" * 10_000, "is no JSON", 0),
        (b"[\n\xff]", "is not UTF-8", 2),
        ("[" + " " * (9 << 20) + "]", "is larger than 8 MiB", 0),
    ],
    ids=["syntax", "empty", "deep", "number", "bytes", "large"],
)
def test_what_cannot_be_read_is_told(text: str | bytes, message: str, line: int, folder: Path) -> None:
    with pytest.raises(Unreadable, match=message) as told:
        read(folder, text)
    assert told.value.place.line == line
