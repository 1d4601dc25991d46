from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from obsdeck.packs import runbook
from obsdeck.packs.source import Unreadable

if TYPE_CHECKING:
    from pathlib import Path

PAGE = """\
---
alert: ShopFails
severity: [critical]
---

# ShopFails

It means
two lines.

## Impact

None.

## Diagnosis

1. Look:

   ```promql
   sum(up)
     > 1
   ```

```sh -x
## no heading
```

## Mitigation

## Verify

```logql
{a="b"}
```
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "ShopFails.md"
    found.write_text(PAGE, encoding="utf-8")
    return found


def line_of(text: str) -> int:
    return PAGE.splitlines().index(text) + 1


def test_the_front_matter_has_the_places_of_the_file(path: Path) -> None:
    front = runbook.read(path).front
    assert front.data == {"alert": "ShopFails", "severity": ["critical"]}
    assert front.place(("severity", 0)).line == line_of("severity: [critical]")


def test_what_stands_before_the_first_section_is_the_meaning(path: Path) -> None:
    assert runbook.read(path).meaning == "It means\ntwo lines."


def test_headings_are_those_outside_of_code(path: Path) -> None:
    page = runbook.read(path)
    assert [one.title for one in page.headings] == ["Impact", "Diagnosis", "Mitigation", "Verify"]
    assert [one.place.line for one in page.headings] == [line_of(f"## {one.title}") for one in page.headings]


def test_a_section_without_words_is_empty(path: Path) -> None:
    assert [one.title for one in runbook.read(path).headings if one.is_empty] == ["Mitigation"]


def test_queries_stand_in_fences_that_name_their_language(path: Path) -> None:
    page = runbook.read(path)
    assert [(one.language, one.text) for one in page.queries] == [
        ("promql", "sum(up)\n  > 1"),
        ("logql", '{a="b"}'),
    ]
    assert [one.place.line for one in page.queries] == [line_of("   sum(up)"), line_of('{a="b"}')]
    assert [one.language for one in page.fences] == ["promql", "sh", "logql"]


def test_a_page_without_front_matter_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "A.md"
    path.write_text("# A\n", encoding="utf-8")
    with pytest.raises(Unreadable, match="has no front matter") as caught:
        runbook.read(path)
    assert "begin it with `---`" in caught.value.hint


def test_a_fault_in_the_front_matter_is_told_with_its_line(path: Path) -> None:
    path.write_text(PAGE.replace("severity: [critical]", "severity: [critical"), encoding="utf-8")
    with pytest.raises(Unreadable, match="is no YAML") as caught:
        runbook.read(path)
    assert caught.value.place.line in {3, 4}


def test_a_page_without_sections_is_all_meaning(path: Path) -> None:
    path.write_text("---\nalert: A\n---\n\n# A\n\nWords.\n", encoding="utf-8")
    page = runbook.read(path)
    assert (page.meaning, page.headings, page.queries) == ("Words.", (), ())
