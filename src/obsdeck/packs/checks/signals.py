"""Signals: their names, units and attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from obsdeck.errors import UsageError
from obsdeck.packs import lineage, signal, units
from obsdeck.packs.findings import Finding, close
from obsdeck.packs.model.pack import EmittedBy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.model.signal import Group
    from obsdeck.packs.source import Sourced


def check(catalog: Catalog) -> Iterator[Finding]:
    """Faults of every signal."""
    defined = {
        attribute.id
        for pack in catalog.packs
        for group in pack.groups
        for attribute in group.value.attributes
        if attribute.id
    }
    for pack in catalog.packs:
        for group in pack.groups:
            yield from _attributes(group, defined)
            if group.value.type == "metric":
                yield from _metric(group)
    yield from _duplicates(catalog)
    yield from _unused(catalog)


def _attributes(group: Sourced[Group], defined: set[str]) -> Iterator[Finding]:
    for index, attribute in enumerate(group.value.attributes):
        if attribute.ref and attribute.ref not in {*defined, *signal.RESOURCE}:
            yield Finding(
                "unknown-attribute",
                f"no pack defines the attribute {attribute.ref!r}",
                group.place("attributes", index, "ref"),
                why="a ref points to an attribute that has an id somewhere",
                hint=close(attribute.ref, defined) or "define it with id, type and brief",
            )


def _metric(group: Sourced[Group]) -> Iterator[Finding]:
    unit = group.value.unit or ""
    if not units.exists(unit):
        yield Finding(
            "unknown-unit",
            f"{unit!r} is no unit",
            group.place("unit"),
            why="the name in Prometheus and the panel's axis follow from it",
            hint="use UCUM (s, ms, By, 1, %), or braces for what is counted: {request}",
        )


def _duplicates(catalog: Catalog) -> Iterator[Finding]:
    names: dict[str, str] = {}
    for one in catalog.declared():
        for key in {one.name, one.metric}:
            if key in names:
                yield Finding(
                    "duplicate-signal",
                    f"{key} is declared twice",
                    one.source.place("metric_name"),
                    why=f"{names[key]} declares it too",
                    hint="keep one; every pack may use it",
                )
            names[key] = f"the pack {one.pack}"


def _unused(catalog: Catalog) -> Iterator[Finding]:
    used = lineage.asked(catalog)
    for one in catalog.signals.values():
        if not any(name in used for name in one.series):
            yield Finding(
                "unused-signal",
                f"nothing shows or judges {one.name}",
                one.source.place("metric_name"),
                why="it is declared, and no panel, rule, objective or runbook asks for it",
                hint="use it, or remove it",
            )


def resolvable(group: Sourced[Group]) -> Finding | None:
    """A metric whose name Prometheus cannot have makes a catalog impossible, so it is looked at first."""
    if group.value.type != "metric":
        return None
    try:
        signal.resolve(group, "", EmittedBy())
    except UsageError as error:
        return Finding("wrong-value", error.message, group.place("metric_name"), hint=error.hint)
    return None
