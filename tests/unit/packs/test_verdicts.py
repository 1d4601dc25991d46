"""What was good is not asked again, and nothing else is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from obsdeck.packs.verdicts import Verdicts

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "promtool"
    path.write_text("one version", encoding="utf-8")
    return path


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text("groups: []", encoding="utf-8")
    return path


def remembered(program: Path, rules: Path) -> Path:
    """The file of a run in which the rules were good."""
    file = program.with_name("kept") / "checked.json"
    verdicts = Verdicts(program, file)
    assert not verdicts.are_good([rules])
    verdicts.add([rules])
    verdicts.save()
    return file


def test_what_was_good_is_good(program: Path, rules: Path) -> None:
    assert Verdicts(program, remembered(program, rules)).are_good([rules])


def test_another_content_is_looked_at_again(program: Path, rules: Path) -> None:
    file = remembered(program, rules)
    rules.write_text("groups: [{name: a, rules: []}]", encoding="utf-8")
    assert not Verdicts(program, file).are_good([rules])


def test_another_program_is_asked_again(program: Path, rules: Path) -> None:
    file = remembered(program, rules)
    program.write_text("another version", encoding="utf-8")
    assert not Verdicts(program, file).are_good([rules])


def test_what_is_no_longer_asked_for_is_forgotten(program: Path, rules: Path) -> None:
    file = remembered(program, rules)
    Verdicts(program, file).save()
    assert not Verdicts(program, file).are_good([rules])


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": 1}'])
def test_a_damaged_memory_is_no_memory(program: Path, rules: Path, content: str) -> None:
    file = remembered(program, rules)
    file.write_text(content, encoding="utf-8")
    assert not Verdicts(program, file).are_good([rules])


def test_without_a_file_nothing_is_kept(program: Path, rules: Path) -> None:
    verdicts = Verdicts(program, None)
    verdicts.add([rules])
    verdicts.save()
    assert not Verdicts(program, None).are_good([rules])
