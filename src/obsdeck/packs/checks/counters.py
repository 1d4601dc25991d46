"""Counters and gauges: a counter's own value means nothing to people, and a gauge has no rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import promql_parser

from obsdeck.packs import promql
from obsdeck.packs.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obsdeck.packs.catalog import Catalog
    from obsdeck.packs.source import Place

_RATES = frozenset({"rate", "irate", "increase", "resets"})
_PRESENCE = frozenset(
    {
        "absent",
        "absent_over_time",
        "present_over_time",
        "count_over_time",
        "timestamp",
        "changes",
        "count",
        "group",
    }
)
"""What asks whether there is something, not how much."""


def check(text: str, place: Place, catalog: Catalog) -> Iterator[Finding]:
    """Faults of a query that is shown or judged as it is; none where it does not parse.

    A recording may pass counters on, and a runbook may look at one.
    """
    try:
        tree = promql.tree(text)
    except ValueError:
        return
    for name, within in _used(tree, frozenset()):
        if is_counter(name, catalog) and not within & (_RATES | _PRESENCE):
            yield Finding(
                "raw-counter",
                f"{name} is a counter, and is asked for without a rate",
                place,
                why="its value is what was counted since a process began, and drops with every restart",
                hint=f"rate({name}[$__rate_interval]) per second, or increase({name}[1h])",
            )
        if _is_gauge(name, catalog) and within & _RATES:
            yield Finding(
                "rate-of-gauge",
                f"{name} goes up and down, and is asked for its rate",
                place,
                why="rate takes every fall for a restart of the process, so it counts what never was",
                hint=f"deriv({name}[5m]) or delta({name}[5m]), or the value itself",
            )


def is_counter(name: str, catalog: Catalog) -> bool:
    """Whether a series only grows: by its signal, else by the ending that counters have."""
    one = catalog.series.get(name)
    return one.instrument in {"counter", "histogram"} if one else name.endswith("_total")


def _is_gauge(name: str, catalog: Catalog) -> bool:
    one = catalog.series.get(name)
    return one is not None and one.instrument in {"gauge", "updowncounter"}


def _used(tree: Any, within: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Every series by name, with the functions and aggregations around it."""
    if isinstance(tree, promql_parser.MatrixSelector):
        yield from _used(tree.vector_selector, within)
    elif isinstance(tree, promql_parser.VectorSelector):
        if tree.name:
            yield tree.name, within
    elif isinstance(tree, promql_parser.BinaryExpr):
        yield from _used(tree.lhs, within)
        # What stands behind `and` or `unless` decides by being there.
        asks_presence = str(tree.op) in {"and", "unless"}
        yield from _used(tree.rhs, within | {"group"} if asks_presence else within)
    else:
        around = str(tree.func.name) if isinstance(tree, promql_parser.Call) else str(getattr(tree, "op", ""))
        inner = within | {around}
        for child in (getattr(tree, "expr", None), *getattr(tree, "args", ())):
            if child is not None:
                yield from _used(child, inner)
