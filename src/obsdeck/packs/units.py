"""Units: of OpenTelemetry (UCUM), and the ids by which Grafana formats them.

Facts: https://ucum.org/ucum, and Grafana's packages/grafana-data/src/valueFormats/categories.ts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_GRAFANA: Mapping[str, str] = {
    "s": "s",
    "ms": "ms",
    "us": "µs",
    "ns": "ns",
    "min": "m",
    "h": "h",
    "d": "d",
    "By": "bytes",
    "KiBy": "kbytes",
    "MiBy": "mbytes",
    "GiBy": "gbytes",
    "KBy": "deckbytes",
    "MBy": "decmbytes",
    "GBy": "decgbytes",
    "bit": "bits",
    "1": "percentunit",
    "%": "percent",
    "Cel": "celsius",
    "Hz": "hertz",
    "V": "volt",
    "A": "amp",
    "W": "watt",
    "J": "joule",
    "m": "lengthm",
    "By/s": "binBps",
    "bit/s": "bps",
}
_RATES: Mapping[str, str] = {
    "By": "binBps",
    "bit": "bps",
    "s": "percentunit",
    "{request}": "reqps",
    "{operation}": "ops",
    "{read}": "rps",
    "{write}": "wps",
}
_UNKNOWN_TO_GRAFANA = frozenset({"g", "kg", "us", "TiBy", "TBy", "mo", "wk", "a", "K", "Pa", "mm", "km"})


def exists(unit: str) -> bool:
    """Whether it is a unit that we know: UCUM's common ones, annotations in braces, and quotients."""
    parts = unit.split("/")
    return len(parts) <= 2 and all(_is_simple(part) for part in parts)  # noqa: PLR2004 - a quotient


def of_value(unit: str) -> str:
    """Grafana's unit of a value."""
    return _GRAFANA.get(unit) or "short"


def of_rate(unit: str) -> str:
    """Grafana's unit of something per second."""
    return _RATES.get(unit) or ("cps" if _is_count(unit) else "short")


def _is_count(unit: str) -> bool:
    return unit in {"", "1"} or bool(re.fullmatch(r"\{[^{}]*\}", unit))


def _is_simple(unit: str) -> bool:
    return _is_count(unit) or unit in _GRAFANA or unit in _UNKNOWN_TO_GRAFANA
