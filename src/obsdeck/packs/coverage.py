"""Which alerts are tested, and how: firing, quiet with data, quiet with data missing, pending."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from obsdeck.packs import promql, rule_tests, rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.pack import Pack
    from obsdeck.packs.rule_tests import Case, Kind
    from obsdeck.packs.source import Document


@dataclass(frozen=True)
class Coverage:
    """What the tests show of one alert.

    Attributes:
        shown: What they show.
        lacks: What they do not.
    """

    shown: frozenset[Kind]
    lacks: tuple[Kind, ...]


def of_pack(pack: Pack, catalog: Catalog) -> dict[str, Coverage]:
    """The coverage of every alert of a pack."""
    leaves = _leaves(pack, catalog)
    shown: dict[str, set[Kind]] = {name: set() for name in rules.names(pack)}
    for document in pack.tests:
        for case in rule_tests.cases(document, leaves):
            shown.setdefault(case.alert, set()).add(case.kind)
    durations = _durations(pack, catalog)
    pending = {one for document in pack.tests for one in rule_tests.pending(document, durations)}
    waiting = {name for name, _ in durations}
    for name in waiting - {name for name, _ in durations.keys() - pending}:
        shown[name].add("pending")
    found = {}
    for name in rules.names(pack):
        # What asks for no series, as a Watchdog does, always fires: there is no other case.
        wanted: tuple[Kind, ...] = ("fires", "quiet", "missing") if leaves.get(name) else ("fires",)
        wanted += ("pending",) if name in waiting else ()
        lacks = tuple(kind for kind in wanted if kind not in shown[name])
        found[name] = Coverage(frozenset(shown[name]), lacks)
    return found


def cases(document: Document) -> Iterator[Case]:
    """The cases of a file, without regard to their series."""
    return rule_tests.cases(document, {})


def _durations(pack: Pack, catalog: Catalog) -> dict[tuple[str, str], float]:
    """Alert and severity to its `for` in seconds, of those that have one."""
    alerts = [rule for rule in _rules(pack, catalog) if "alert" in rule]
    found = {
        (one["alert"], one["labels"]["severity"]): rule_tests.seconds(one.get("for", "")) for one in alerts
    }
    return {key: duration for key, duration in found.items() if duration}


def _leaves(pack: Pack, catalog: Catalog) -> Mapping[str, tuple[promql.Selector, ...]]:
    """Alert to the selectors of emitted series that it comes from, through all recordings."""
    recorded: dict[str, list[str]] = {}
    alerts: dict[str, list[str]] = {}
    for one in (pack, *(other for other in catalog.packs if other is not pack)):
        for rule in _rules(one, catalog):
            if "record" in rule:
                recorded.setdefault(rule["record"], []).append(rule["expr"])
            elif one is pack:
                alerts.setdefault(rule["alert"], []).append(rule["expr"])
    return {name: tuple(_emitted(exprs, recorded)) for name, exprs in alerts.items()}


def _rules(pack: Pack, catalog: Catalog) -> Iterator[dict[str, Any]]:
    try:
        groups = rules.groups(pack, catalog)
    except (KeyError, ValueError, IndexError):
        return  # told by the checks of what is missing
    for group in groups:
        yield from group["rules"]


def _emitted(exprs: list[str], recorded: Mapping[str, list[str]]) -> Iterator[promql.Selector]:
    waiting, seen = list(exprs), set[str]()
    while waiting:
        try:
            wanted = promql.selectors(waiting.pop())
        except ValueError:
            continue
        for selector in wanted:
            if selector.name in recorded:
                if selector.name not in seen:
                    seen.add(selector.name)
                    waiting += recorded[selector.name]
            else:
                yield selector
