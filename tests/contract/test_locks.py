"""The locked requirements: complete, hashed, silent about where packages come from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("stack.txt", "dev.txt")


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


def test_what_the_project_asks_for_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["stack"]]
    names = {re.split(r"[\[<>=!~; ]", requirement)[0].lower() for requirement in wanted}
    assert names - pinned("stack.txt").keys() == set()
    development = {re.split(r"[\[<>=!~; ]", one)[0].lower() for one in project["dependency-groups"]["dev"]}
    assert development - pinned("dev.txt").keys() == set()


def test_both_locks_agree() -> None:
    stack, dev = pinned("stack.txt"), pinned("dev.txt")
    assert {name: dev.get(name) for name in stack} == stack
