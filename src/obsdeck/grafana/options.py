"""The options that a variable of a dashboard offers, asked for on live servers as its data source would.

Facts: https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/ and its Loki twin.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from obsdeck.backends import loki, prometheus, tempo
from obsdeck.errors import FailedError
from obsdeck.grafana import interval
from obsdeck.grafana.formats import BY_SOURCE, glob
from obsdeck.grafana.interpolate import interpolate
from obsdeck.grafana.variables import of_time, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from obsdeck.grafana.dashboard import Variable
    from obsdeck.grafana.sources import DataSource, DataSources
    from obsdeck.grafana.timerange import TimeRange
    from obsdeck.grafana.variables import Scope

_LABEL_VALUES = re.compile(r"label_values\((?:(.+),\s*)?([a-zA-Z_$][\w.]*)\)", re.DOTALL)
_LABEL_NAMES = re.compile(r"label_names\((.*)\)", re.DOTALL)
_METRICS = re.compile(r"metrics\((.+)\)", re.DOTALL)
_QUERY_RESULT = re.compile(r"query_result\((.+)\)", re.DOTALL)
_ITEM = re.compile(r"(?:\\,|[^,])+")
_PAIR = re.compile(r"\s*(.+)\s:\s(.+)", re.DOTALL)
_SLASHED = re.compile(r"/(.*)/([gimsuy]*)", re.DOTALL)
_AUTO = "$__auto"
_AUTO_POINTS = 30


@dataclass(frozen=True)
class Option:
    """One value that can be chosen.

    Attributes:
        value: What goes into queries.
        text: What is read.
    """

    value: str
    text: str


def options(
    variable: Variable, sources: DataSources, source: DataSource | None, span: TimeRange, scope: Scope
) -> tuple[Option, ...]:
    """What can be chosen, filtered, cut and sorted, All not among it.

    Args:
        variable: The variable.
        sources: What a `datasource` variable chooses from.
        source: Whom a `query` variable asks.
        span: The dashboard's time range.
        scope: The values of the variables that it depends on.

    Raises:
        UnreachableError: The server does not answer.
        HttpError: It refuses the question.
        FailedError: The question cannot be asked there.
    """
    if variable.type == "query" and source:
        asked = interpolate(
            variable.query, {**of_time(span, interval.MINUTE), **scope}, BY_SOURCE.get(source.type, glob)
        )
        found: Iterable[Option] = map(_option, _asker(source)(source.url, asked.text.strip(), span))
    elif variable.type == "datasource":
        found = (Option(one.uid, one.name) for one in sources.all if one.type == variable.query)
    else:
        found = _listed(variable, span)
    regex = interpolate(variable.regex, scope).text
    cut = dict.fromkeys(option for one in found for option in _cut(one, regex))
    return tuple(_sorted(cut, variable.sort))


def _option(value: str) -> Option:
    return Option(value, value)


def _listed(variable: Variable, span: TimeRange) -> Iterable[Option]:
    """Of the types whose options stand in the file."""
    if variable.type == "custom":
        items = (match[0].replace("\\,", ",").strip() for match in _ITEM.finditer(variable.query))
        pairs = ((_PAIR.fullmatch(item), item) for item in items)
        return [Option(pair[2], pair[1]) if pair else _option(item) for pair, item in pairs]
    if variable.type == "interval":
        return _intervals(variable, span)
    if variable.type == "constant":
        return [_option(variable.query)]
    current = variable.current or variable.query
    return [_option(one) for one in ([current] if isinstance(current, str) else current)]


def _intervals(variable: Variable, span: TimeRange) -> list[Option]:
    written_ones = [_option(one.strip()) for one in variable.query.split(",") if one.strip()]
    if not variable.model.get("auto"):
        return written_ones
    low = interval.parse(written(variable.model.get("auto_min") or "10s")) or 1
    written_count = written(variable.model.get("auto_count"))
    count = int(written_count) if written_count.isdecimal() else _AUTO_POINTS
    return [Option(interval.write(interval.interval(span.length, count, low)), "auto"), *written_ones]


def _asker(source: DataSource) -> Callable[[str, str, TimeRange], Iterable[str]]:
    askers = {"prometheus": _ask_prometheus, "loki": _ask_loki, "tempo": _ask_tempo}
    if source.type not in askers:
        raise FailedError(f"variables of a data source of type {source.type!r} cannot be resolved here")
    return askers[source.type]


def _ask_prometheus(url: str, query: str, span: TimeRange) -> Iterable[str]:
    start, end = span.start / 1000, span.end / 1000
    if found := _LABEL_VALUES.fullmatch(query):
        return prometheus.label_values(url, found[2], found[1] or "", start=start, end=end)
    if found := _LABEL_NAMES.fullmatch(query):
        return prometheus.label_names(url, found[1].strip(), start=start, end=end)
    if found := _METRICS.fullmatch(query):
        wanted = _pattern(found[1].strip())
        return filter(wanted.search, prometheus.label_values(url, "__name__", start=start, end=end))
    if found := _QUERY_RESULT.fullmatch(query):
        return [_sample(one) for one in prometheus.query(url, found[1], time=end)]
    return [_series(one) for one in prometheus.series(url, query, start=start, end=end)]


def _series(labels: Mapping[str, str]) -> str:
    """A series as text, from which the variable's regular expression cuts what it wants."""
    pairs = dict(labels)
    name = pairs.pop("__name__", "")
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in pairs.items()) + "}"


def _sample(sample: prometheus.Sample) -> str:
    return f"{_series(sample.labels)} {written(sample.value)} {written(sample.time * 1000)}"


def _ask_loki(url: str, query: str, span: TimeRange) -> Iterable[str]:
    start, end = span.start / 1000, span.end / 1000
    if found := _LABEL_VALUES.fullmatch(query):
        if not found[1]:
            return loki.label_values(url, found[2], start=start, end=end)
        streams = loki.series(url, found[1], start=start, end=end)
        return dict.fromkeys(one[found[2]] for one in streams if found[2] in one)
    if _LABEL_NAMES.fullmatch(query):
        return loki.label_names(url, start=start, end=end)
    return ()


def _ask_tempo(url: str, query: str, _: TimeRange) -> Iterable[str]:
    found = _LABEL_VALUES.fullmatch(query)
    return tempo.tag_values(url, found[2]) if found else ()


def _cut(option: Option, regex: str) -> Iterable[Option]:
    """The option itself, or what the regular expression takes out of it; nothing where it does not match."""
    if not regex:
        return [option]
    slashed = _SLASHED.fullmatch(regex)
    flags = re.IGNORECASE if slashed and "i" in slashed[2] else re.NOFLAG
    pattern = _pattern(slashed[1] if slashed else f"^{regex}$", flags)
    matches = list(pattern.finditer(option.text))
    if "g" not in (slashed[2] if slashed else ""):
        matches = matches[:1]
    return [_taken(match, option) for match in matches]


def _pattern(text: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    """A regular expression of JavaScript: named groups are spelt differently there."""
    try:
        with warnings.catch_warnings():
            # Of what Python may read otherwise one day (`[[`); JavaScript has no such plans.
            warnings.simplefilter("ignore", FutureWarning)
            return re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", text), flags)
    except re.error as error:
        raise FailedError(f"{text!r} is no regular expression", why=str(error)) from error


def _taken(match: re.Match[str], option: Option) -> Option:
    named = match.groupdict()
    if named.get("text") or named.get("value"):
        value = named.get("value") or named["text"]
        return Option(value, named.get("text") or value)
    return _option(match[1]) if match.re.groups and match[1] is not None else option


def _sorted(found: Iterable[Option], order: int) -> list[Option]:
    """Grafana's orders: 1 and 2 by alphabet, 3 and 4 by number, 5 to 8 by alphabet without case."""

    def number(option: Option) -> float:
        digits = re.search(r"\d+", option.text)
        return float(digits[0]) if digits else float("-inf")

    if order not in range(1, 9):
        return list(found)
    keys: tuple[Callable[[Option], str | float], ...] = (
        lambda option: option.text,
        number,
        lambda option: option.text.lower(),
        lambda option: option.text.lower(),
    )
    return sorted(found, key=keys[(order - 1) // 2], reverse=order % 2 == 0)
