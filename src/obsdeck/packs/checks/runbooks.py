"""Runbooks: each belongs to an alert, has all its sections, and its queries run as they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from obsdeck.packs import rules
from obsdeck.packs.checks import queries as query_checks
from obsdeck.packs.findings import Finding, close
from obsdeck.packs.load import faults
from obsdeck.packs.model.runbook import SECTIONS, Front

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.pack import Pack
    from obsdeck.packs.runbook import Runbook

_FRONT = TypeAdapter(Front)


def check(catalog: Catalog) -> Iterator[Finding]:
    """Faults of every runbook."""
    for pack in catalog.packs:
        alerts = rules.names(pack)
        for page in pack.runbooks:
            if page.path.stem not in alerts:
                yield Finding(
                    "orphan-runbook",
                    f"no alert of the pack {pack.name} is called {page.path.stem}",
                    page.front.place(()),
                    hint=close(page.path.stem, alerts) or "remove it, or name it as its alert",
                )
            yield from _front(page, pack, catalog)
            yield from _sections(page)
            for fence in page.queries:
                yield from query_checks.check(fence.language, fence.text, fence.place, catalog)


def _front(page: Runbook, pack: Pack, catalog: Catalog) -> Iterator[Finding]:
    try:
        front = _FRONT.validate_python(page.front.data)
    except ValidationError as error:
        yield from faults(error, page.front)
        return
    if front.alert != page.path.stem:
        place = page.front.place(("alert",))
        yield Finding("runbook", f"it is called {page.path.stem} and says {front.alert}", place)
    if front.panel not in catalog.panels:
        hint = close(front.panel, catalog.panels) or "write dashboard's uid / panel's title"
        yield Finding(
            "no-panel", f"there is no panel {front.panel!r}", page.front.place(("panel",)), hint=hint
        )
    has = {alert.value.severity for alert in pack.alerts if alert.value.alert == front.alert}
    if has and has != set(front.severity):
        place = page.front.place(("severity",))
        yield Finding(
            "runbook", f"the alert is {' and '.join(sorted(has))}", place, why="the runbook says otherwise"
        )


def _sections(page: Runbook) -> Iterator[Finding]:
    whole = page.front.place(())
    found = [heading.title for heading in page.headings]
    if not page.meaning:
        yield Finding("runbook", "it does not say what the alert means", whole, hint="say it below the title")
    if found != list(SECTIONS):
        why = f"they are {', '.join(found) or 'none'}"
        hint = f"they should be {', '.join(SECTIONS)}, in this order"
        yield Finding("runbook", "its sections are not those of a runbook", whole, why=why, hint=hint)
    for heading in page.headings:
        if heading.is_empty:
            yield Finding("runbook", f"the section {heading.title} is empty", heading.place)
    if not page.queries:
        yield Finding("runbook", "it has no query to paste", whole, hint="add one in a fence: ```promql")
