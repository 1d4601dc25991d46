"""Queries: they parse, and they name metrics, labels and variables that exist."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from obsdeck import names
from obsdeck.packs import logql, promql, signal
from obsdeck.packs.findings import Finding, close
from obsdeck.tracestore.traceql.errors import TraceQLError
from obsdeck.tracestore.traceql.parser import parse as parse_traceql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.promql import Selector
    from obsdeck.packs.source import Place

_GRAFANA_OWN = re.compile(r"__\w+")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")
_TRACE_ID = re.compile(r"[0-9a-f]{1,32}|\$\{?\w+\}?")


def check(
    language: str, text: str, place: Place, catalog: Catalog, variables: Iterable[str] | None = None
) -> Iterator[Finding]:
    """Faults of one query.

    Args:
        language: `promql`, `logql` or `traceql`.
        text: The query.
        place: Where it is written.
        catalog: What exists.
        variables: The names that may stand behind a `$`; None where there are none.
    """
    known = set(variables or ())
    for name in dict.fromkeys(_VARIABLE.findall(text)):
        if name not in known and not (variables is not None and _GRAFANA_OWN.fullmatch(name)):
            what = f"${name} is no variable here"
            hint = close(name, known) or "add it to the dashboard's variables, or write the value"
            yield Finding("unknown-variable", what, place, hint=hint)
    if language == "promql":
        yield from _promql(text, place, catalog)
    elif language == "logql":
        yield from _syntax("LogQL", logql.check(text), text, place)
    else:
        yield from _traceql(text, place)


def _promql(text: str, place: Place, catalog: Catalog) -> Iterator[Finding]:
    try:
        wanted = promql.selectors(text)
    except ValueError as error:
        yield from _syntax("PromQL", str(error), text, place)
        return
    for selector in wanted:
        if not _is_known(selector, catalog):
            what = selector.name or "what this pattern selects"
            yield Finding(
                "unknown-metric",
                f"no pack declares {what}",
                place,
                why="nobody is known to emit it, so it may never have data",
                hint=close(selector.name, catalog.names) or "declare it in signals.yaml, or record it",
            )
        yield from _labels(selector, place, catalog)


def _is_known(selector: Selector, catalog: Catalog) -> bool:
    if selector.name:
        return selector.name in catalog.names
    return not selector.is_about_metrics or any(selector.wants(name) for name in catalog.names)


def _labels(selector: Selector, place: Place, catalog: Catalog) -> Iterator[Finding]:
    one = catalog.series.get(selector.name)
    if one is None:
        return
    for matcher in selector.matchers:
        if matcher.label not in one.labels and matcher.label != "__name__":
            yield Finding(
                "unknown-label",
                f"{selector.name} has no label {matcher.label}",
                place,
                why=f"{one.name} has {', '.join(_own(one)) or 'no attributes of its own'}",
                hint=close(matcher.label, one.labels) or "declare the attribute with the signal",
            )


def _own(one: signal.Signal) -> list[str]:
    return [names.label_name(key) for key in one.attributes]


def _traceql(text: str, place: Place) -> Iterator[Finding]:
    if _TRACE_ID.fullmatch(text.strip()):
        return
    # In a string a variable may be anything; outside of one it is a number with a unit.
    parts = re.split(r'("(?:[^"\\]|\\.)*"|`[^`]*`)', text)
    parts[::2] = [re.sub(r"\$\{?\w+(:\w+)?\}?", "1", part) for part in parts[::2]]
    try:
        parse_traceql("".join(parts))
    except TraceQLError as error:
        yield from _syntax("TraceQL", str(error), text, place)


def _syntax(language: str, reason: str, text: str, place: Place) -> Iterator[Finding]:
    if reason:
        first = " ".join(text.split())
        yield Finding("query-syntax", f"this is no {language}: {reason}", place, why=first[:300])
