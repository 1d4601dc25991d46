"""The locked requirements: complete, hashed, silent about where packages come from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("stack.txt", "dev.txt", "benchmarks.txt")


def pinned(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / name).read_text()
    return {
        match[1].lower(): match[2] for match in re.finditer(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE)
    }


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_hashes_and_no_index_is_named(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert "://" not in text
    assert "--index" not in text
    blocks = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert blocks
    assert [block for block in blocks if "--hash=sha256:" not in block] == []


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~; ]", one)[0].lower().replace("_", "-") for one in requirements} - {"obsdeck"}


def test_what_the_project_asks_for_is_pinned() -> None:
    everything = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, groups = everything["project"], everything["dependency-groups"]
    extras = project["optional-dependencies"]
    assert names([*project["dependencies"], *extras["stack"]]) - pinned("stack.txt").keys() == set()
    extra = [requirement for requirements in extras.values() for requirement in requirements]
    assert names([*extra, *groups["dev"]]) - pinned("dev.txt").keys() == set()
    assert names(groups["benchmarks"]) - pinned("benchmarks.txt").keys() == set()


def test_both_locks_agree() -> None:
    stack, dev = pinned("stack.txt"), pinned("dev.txt")
    assert {name: dev.get(name) for name in stack} == stack
