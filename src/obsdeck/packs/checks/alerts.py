"""Alerts and recordings: each shown by a panel, answered by a runbook, tested in every state."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from obsdeck.packs import coverage, rules
from obsdeck.packs.checks import counters
from obsdeck.packs.checks import queries as query_checks
from obsdeck.packs.findings import Finding, close

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.model.alerts import Alert
    from obsdeck.packs.pack import Pack
    from obsdeck.packs.source import Place, Sourced

_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)


def check(catalog: Catalog) -> Iterator[Finding]:
    """Faults of every rule."""
    recorded: dict[str, str] = {}
    yield from _twice(catalog)
    for pack in catalog.packs:
        for one in pack.recordings:
            yield from query_checks.check("promql", one.value.expr, one.place("expr"), catalog)
            name = one.value.record
            if name in recorded or name in catalog.series:
                by = recorded.get(name, "a signal")
                yield Finding("duplicate-recording", f"{name} is there already", one.place("record"), why=by)
            recorded[name] = f"the pack {pack.name} records it"
        for alert in pack.alerts:
            yield from _alert(alert, catalog)
        yield from _slos(pack, catalog)
        yield from _covered(pack, catalog)
        yield from _tests(pack)


def _twice(catalog: Catalog) -> Iterator[Finding]:
    """Of two packs with an alert of one name, one runbook would answer both."""
    owners: dict[str, str] = {}
    for pack in catalog.packs:
        for name in rules.names(pack):
            if name in owners:
                why = f"the pack {owners[name]} has it too"
                hint = "name one of them after what it watches"
                yield Finding(
                    "duplicate-alert", f"a second {name}", _place_of(name, pack), why=why, hint=hint
                )
            owners.setdefault(name, pack.name)


def _alert(alert: Sourced[Alert], catalog: Catalog) -> Iterator[Finding]:
    one = alert.value
    for key in ("summary", "description"):
        text = getattr(one, key)
        if "{{" in _TEMPLATE.sub("", text) or "}}" in _TEMPLATE.sub("", text):
            yield Finding("template", f"the {key} has braces that do not close", alert.place(key))
    if one.alert not in catalog.runbooks:
        yield Finding(
            "no-runbook",
            f"{one.alert} has no runbook",
            alert.place("alert"),
            why="it would wake somebody up without telling them what to do",
            hint=f"write runbooks/{alert.document.path.parent.name}/{one.alert}.md",
        )
    if one.panel not in catalog.panels:
        hint = close(one.panel, catalog.panels) or "write dashboard's uid / panel's title"
        yield Finding("no-panel", f"there is no panel {one.panel!r}", alert.place("panel"), hint=hint)
        return
    if one.expr:
        yield from query_checks.check("promql", one.expr, alert.place("expr"), catalog)
        yield from counters.check(one.expr, alert.place("expr"), catalog)
    else:
        yield from _level(alert, catalog)


def _level(alert: Sourced[Alert], catalog: Catalog) -> Iterator[Finding]:
    place, why = alert.place("level"), f"the panel is {alert.value.panel}"
    if len(catalog.panels[alert.value.panel][1].value.asked) != 1:
        yield Finding("alert-level", "the panel has several queries", place, why=why, hint="write an `expr`")
        return
    try:
        expr = rules.expression(alert.value, catalog)
    except ValueError as error:
        yield Finding("alert-level", str(error), place, why=why, hint="the levels of the panel name it")
    except KeyError:
        return  # a signal that is unknown is told where the panel names it
    else:
        yield from query_checks.check("promql", expr, place, catalog)


def _slos(pack: Pack, catalog: Catalog) -> Iterator[Finding]:
    if pack.slos is None:
        return
    for index, slo in enumerate(pack.slos.value.slos):
        name = slo.alerting.name
        if name in rules.names(pack) and name not in catalog.runbooks:
            place = pack.slos.place("slos", index, "alerting", "name")
            hint = f"write runbooks/{pack.name}/{name}.md"
            yield Finding("no-runbook", f"{name} has no runbook", place, hint=hint)
        for kind, asked in slo.sli.model_dump(exclude_none=True).items():
            for key, expr in asked.items():
                if key.endswith("query"):
                    text = re.sub(r"\{\{\s*\.window\s*\}\}", "5m", expr)
                    place = pack.slos.place("slos", index, "sli", kind, key)
                    yield from query_checks.check("promql", text, place, catalog)


def _covered(pack: Pack, catalog: Catalog) -> Iterator[Finding]:
    for name, shown in coverage.of_pack(pack, catalog).items():
        if shown.lacks:
            yield Finding(
                "untested-alert",
                f"no test shows {name} {' or '.join(_WORDS[kind] for kind in shown.lacks)}",
                _place_of(name, pack),
                why="an alert never seen firing may never fire; one never seen quiet may never be",
                hint=f"add a case to observability/packs/{pack.name}/tests",
            )


_WORDS = {
    "fires": "firing",
    "quiet": "quiet while its data is there",
    "missing": "with its data missing",
    "pending": "pending in each severity (quiet, and firing within its `for`)",
}


def _place_of(name: str, pack: Pack) -> Place:
    for alert in pack.alerts:
        if alert.value.alert == name:
            return alert.place("alert")
    for index, slo in enumerate(pack.slos.value.slos if pack.slos else ()):
        if pack.slos and slo.alerting.name == name:
            return pack.slos.place("slos", index, "alerting", "name")
    return pack.about.place()


def _tests(pack: Pack) -> Iterator[Finding]:
    known = rules.names(pack)
    for document in pack.tests:
        for case in coverage.cases(document):
            if case.alert not in known:
                hint = close(case.alert, known) or "tests lie in the pack of their alert"
                what = f"{case.alert} is no alert of this pack"
                yield Finding("unknown-alert", what, case.place, hint=hint)
