"""Prometheus' own tool over generated rules and over the packs' tests of them."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import yaml

from obsdeck.packs import rule_tests, rules
from obsdeck.packs.findings import Finding
from obsdeck.packs.source import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.pack import Pack
    from obsdeck.packs.source import Document

CHECKS = frozenset({"rules", "rule-test"})
"""What it finds."""

SECONDS = 120


def run(promtool: Path, catalog: Catalog) -> Iterator[Finding]:
    """Findings on rules that Prometheus refuses, and on tests that fail.

    Args:
        promtool: The program.
        catalog: Sound packs.
    """
    with tempfile.TemporaryDirectory(prefix="obsdeck-rules-") as made:
        folder = Path(made)
        groups = {pack.name: rules.groups(pack, catalog) for pack in catalog.packs}
        for pack in catalog.packs:
            if groups[pack.name]:
                path = _written(folder / f"{pack.name}.yaml", {"groups": groups[pack.name]})
                yield from _checked(promtool, path, pack)
        tests = dict(_tests(folder, catalog, [group for found in groups.values() for group in found]))
        if tests:
            yield from _tested(promtool, tests, folder)


def _checked(promtool: Path, path: Path, pack: Pack) -> Iterator[Finding]:
    done = _run(promtool, "check", "rules", "--lint=all", "--lint-fatal", str(path))
    if done.returncode:
        why = _words(done.stdout + done.stderr, path.parent)
        yield Finding("rules", f"Prometheus refuses the rules of {pack.name}", pack.about.place(), why=why)


def _tests(
    folder: Path, catalog: Catalog, groups: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, Document]]:
    for pack in catalog.packs:
        added = {name: rules.added(name, pack, catalog) for name in rules.names(pack)}
        for document in pack.tests:
            # promtool evaluates all rules that it is given at every step of every test.
            needed = rule_tests.needed(document, groups)
            name = f"{pack.name}-{document.path.name}"
            _written(folder / f"rules-{name}", {"groups": needed})
            order = [group["name"] for group in needed]
            made = rule_tests.runnable(document, [f"rules-{name}"], order, added)
            yield _written(folder / f"test-{name}", made).name, document


def _written(path: Path, content: Mapping[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def _tested(promtool: Path, tests: Mapping[str, Document], folder: Path) -> Iterator[Finding]:
    # What it prints does not say which file a failure is of; its report in JUnit's format does.
    report = folder / "report.xml"
    done = _run(promtool, "test", "rules", f"--junit={report}", *(str(folder / name) for name in tests))
    if done.returncode == 0:
        return
    try:
        suites = list(ET.parse(report).getroot())  # noqa: S314 - promtool has just written it
    except (OSError, ET.ParseError):
        first = next(iter(tests.values()))
        yield Finding("rule-test", "promtool fails", Place(first.path), why=_words(done.stderr, folder))
        return
    for suite in suites:
        document = tests[Path(suite.get("name", "")).name]
        for case in suite:
            said = "\n".join(fault.text or "" for fault in case)
            if len(case):
                yield Finding("rule-test", "a test fails", _place(case, document), why=_words(said, folder))


def _place(case: ET.Element, document: Document) -> Place:
    """Where the test is written whose case it is: promtool names one without a name by its number."""
    names = [test.get("name", f"unnamed#{index}") for index, test in enumerate(document.data["tests"])]
    name = case.get("name")
    return document.place(("tests", names.index(name))) if name in names else Place(document.path, 1)


def _run(promtool: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(promtool), *arguments], capture_output=True, text=True, check=False, timeout=SECONDS
    )


def _words(said: str, folder: Path) -> str:
    lines = [line.rstrip() for line in said.replace(f"{folder}/", "").splitlines() if line.strip()]
    return "\n".join(lines[:40])
