"""Every check is registered, used, and explained by a page whose examples do what it says."""

from __future__ import annotations

import ast
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from obsdeck import cli
from obsdeck.packs import deck, generate, generated, promtool, silences, where
from obsdeck.packs.checks import own_files
from obsdeck.packs.checks.registry import CHECKS, SECTIONS

if TYPE_CHECKING:
    from obsdeck.packs.findings import Finding

ROOT = Path(__file__).resolve().parents[3]
PAGES = ROOT / "docs" / "checks"

RUNBOOK = """\
---
alert: TillFull
severity: [warning]
owner: the shop
panel: till/Cash
---

# TillFull

The drawer is nearly full.

## Impact

Soon nothing can be paid in cash.

## Diagnosis

```promql
max by (till_lane) (till_cash_ratio)
```

## Mitigation

Empty the drawer.

## Verify

It is less than half full.

## False positives

None.
"""
REPOSITORY = {
    "observability/packs/till/pack.yaml": "title: Till\ndescription: Sales.\nowner: the shop\n",
    "observability/packs/till/signals.yaml": """\
groups:
  - id: metric.till.sales
    type: metric
    metric_name: till.sales
    brief: Sales.
    instrument: counter
    unit: "{sale}"
    attributes: [{id: till.lane, type: string, brief: The lane., examples: [a]}]
  - id: metric.till.cash
    type: metric
    metric_name: till.cash
    brief: How full the drawer is.
    instrument: gauge
    unit: "1"
    attributes: [{ref: till.lane}]
  - id: metric.till.sale.duration
    type: metric
    metric_name: till.sale.duration
    brief: How long a sale takes.
    instrument: histogram
    unit: s
""",
    "observability/packs/till/dashboards/till.yaml": """\
uid: till
title: Till
description: Sales.
rows:
  - title: Sales
    panels:
      - {title: Sales, description: Per second., signal: till.sales}
      - {title: Duration, description: Of a sale., signal: till.sale.duration}
      - title: Cash
        description: How full the drawer is.
        signal: till.cash
        levels: {normal: "<= 0.9", critical: "> 0.9"}
""",
    "observability/packs/till/alerts.yaml": """\
alerts:
  - alert: TillFull
    panel: till/Cash
    level: critical
    severity: warning
    summary: The drawer is nearly full
    description: More than 90 % of the drawer is used.
""",
    "observability/packs/till/tests/till.yaml": """\
tests:
  - interval: 1m
    input_series:
      - {series: 'till_cash_ratio{till_lane="a"}', values: "0.95x9 0.5x10 stale"}
    alert_rule_test:
      - {eval_time: 5m, alertname: TillFull, exp_alerts: [{exp_labels: {severity: warning}}]}
      - {eval_time: 15m, alertname: TillFull, exp_alerts: []}
      - {eval_time: 40m, alertname: TillFull, exp_alerts: []}
""",
    "runbooks/till/TillFull.md": RUNBOOK,
}
PACK = "title: Cafe\ndescription: Cups.\nowner: the cafe\n"


@dataclass
class Example:
    """What the fences of a page's section say: files, commands, and the place of what is found."""

    files: dict[str, str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    found: tuple[str, int] = ("", 0)


def sections(check: str) -> dict[str, str]:
    text = (PAGES / f"{check}.md").read_text(encoding="utf-8")
    _, *parts = re.split(r"^## (Example|Put right|Silence it)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def example(section: str) -> Example:
    made = Example()
    for fence in re.finditer(r"^(```+)(\w+)\n(.*?)^\1\n", section, re.MULTILINE | re.DOTALL):
        if fence[2] == "sh":
            made.commands.append(fence[3])
            if told := re.search(r"# here: (\S+)", fence[3]):
                made.found = (told[1], 0)
            continue
        head, _, body = fence[3].partition("\n")
        named = re.fullmatch(r"(?:#|//|<!--) (\S+)(?: -->)?(\s+here)?(?:: (\S+))?", head)
        assert named, head
        path = named[1]
        # YAML is put with the line that names the file, and so counted as it is read in the page.
        text = f"{head}\n{body}" if head.startswith("#") else body
        for number, line in enumerate(text.splitlines(), 1):
            if re.search(r"(#|//) here$", line):
                made.found = (path, number)
        if named[2]:
            made.found = (named[3] or path, 0)
        made.files[path] = re.sub(r"\s*(#|//) here$", "", text, flags=re.MULTILINE)
    if told := re.search(r"^Found at (\S+):(\d+)\.$", section, re.MULTILINE):
        made.found = (told[1], int(told[2]))
    return made


def build(root: Path, *examples: Example) -> None:
    """The repository with what the examples say; what they leave out is as it should be."""
    for path, text in REPOSITORY.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    packs = [root / "observability" / "packs"]
    generate.write(generate.files(deck.read(packs).catalog), packs[0].parent / "generated")
    for one in examples:
        for path, text in one.files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        for command in one.commands:
            if not command.startswith("obsdeck"):
                subprocess.run(["sh", "-ec", command], cwd=root, check=True)
    for folder in packs[0].iterdir():
        is_about_it = any(one.found[0] == f"observability/packs/{folder.name}" for one in examples)
        if not (folder / "pack.yaml").exists() and not is_about_it:
            (folder / "pack.yaml").write_text(PACK, encoding="utf-8")


def look(root: Path, check: str, tool: Path | None) -> tuple[deck.Deck, list[Finding]]:
    """All that is found, silenced or not; what the packs of the examples do not use is not told."""
    shipped = [where._shipped()] if check == "duplicate-pack" else []
    packs = root / "observability" / "packs"
    read = deck.read([*shipped, packs])
    found = [*read.findings, *read.silenced]
    found = [one for one in found if one.place.path.is_relative_to(root)]
    own = [path for folder in ("grafana", "prometheus") for path in sorted((root / folder).glob("*"))]
    found += own_files.check(own, read.catalog)
    if read.is_sound and check == "drift":
        found += generated.check(read.catalog, packs.parent / "generated")
    if read.is_sound and tool:
        found += promtool.run(tool, read.catalog)
    seen = {str(path) for path in root.rglob("*")}
    sorted_ = silences.sort(found, read.silences)
    found += silences.unused(read.silences, sorted_.silenced, seen, ())
    return read, [one for one in found if one.check != "unused-signal" or check == "unused-signal"]


@pytest.fixture
def tool(request: pytest.FixtureRequest) -> Path | None:
    """promtool, for the checks that it makes."""
    needs = request.getfixturevalue("check") in promtool.CHECKS
    return request.getfixturevalue("promtool") if needs else None


def used() -> set[str]:
    """The ids that the code reports: what stands first in every Finding(...) and _add(...)."""
    found: set[str] = set()
    for path in (ROOT / "src" / "obsdeck" / "packs").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in {"Finding", "_add"} and node.args:
                    constants = [one for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant)]
                    found |= {one.value for one in constants if isinstance(one.value, str)}
    return found


def test_every_check_that_is_reported_is_registered_and_every_registered_one_is_reported() -> None:
    assert used() == set(CHECKS)


def test_every_check_has_a_page_and_every_page_a_check() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == {*CHECKS, "README"}


def test_no_check_is_registered_twice() -> None:
    assert sum(map(len, SECTIONS.values())) == len(CHECKS)


def test_the_index_lists_every_check() -> None:
    text = (PAGES / "README.md").read_text(encoding="utf-8")
    listed = re.findall(
        r"^\| \[([a-z-]+)\]\(([a-z-]+)\.md\) \| (.*?) \| (\w+) \| (yes|no) \|$", text, re.MULTILINE
    )
    assert listed == [
        (name, name, one.title, one.severity, "yes" if one.can_be_silenced else "no")
        for name, one in CHECKS.items()
    ]


@pytest.mark.parametrize("check", CHECKS)
def test_the_page_begins_with_what_the_check_says(check: str) -> None:
    text = (PAGES / f"{check}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {check}\n\n{CHECKS[check].title}.\n\n")
    assert list(sections(check)) == ["Example", "Put right", "Silence it"]


@pytest.mark.parametrize("check", CHECKS)
def test_the_example_of_a_page_yields_that_finding_where_it_is_marked(
    check: str, tmp_path: Path, tool: Path | None
) -> None:
    bad = example(sections(check)["Example"])
    build(tmp_path, bad)
    _, found = look(tmp_path, check, tool)
    places = {(one.check, str(one.place.path.relative_to(tmp_path)), one.place.line) for one in found}
    assert places == {(check, *bad.found)}


@pytest.mark.parametrize("check", CHECKS)
def test_put_right_it_yields_nothing(check: str, tmp_path: Path, tool: Path | None) -> None:
    good = example(sections(check)["Put right"])
    build(tmp_path, good)
    _, found = look(tmp_path, check, tool)
    assert found == []


@pytest.mark.parametrize("check", [name for name, one in CHECKS.items() if one.can_be_silenced])
def test_the_silence_of_a_page_silences_its_example_and_files_can_be_generated(
    check: str, tmp_path: Path, tool: Path | None
) -> None:
    page = sections(check)
    build(tmp_path, example(page["Example"]), example(page["Silence it"]))
    read, found = look(tmp_path, check, tool)
    sorted_ = silences.sort(found, read.silences)
    assert sorted_.open == ()
    assert {one.check for one in sorted_.silenced} == {check}
    assert read.is_sound
    assert generate.files(read.catalog)


@pytest.mark.parametrize("check", [name for name, one in CHECKS.items() if not one.can_be_silenced])
def test_what_cannot_be_silenced_says_so(check: str) -> None:
    assert sections(check)["Silence it"].strip().startswith("It cannot be silenced")


def test_explain_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", "--explain", "raw-counter"]) == 0
    assert capsys.readouterr().out == (PAGES / "raw-counter.md").read_text(encoding="utf-8")


def test_a_check_that_is_none_cannot_be_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", "--explain", "raw-counters"]) == 2
    assert "did you mean raw-counter?" in capsys.readouterr().err
