from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from obsdeck.packs import source
from obsdeck.packs.source import MAX_DEPTH, MAX_NODES, Sourced, Unreadable

FILE = Path("pack.yaml")

words = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"], exclude_characters="\u2028\u2029\ufeff")
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)

styles = st.fixed_dictionaries(
    {
        "default_flow_style": st.sampled_from([None, True, False]),
        "default_style": st.sampled_from([None, '"', "'"]),
    }
)


def written(data: Any, **how: Any) -> str:
    return str(yaml.safe_dump(data, allow_unicode=True, width=10**6, sort_keys=False, **how))


def parsed(text: str) -> source.Document:
    return source.parse(text, FILE)


def at(document: source.Document, place: source.Place) -> str:
    """The text that a place underlines."""
    line = document.text.splitlines()[place.line - 1]
    return line[place.column - 1 : place.column - 1 + place.width]


def leaves(data: Any, loc: source.Loc = ()) -> list[tuple[source.Loc, Any]]:
    if isinstance(data, dict):
        return [one for key, value in data.items() for one in leaves(value, (*loc, key))]
    if isinstance(data, list):
        return [one for index, value in enumerate(data) for one in leaves(value, (*loc, index))]
    return [(loc, data)]


@given(documents, styles)
def test_what_is_written_is_read(data: Any, style: dict[str, Any]) -> None:
    assert parsed(written(data, **style)).data == data


@given(documents, styles)
def test_every_place_points_at_what_is_written(data: Any, style: dict[str, Any]) -> None:
    document = parsed(written(data, **style))
    for loc, value in leaves(document.data):
        assert yaml.safe_load(at(document, document.place(loc))) == value
        if loc and isinstance(loc[-1], str):
            key = document.places[(*loc[:-1], f"key:{loc[-1]}")]
            assert yaml.safe_load(at(document, key).removeprefix("? ")) == loc[-1]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(Unreadable):
        assert parsed(text).text == text


def test_what_is_missing_is_where_it_would_be() -> None:
    document = parsed("title: a\nrows:\n  - panels: []\n")
    assert document.place(("rows", 0, "panels", 3, "title")) == document.place(("rows", 0, "panels"))
    assert document.place(("nowhere",)).line == 1
    assert parsed("").place(("a",)).line == 0


def test_a_key_has_a_place_of_its_own() -> None:
    document = parsed("a:\n  wrong: 5\n")
    assert at(document, document.key(("a", "wrong"))) == "wrong"
    assert at(document, document.place(("a", "wrong"))) == "5"


def test_a_part_of_what_was_read_knows_where_it_stands() -> None:
    document = parsed("rows:\n  - {title: Now}\n")
    row = Sourced(document.data, document).part(document.data["rows"][0], "rows", 0)
    assert at(document, row.place("title")) == "Now"


def test_a_text_of_several_lines_is_marked_to_the_end_of_its_first() -> None:
    document = parsed('a: "one\n  two"\n')
    assert document.data == {"a": "one two"}
    assert at(document, document.place(("a",))) == '"one'


def test_what_an_anchor_repeats_is_shown_where_it_is_written() -> None:
    document = parsed("a: &all\n  - {x: 1}\nb: *all\n")
    assert document.data["b"] == [{"x": 1}]
    assert document.place(("b", 0, "x")) == document.place(("a", 0, "x"))


def test_many_anchors_are_read_in_one_pass() -> None:
    count = MAX_NODES // 2 - 1
    document = parsed("".join(f"- &a{number} x\n" for number in range(count)) + f"- *a{count - 1}\n")
    assert document.place((count,)).line == count


@pytest.mark.parametrize("text", ["12-03-04", "2026-11-21", "1.2.3", "on the way", "'5'", '"null"'])
def test_what_is_no_number_or_truth_stays_text(text: str) -> None:
    assert parsed(text).data == text.strip("'\"")


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("a: [1, 2\nb: 3", "is no YAML", 2),
        ("a: 1\nb: 2\na: 3", "has the key 'a' twice", 3),
        ("a: 1\n---\nb: 2", "holds several documents", 2),
        ("a: 1\n? [x]\n: 2", "has a key that is no text", 2),
        ("a: *b", "uses the anchor 'b', which is not defined above", 1),
        ("a: &a [*a]", "holds the anchor 'a' within itself", 1),
        ("a: !!int five", "has no int: 'five'", 1),
        ("a: !!int ''", "has no int: ''", 1),
        ("a: !!bool perhaps", "has no bool: 'perhaps'", 1),
        ("a: !!float ''", "has no float: ''", 1),
        ("\n" + "[" * 200_000, f"is nested deeper than {MAX_DEPTH} levels", 2),
        ("a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH, "", 0),
        ("- x\n" * (MAX_NODES + 1), f"expands to more than {MAX_NODES} values", MAX_NODES),
    ],
)
def test_faults_are_told_with_their_line(text: str, message: str, line: int) -> None:
    if not message:
        assert parsed(text).data
        return
    with pytest.raises(Unreadable) as caught:
        parsed(text)
    assert caught.value.message.startswith(message)
    assert caught.value.place.line == line


def test_aliases_are_counted_as_often_as_they_are_used() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    with pytest.raises(Unreadable, match=f"expands to more than {MAX_NODES} values") as caught:
        parsed(bomb)
    assert caught.value.hint == "split it, or use fewer aliases"


def test_a_file_has_a_size_that_is_read(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_bytes(b"#" * (source.MAX_BYTES + 1))
    with pytest.raises(Unreadable, match="is larger than 1 MiB"):
        source.read(path)


def test_the_line_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("title: a\nowner: Jürgen\n".encode("latin-1"))
    with pytest.raises(Unreadable, match="is not UTF-8") as caught:
        source.read(path)
    assert caught.value.place.line == 2


def test_a_file_that_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="cannot be read: No such file or directory"):
        source.read(tmp_path / "none.yaml")
