from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsdeck.packs import report
from obsdeck.packs.findings import Finding
from obsdeck.packs.source import Place

if TYPE_CHECKING:
    from pathlib import Path


def lines(tmp_path: Path, text: str, line: int, column: int, width: int) -> list[str]:
    """The line that is shown, and the marks below it, without their margin."""
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    shown = list(report.text(Finding("levels", "m", Place(path, line, column, width))))
    return [one.partition("| ")[2] for one in shown[3:5]]


def test_a_finding_has_its_place_its_reason_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text("a: 1\nlevels: none\n")
    finding = Finding(
        "levels", "it is none", Place(tmp_path / "x.yaml", 2, 9, 4), why="one\ntwo", hint="mend it"
    )
    assert list(report.text(finding)) == [
        "error[levels]: it is none",
        "  --> x.yaml:2:9",
        "    |",
        "  2 | levels: none",
        "    |         ^^^^",
        "  why: one",
        "       two",
        "  do:  mend it",
    ]


def test_a_file_as_a_whole_has_no_line(tmp_path: Path) -> None:
    shown = list(report.text(Finding("no-pack", "m", Place(tmp_path / "x"))))
    assert shown[1].endswith("x")
    assert len(shown) == 2


@pytest.mark.parametrize(
    ("text", "column", "width", "expected"),
    [
        ("\tkey: value", 7, 5, ["    key: value", "         ^^^^^"]),
        ("名前: 値段", 5, 2, ["名前: 値段", "      ^^^^"]),
        ("e\u0301a: b", 6, 1, ["e\u0301a: b", "    ^"]),
        ("\x1b[31m: b", 8, 1, ["\\x1b[31m: b", "          ^"]),
        ("a: b", 4, 99, ["a: b", "   ^"]),
        ("a: b", 5, 1, ["a: b", "    ^"]),
        ("a: \U0001f600 b", 6, 1, ["a: \U0001f600 b", "      ^"]),
    ],
    ids=["tab", "wide", "accent", "escape", "too wide", "behind the end", "emoji"],
)
def test_the_marks_stand_below_what_is_meant(
    text: str, column: int, width: int, expected: list[str], tmp_path: Path
) -> None:
    assert lines(tmp_path, text, 1, column, width) == expected


def test_of_a_long_line_the_part_is_shown_that_matters(tmp_path: Path) -> None:
    shown, marks = lines(tmp_path, "x" * 5000 + "HERE" + "y" * 5000, 1, 5001, 4)
    assert len(shown) < 200
    assert shown[marks.index("^") : marks.rindex("^") + 1] == "HERE"
    assert (shown[0], shown[-1]) == ("…", "…")


def test_a_long_value_is_marked_as_far_as_it_is_shown(tmp_path: Path) -> None:
    shown, marks = lines(tmp_path, "key: " + "x" * 5000, 1, 6, 5000)
    assert len(marks) == len(shown) - 1  # all but the dots


@given(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"])), st.data())
def test_nothing_reaches_a_terminal_as_it_is(line: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(line)))
    shown, marks = report._marked(line, start, data.draw(st.integers(1, 50)))
    assert shown.isprintable()
    assert set(marks) <= {" ", "^"}
    assert "^" in marks


def test_messages_and_paths_do_not_reach_a_terminal_as_they_are(tmp_path: Path) -> None:
    bad = "\x1b[2J\u202e\ud800"
    finding = Finding("levels", bad, Place(tmp_path / "\x1b[2J"), why=bad, hint=bad)
    for line in (*report.text(finding), report.github(finding)):
        assert line.isprintable()


def test_githubs_annotations_are_escaped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    place = Place(tmp_path / "a,b:c%.yaml", 3, 5, 2)
    finding = Finding("unused-signal", "100%\n::error::x", place, why="b\r\nc", hint="d")
    assert report.github(finding) == (
        "::warning file=a%2Cb%3Ac%25.yaml,title=unused-signal,line=3,col=5,endColumn=7"
        "::100%25%0A::error::x%0Ab%0D%0Ac%0Ad"
    )


def test_an_annotation_of_a_whole_file_has_no_line(tmp_path: Path) -> None:
    assert (
        "line"
        not in report.github(Finding("no-pack", "m", Place(tmp_path))).partition("::")[2].split("::")[0]
    )


def test_the_document_has_what_is_found_and_what_is_silenced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = Finding("raw-counter", "m", Place(tmp_path / "x", 1, 2, 3), why="w", hint="h")
    row = {
        "check": "raw-counter",
        "title": "A counter without rate or increase",
        "severity": "warning",
        "message": "m",
        "path": "x",
        "line": 1,
        "column": 2,
        "width": 3,
        "why": "w",
        "hint": "h",
    }
    assert report.document([one], []) == {"schema_version": 1, "ok": False, "findings": [row], "silenced": []}
    assert report.document([], [one]) == {"schema_version": 1, "ok": True, "findings": [], "silenced": [row]}


def test_a_path_elsewhere_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert report.relative(tmp_path / "x") == str(tmp_path / "x")
    assert report.relative(tmp_path / "a" / "x") == "../x"
