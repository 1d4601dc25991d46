"""The unit of a panel's values, as Grafana names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from obsdeck.packs import queries
from obsdeck.packs.units import of_rate, of_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obsdeck.packs.model.dashboard import Panel, Query
    from obsdeck.packs.signal import Signal

_BY_MEASURE = {"per_minute": "cpm", "share": "percentunit", "age": "s"}
_COUNTED = frozenset({"rate", "per_minute", "increase", "share"})


def of_query(query: Query, signals: Mapping[str, Signal], panel: Panel | None = None) -> str:
    """As it says, as the panel says, or as it follows from what is asked of the signal."""
    said = query.unit or (panel.unit if panel else None)
    if said:
        return said
    asked = (
        query if query.signal else next((one for one in getattr(query, "queries", ()) if one.signal), None)
    )
    if asked is None:
        return "short"
    signal = signals[asked.signal or ""]
    measure = asked.measure or queries.BY_INSTRUMENT[signal.instrument]
    unit = signal.unit
    if signal.instrument == "histogram" and measure in _COUNTED:
        unit = "{request}" if signal.name.startswith("http.") else "{event}"
    if measure in _BY_MEASURE:
        return _BY_MEASURE[measure]
    if measure == "rate":
        return of_rate(unit)
    # How many ones is a number; a gauge of ones is a ratio.
    return "short" if measure == "increase" and unit == "1" else of_value(unit)
