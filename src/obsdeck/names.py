"""OpenTelemetry names as Prometheus and Loki store them; the only place that translates.

Prometheus' OTLP receiver translates with the strategy `UnderscoreEscapingWithSuffixes` (its default),
Loki's with the collapsing variant of the same library. The rules here are those of
github.com/prometheus/otlptranslator v1.0.0, which Prometheus 3.15.0 and Loki 3.7.8 are built with, in the
way each of the two calls it by default.
"""

from __future__ import annotations

import re
from typing import Literal

from obsdeck.errors import UsageError

InstrumentKind = Literal["counter", "updowncounter", "gauge", "histogram"]

_UNITS = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "TiBy": "tibibytes",
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "TBy": "terabytes",
    "m": "meters",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "g": "grams",
    "Cel": "celsius",
    "Hz": "hertz",
    "1": "",
    "%": "percent",
}
_PER_UNITS = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}


def metric_name(name: str, unit: str, kind: InstrumentKind) -> str:
    """The name of an instrument's series in Prometheus, with unit and type suffix.

    Args:
        name: The instrument's name, as in `http.server.request.duration`.
        unit: Its UCUM unit, as in `s`, `By/s`, `{request}`; empty for none.
        kind: What it is; observable instruments are of the kind that they observe.

    Returns:
        The family's name; a histogram's series append `_bucket`, `_count` and `_sum` to it.

    Raises:
        UsageError: Nothing is left of the name once what Prometheus refuses is gone.
    """
    words = [word for word in re.split(r"[^a-zA-Z0-9:]+", name) if word]
    words = _with_unit(words, unit)
    if kind == "counter":
        words = [word for word in words if word != "total"] + ["total"]
    if kind == "gauge" and unit == "1":
        words = [word for word in words if word != "ratio"] + ["ratio"]
    translated = "_".join(words)
    if not translated:
        raise UsageError(
            f"the metric name {name!r} has no letter or digit",
            hint="name an instrument with letters, digits, dots and underscores",
        )
    return f"_{translated}" if translated[0].isdigit() else translated


def label_name(key: str) -> str:
    """The label that Prometheus makes of an attribute key: `http.route` is `http_route`.

    Raises:
        UsageError: The key has no letter or digit.
    """
    label = re.sub(r"[^a-zA-Z0-9_]", "_", key)
    if label[:1].isdigit():
        label = f"key_{label}"
    elif label.startswith("_") and not label.startswith("__"):
        label = f"key{label}"
    return _checked(label, key)


def loki_name(key: str) -> str:
    """The label or structured-metadata name that Loki makes of an attribute key.

    Raises:
        UsageError: The key has no letter or digit.
    """
    reserved = re.fullmatch(r"__(.*)__", key, re.DOTALL)
    label = re.sub(r"[^a-zA-Z0-9]+", "_", reserved[1] if reserved else key)
    if reserved:
        label = f"__{label}__"
    return _checked(f"key_{label}" if label[:1].isdigit() else label, key)


def _checked(label: str, key: str) -> str:
    if not label.strip("_"):
        raise UsageError(
            f"the attribute key {key!r} has no letter or digit",
            hint="name attributes with letters, digits, dots and underscores",
        )
    return label


def _with_unit(words: list[str], unit: str) -> list[str]:
    """A unit word is not appended where the name has it already, anywhere."""
    main, per = _unit_words(unit)
    if main in words:
        main = ""
    per = "" if per == "per_" else per.removesuffix("_")
    if per in words:
        per = ""
    if per:
        main = main.removesuffix("_")
    return words + [suffix for suffix in (main, per) if suffix]


def _unit_words(unit: str) -> tuple[str, str]:
    """`By/s` is ("bytes", "per_second"); annotations in braces are no unit."""
    main, _, per = (part.strip() for part in unit.partition("/"))
    main = "" if re.search("[{}]", main) else _UNITS.get(main, main)
    per = "" if re.search("[{}]", per) else _PER_UNITS.get(per, per)
    return _clean(main), _clean(f"per_{per}" if per else "")


def _clean(unit: str) -> str:
    return re.sub(r"[^a-zA-Z0-9:]+", "_", unit).removeprefix("_")
