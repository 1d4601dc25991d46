"""Resolve the variables of a dashboard on live servers, each after those that it depends on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from obsdeck.errors import ObsdeckError
from obsdeck.grafana.dashboard import Reference
from obsdeck.grafana.interpolate import interpolate, names
from obsdeck.grafana.options import Option, options
from obsdeck.grafana.variables import ALL, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obsdeck.grafana.dashboard import Dashboard, Variable
    from obsdeck.grafana.sources import DataSource, DataSources
    from obsdeck.grafana.timerange import TimeRange
    from obsdeck.grafana.variables import Scope

WITHOUT_OPTIONS = frozenset({"adhoc", "groupby", "snapshot"})
"""Types that no query refers to by name."""


@dataclass(frozen=True)
class Resolved:
    """A variable with its value.

    Attributes:
        variable: The variable.
        options: What can be chosen.
        value: What is chosen: by the person, by the file, or else All where there is All, or else the first.
        problem: Why there is nothing to choose; empty when all is well.
    """

    variable: Variable
    options: tuple[Option, ...]
    value: Value
    problem: str = ""


def resolve(
    dashboard: Dashboard,
    sources: DataSources,
    span: TimeRange,
    chosen: Mapping[str, tuple[str, ...]] | None = None,
) -> tuple[Resolved, ...]:
    """All variables, in the order in which they could be resolved.

    Args:
        dashboard: The dashboard.
        sources: Whom to ask.
        span: The time range.
        chosen: What a person, or an address, has chosen: variable to values.
    """
    done: dict[str, Resolved] = {}
    waiting = {one.name: one for one in dashboard.variables if one.type not in WITHOUT_OPTIONS}
    while waiting:
        ready = [one for one in waiting.values() if not dependencies(one) & waiting.keys()]
        for variable in ready or waiting.values():
            value = (chosen or {}).get(variable.name, ())
            scope = {name: one.value for name, one in done.items()}
            done[variable.name] = (
                _resolved(variable, sources, span, scope, value) if ready else _circular(variable, waiting)
            )
        waiting = {name: one for name, one in waiting.items() if name not in done}
    return tuple(done.values())


def scope_of(resolved: tuple[Resolved, ...]) -> dict[str, Value]:
    """The values by name, as texts refer to them."""
    return {one.variable.name: one.value for one in resolved}


def dependencies(variable: Variable) -> set[str]:
    """The names that a variable's question refers to."""
    asked = [variable.model.get("query"), variable.regex, variable.datasource.uid, variable.query]
    return set(names(json.dumps(asked)))


def source_of(reference: Reference, sources: DataSources, scope: Scope) -> DataSource:
    """The data source that a reference means, with the variables in it.

    Raises:
        NoSourceError: There is none.
    """
    uid = interpolate(reference.uid, scope).text
    # An old file may say the type of what a variable had chosen when it was saved.
    return sources.meant(Reference(uid, "" if uid else reference.type))


def _resolved(
    variable: Variable,
    sources: DataSources,
    span: TimeRange,
    scope: Mapping[str, Value],
    chosen: tuple[str, ...],
) -> Resolved:
    try:
        source = source_of(variable.datasource, sources, scope) if variable.type == "query" else None
        found = options(variable, sources, source, span, scope)
    except ObsdeckError as error:
        problem = f"{error.message}: {error.why}" if error.why else error.message
        return Resolved(variable, (), _kept(variable, chosen), problem)
    if not found and variable.type in {"query", "datasource", "custom"}:
        return Resolved(variable, (), _kept(variable, chosen), f"nothing answers {variable.query}")
    return Resolved(variable, found, _chosen(variable, found, chosen))


def _circular(variable: Variable, waiting: Mapping[str, Variable]) -> Resolved:
    others = ", ".join(sorted(dependencies(variable) & waiting.keys()))
    return Resolved(variable, (), _kept(variable, ()), f"it waits for {others} in a circle")


def _kept(variable: Variable, chosen: tuple[str, ...]) -> Value:
    """Of a variable without options: what the file or the person says, as Grafana has it then.

    All is then its `allValue`, or nothing.
    """
    values = chosen or _saved(variable)
    several = variable.multi or variable.include_all
    if variable.include_all and (not values or ALL in values):
        return _all(variable, ())
    return Value(variable.name, tuple(values) if variable.multi else "".join(values[:1]), multi=several)


def _chosen(variable: Variable, found: tuple[Option, ...], chosen: tuple[str, ...]) -> Value:
    if variable.type == "textbox" and chosen:
        return _kept(variable, chosen)
    wanted = chosen or _saved(variable)
    valid = [one for one in found if one.value in wanted or one.text in wanted]
    if variable.include_all and (ALL in wanted or "All" in wanted or not valid):
        return _all(variable, found)
    picked = (valid or list(found[:1])) if variable.multi else (valid[:1] or list(found[:1]))
    texts = " + ".join(one.text for one in picked)
    values = tuple(one.value for one in picked)
    several = variable.multi or variable.include_all
    return Value(variable.name, values if variable.multi else "".join(values), texts, multi=several)


def _all(variable: Variable, found: tuple[Option, ...]) -> Value:
    if variable.all_value:
        return Value(variable.name, variable.all_value, "All", multi=True, all=True, verbatim=True)
    return Value(variable.name, tuple(one.value for one in found), "All", multi=True, all=True)


def _saved(variable: Variable) -> tuple[str, ...]:
    current = (variable.current,) if isinstance(variable.current, str) else variable.current
    return tuple(one for one in current if one)
