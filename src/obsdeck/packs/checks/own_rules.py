"""A rule file of Prometheus: its queries, and whether its alerts tell people what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from obsdeck.packs.checks import counters, queries
from obsdeck.packs.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.source import Document, Loc


def recorded(files: Iterable[Mapping[str, Any]]) -> set[str]:
    """The names that files of rules record."""
    return {str(rule["record"]) for data in files for _, rule in _rules(data) if "record" in rule}


def check(data: Mapping[str, Any], document: Document, loc: Loc, catalog: Catalog) -> Iterator[Finding]:
    """Faults of one file.

    Args:
        data: What holds `groups`.
        document: The file.
        loc: Where in the file that begins.
        catalog: What the packs declare, and what such files record.
    """
    yield from _groups(data, document, loc)
    for way, rule in _rules(data):
        place = document.place((*loc, *way, "expr"))
        expr = rule.get("expr")
        if not isinstance(expr, str | int | float):
            yield Finding("missing-key", "the rule has no expr", place, hint="add `expr:`")
            continue
        yield from queries.check("promql", str(expr), place, catalog)
        if "alert" in rule:
            yield from counters.check(str(expr), place, catalog)
            yield from _alert(rule, document, (*loc, *way))


def _groups(data: Mapping[str, Any], document: Document, loc: Loc) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, group in enumerate(data["groups"]):
        name = str(group.get("name", "")) if isinstance(group, dict) else ""
        if name in seen:
            place = document.place((*loc, "groups", index, "name"))
            why = "Prometheus refuses the whole file"
            yield Finding("duplicate-group", f"a second group {name!r}", place, why=why, hint="rename one")
        seen.add(name)


def _alert(rule: Mapping[str, Any], document: Document, loc: Loc) -> Iterator[Finding]:
    labels, annotations = _mapping(rule.get("labels")), _mapping(rule.get("annotations"))
    lacks = [] if labels.get("severity") else ["severity"]
    lacks += [key for key in ("summary", "runbook_url") if not annotations.get(key)]
    name = rule.get("alert")
    if lacks:
        yield Finding(
            "bare-alert",
            f"{name} has no {', no '.join(lacks)}",
            document.place((*loc, "alert")),
            why="severity says whom to wake, the summary what is wrong, the runbook what to do",
            hint="severity is a label, the others are annotations",
        )
    page = annotations.get("runbook_url")
    if isinstance(page, str) and page and not _is_there(page, document):
        yield Finding(
            "no-runbook",
            f"the runbook of {name}, {page}, is not there",
            document.place((*loc, "annotations", "runbook_url")),
            why="it was looked for here, beside the file, and in every folder above it",
            hint="write it, or mend the path",
        )


def _is_there(page: str, document: Document) -> bool:
    """Whether a path names a file; of addresses and templates nothing can be told."""
    if urlsplit(page).scheme or "{{" in page or page.startswith("//"):
        return True
    name = page.partition("#")[0].lstrip("/")
    return any((folder / name).is_file() for folder in (Path(), *document.path.absolute().parents))


def _rules(data: Mapping[str, Any]) -> Iterator[tuple[Loc, Mapping[str, Any]]]:
    for index, group in enumerate(data["groups"]):
        rules = group.get("rules") if isinstance(group, dict) else None
        for number, rule in enumerate(rules if isinstance(rules, list) else ()):
            if isinstance(rule, dict):
                yield ("groups", index, "rules", number), rule


def _mapping(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}
