"""`obsdeck check`: what is wrong with packs or with files of one's own, where, and what to do."""

from __future__ import annotations

import json as encoder
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from obsdeck.cli import context
from obsdeck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from obsdeck.packs.deck import Deck
    from obsdeck.packs.findings import Finding
    from obsdeck.packs.silences import Sorted
    from obsdeck.packs.where import Where

FOUND, BAD_INPUT = 1, 2


def check(  # noqa: PLR0917 - an option is named, whatever its place
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Dashboards (.json) and rule files (.yaml) of your own; none: the packs are checked.",
            show_default=False,
        ),
    ] = None,
    packs: context.Packs = None,
    output: Annotated[
        Literal["text", "github"], typer.Option("--format", help="How findings are written.")
    ] = "text",
    explain: Annotated[
        str, typer.Option("--explain", metavar="ID", help="Print the page of a check.", show_default=False)
    ] = "",
    env_file: context.EnvFile = None,
    json: context.Json = False,
) -> None:
    """Look for faults in packs, in what is generated from them and in runbooks, or in files of your own."""
    from obsdeck.packs import deck, report
    from obsdeck.packs.checks.registry import UNREAD

    if explain:
        typer.echo(_page(explain))
        return
    where = context.where(packs, env_file)
    read = deck.read(where.folders)
    found = _judged(read, _looked(read, where, files, env_file))
    if json:
        typer.echo(encoder.dumps(report.document(found.open, found.silenced), indent=2))
    else:
        _print(found, output)
    if found.open:
        is_bad = not read.is_sound or any(one.check in UNREAD for one in found.open)
        raise typer.Exit(BAD_INPUT if is_bad else FOUND)


@dataclass(frozen=True)
class _Looked:
    """What was looked at.

    Attributes:
        findings: What was found.
        seen: Every file.
        unasked: Checks that were not made.
    """

    findings: Sequence[Finding]
    seen: frozenset[str] = frozenset()
    unasked: frozenset[str] = frozenset()


def _looked(read: Deck, where: Where, files: list[Path] | None, env_file: Path | None) -> _Looked:
    from obsdeck.packs import generated, promtool
    from obsdeck.packs.checks import own_files

    known = [*read.findings, *read.silenced]
    if not read.is_sound:
        return _Looked(known)
    if files:
        return _Looked(
            list(own_files.check(files, read.catalog)), frozenset(str(path.absolute()) for path in files)
        )
    if where.generated:
        known += generated.check(read.catalog, where.generated)
    tool = _promtool(env_file)
    if tool:
        known += promtool.run(tool, read.catalog, context.load(env_file)[1].cache / "checked-rules.json")
    seen = frozenset(str(path) for folder in where.folders for path in _files_of(folder))
    return _Looked(known, seen, frozenset() if tool else promtool.CHECKS)


def _judged(read: Deck, looked: _Looked) -> Sorted:
    """What is found, apart from what is silenced; and silences that are over."""
    from obsdeck.packs import silences
    from obsdeck.packs.findings import in_order

    found = silences.sort(in_order(list(looked.findings)), read.silences)
    if not read.is_sound:
        return found
    over = silences.unused(read.silences, found.silenced, looked.seen, looked.unasked)
    return silences.Sorted((*found.open, *over), found.silenced)


def _files_of(packs: Path) -> list[Path]:
    """The files that belong to a folder of packs, without links: those of runbooks too."""
    runbooks = packs.parent.parent / "runbooks"
    return [path for folder in (packs, runbooks) for path in folder.rglob("*") if path.is_file()]


def _promtool(env_file: Path | None) -> Path | None:
    """Prometheus' own tool; it comes with the server."""
    from obsdeck.stack.install import resolve

    settings, home = context.load(env_file)
    server = resolve("prometheus", settings, home.cache).path
    tool = server.with_name("promtool") if server else None
    if tool is None or not tool.is_file():
        context.talk().print(
            "the rules' tests are not run: promtool is not there (obsdeck install prometheus)"
        )
        return None
    return tool


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _page(check: str) -> str:
    from obsdeck.packs.checks.registry import CHECKS
    from obsdeck.packs.findings import close
    from obsdeck.stack import files

    if check not in CHECKS:
        hint = close(check, CHECKS) or "docs/checks/README.md lists them"
        raise UsageError(f"there is no check {check!r}", hint=hint)
    return (files.root() / "docs" / "checks" / f"{check}.md").read_text(encoding="utf-8").rstrip()


def _print(found: Sorted, output: str) -> None:
    from obsdeck.packs import report

    for one in found.open:
        typer.echo(report.github(one) if output == "github" else "\n".join(report.text(one)) + "\n")
    errors = sum(one.severity == "error" for one in found.open)
    warnings = len(found.open) - errors
    counts = [_counted(number, what) for number, what in ((errors, "error"), (warnings, "warning")) if number]
    told = ", ".join(counts) or "no findings"
    told += f", {len(found.silenced)} silenced" if found.silenced else ""
    told += f"; obsdeck check --explain {found.open[0].check} tells more" if found.open else ""
    context.talk().print(told, markup=False)
