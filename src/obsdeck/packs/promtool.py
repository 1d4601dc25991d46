"""Prometheus' own tool over generated rules and over the packs' tests of them."""

from __future__ import annotations

import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import yaml

from obsdeck.errors import MissingError
from obsdeck.packs import rule_tests, rules
from obsdeck.packs.findings import Finding
from obsdeck.packs.source import Place
from obsdeck.packs.verdicts import Verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.pack import Pack
    from obsdeck.packs.source import Document

CHECKS = frozenset({"rules", "rule-test"})
"""What it finds."""

SECONDS = 120

_DUMPER: type[Any] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@dataclass(frozen=True)
class _Tests:
    """A file of tests, and the files that promtool takes for it: one for each test."""

    document: Document
    paths: tuple[Path, ...]


def run(promtool: Path, catalog: Catalog, remembered: Path | None = None) -> Iterator[Finding]:
    """Findings on rules that Prometheus refuses, and on tests that fail.

    Args:
        promtool: The program.
        catalog: Sound packs.
        remembered: A file that keeps what was good, so that it is not asked again; None asks for all.

    Raises:
        MissingError: The program cannot be started.
    """
    verdicts = Verdicts(promtool, remembered)
    groups = {pack.name: rules.groups(pack, catalog) for pack in catalog.packs}
    every = [group for found in groups.values() for group in found]
    # promtool runs one test after the other; a process for each file leaves none of the processors idle.
    with (
        tempfile.TemporaryDirectory(prefix="obsdeck-rules-") as made,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        folder = Path(made)
        tests = pool.map(partial(_tested, promtool, verdicts), list(_tests(folder, catalog, every)))
        checked = pool.map(
            lambda pack: _checked(
                promtool,
                verdicts,
                _written(folder / f"rules of {pack.name}", {"groups": groups[pack.name]}),
                pack,
            ),
            [pack for pack in catalog.packs if groups[pack.name]],
        )
        refused = [one for found in checked for one in found]
        # Where rules are refused, their tests fail for that reason alone.
        yield from refused or [one for found in tests for one in found]
        verdicts.save()


def _checked(promtool: Path, verdicts: Verdicts, path: Path, pack: Pack) -> list[Finding]:
    if verdicts.are_good([path]):
        return []
    done = _run(promtool, "check", "rules", "--lint=all", "--lint-fatal", str(path))
    if done.returncode == 0:
        verdicts.add([path])
        return []
    why = _words(done.stdout + done.stderr, path.parent)
    return [Finding("rules", f"Prometheus refuses the rules of {pack.name}", pack.about.place(), why=why)]


def _tests(folder: Path, catalog: Catalog, groups: Sequence[Mapping[str, Any]]) -> Iterator[_Tests]:
    for pack in catalog.packs:
        added = {name: rules.added(name, pack, catalog) for name in rules.names(pack)}
        for document in pack.tests:
            below = folder / f"tests of {pack.name}" / document.path.name
            yield _Tests(document, tuple(_alone(below, document, groups, added)))


def _alone(
    folder: Path,
    document: Document,
    groups: Sequence[Mapping[str, Any]],
    added: Mapping[str, Mapping[str, str]],
) -> Iterator[Path]:
    """Each test in a file of its own, called by its number.

    promtool evaluates all rules that a file names at every step of every test in it.
    """
    for index, test in enumerate((document.data or {}).get("tests", ())):
        one = replace(document, data={**document.data, "tests": [test]})
        needed = rule_tests.needed(one, groups)
        rule_file = _written(folder / f"{index}.rules", {"groups": needed})
        order = [group["name"] for group in needed]
        yield _written(folder / f"{index}.yaml", rule_tests.runnable(one, [rule_file.name], order, added))


def _written(path: Path, content: Mapping[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.dump(content, Dumper=_DUMPER, sort_keys=False), encoding="utf-8")
    return path


def _tested(promtool: Path, verdicts: Verdicts, tests: _Tests) -> list[Finding]:
    if not tests.paths:
        return []
    files = [*tests.paths, *(path.with_suffix(".rules") for path in tests.paths)]
    if verdicts.are_good(files):
        return []
    # What it prints does not say which file a failure is of; its report in JUnit's format does.
    folder = tests.paths[0].parent
    report = folder / "report.xml"
    done = _run(promtool, "test", "rules", f"--junit={report}", *map(str, tests.paths))
    if done.returncode == 0:
        verdicts.add(files)
        return []
    try:
        suites = list(ET.parse(report).getroot())  # noqa: S314 - promtool has just written it
    except (OSError, ET.ParseError):
        place = Place(tests.document.path)
        return [Finding("rule-test", "promtool fails", place, why=_words(done.stdout + done.stderr, folder))]
    return [
        Finding("rule-test", "a test fails", _place(suite, tests.document), why=_words(said, folder))
        for suite in suites
        if (said := "\n".join(fault.text or "" for case in suite for fault in case))
    ]


def _place(suite: ET.Element, document: Document) -> Place:
    return document.place(("tests", int(Path(suite.get("name", "")).stem)))


def _run(promtool: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [str(promtool), *arguments]
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=SECONDS)
    except OSError as error:
        hint = "obsdeck install prometheus"
        raise MissingError(f"{promtool} cannot be started", why=str(error.strerror), hint=hint) from error
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(argv, 1, "", f"it did not end within {SECONDS} s")


def _words(said: str, folder: Path) -> str:
    lines = [line.rstrip() for line in said.replace(f"{folder}/", "").splitlines() if line.strip()]
    return "\n".join(lines[:40])
