"""The pages that follow from the shipped packs: every dashboard, alert and metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from obsdeck.packs import deck, rules
from obsdeck.packs.catalog import Catalog, panels
from obsdeck.packs.where import HERE
from obsdeck.stack import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obsdeck.packs.pack import Pack


def pages(made: str) -> dict[str, str]:
    """Path and text of each page.

    Args:
        made: The remark that a page is generated.
    """
    catalog = deck.read([files.root() / HERE]).catalog
    return {
        "docs/reference/dashboards.md": _page("Dashboards", made, _dashboards(catalog)),
        "docs/reference/alerts.md": _page("Alerts", made, _alerts(catalog)),
        "docs/reference/metrics.md": _page("Metrics", made, _metrics(catalog)),
    }


def _page(title: str, made: str, lines: Iterator[str]) -> str:
    return f"# {title}\n\n{made}\n" + "\n".join(lines) + "\n"


def _dashboards(catalog: Catalog) -> Iterator[str]:
    for pack in catalog.packs:
        yield from _head(pack)
        for board in pack.dashboards:
            yield f"**{board.value.title}** (`{board.value.uid}`): {_line(board.value.description)}\n"
            yield "| panel | shows |\n|---|---|"
            for panel in panels(board):
                yield f"| {panel.value.title} | {_line(panel.value.description)} |"
            yield ""


def _alerts(catalog: Catalog) -> Iterator[str]:
    yield "Each has a runbook, a panel, and tests in which it fires, stays quiet, and meets missing data.\n"
    for pack in catalog.packs:
        found = [rule for group in rules.groups(pack, catalog) for rule in group["rules"] if "alert" in rule]
        if found:
            yield from _head(pack)
            yield "| alert | severity | after | says |\n|---|---|---|---|"
            for rule in found:
                yield _alert(rule)
            yield ""


def _alert(rule: dict[str, Any]) -> str:
    words = rule["annotations"]
    name = f"[{rule['alert']}](../../{words['runbook_url']})"
    when = rule.get("for", "at once")
    return f"| {name} | {rule['labels']['severity']} | {when} | {_line(words['summary'])} |"


def _metrics(catalog: Catalog) -> Iterator[str]:
    yield "By the name that Prometheus has; `obsdeck lineage NAME` tells what uses one.\n"
    for pack in catalog.packs:
        found = [one for one in catalog.signals.values() if one.pack == pack.name]
        if not found and not pack.recordings:
            continue
        yield from _head(pack)
        yield "| metric | is | unit | from |\n|---|---|---|---|"
        for one in sorted(found, key=lambda one: one.metric):
            by = one.emitted_by
            source = by.job or by.scope or "services"
            yield f"| `{one.metric}` | {one.instrument}: {_line(one.brief)} | {one.unit or '-'} | {source} |"
        for rule in (recording.value for recording in pack.recordings):
            yield f"| `{rule.record}` | recorded: {_line(rule.description)} | - | rules |"
        yield ""


def _head(pack: Pack) -> Iterator[str]:
    yield f"## {pack.about.value.title}\n\n{_line(pack.about.value.description)}\n"


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
