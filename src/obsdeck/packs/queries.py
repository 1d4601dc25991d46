"""What a panel asks for, as a query: derived from its signal, or as it is written."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from obsdeck import names
from obsdeck.packs import promql
from obsdeck.packs.model.dashboard import Variable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from obsdeck.packs.model.dashboard import DashboardFile, Language, Matcher, Measure, Panel, Query
    from obsdeck.packs.signal import Signal

NARROWS = {
    "environment": "deployment.environment.name",
    "service": "service.name",
    "instance": "instance",
    "route": "http.route",
    "method": "http.request.method",
    "status_class": "http.response.status_code",
}
"""The attribute that each standard variable narrows."""

BY_INSTRUMENT: Mapping[str, Measure] = {
    "counter": "rate",
    "histogram": "quantile",
    "gauge": "last",
    "updowncounter": "last",
}
INSTANT = frozenset({"stat", "gauge", "bargauge", "table", "piechart"})
"""Panels that show how it is now, not how it went: an old value must not look like a new one."""

ALERT_WINDOW = "5m"


@dataclass(frozen=True)
class Scope:
    """What a query is asked within.

    Attributes:
        filters: Label to the pattern that it must match, as in `service_name` to `$service`.
        window: What rates look back over.
        quantile: Of which quantile, where the query does not say.
        total: What totals look back over.
    """

    filters: Mapping[str, str]
    window: str
    quantile: str
    total: str = "$__range"


@dataclass(frozen=True)
class Target:
    """One query of a panel.

    Attributes:
        ref: Its name in the panel.
        expr: The query.
        language: In which language.
        legend: Names each line.
        instant: Whether one value is asked for.
        format: `time_series`, `table` or `heatmap`.
        exemplars: Whether exemplars are asked for.
    """

    ref: str
    expr: str
    language: Language
    legend: str
    instant: bool
    format: Literal["time_series", "table", "heatmap"]
    exemplars: bool


def within(board: DashboardFile) -> Scope:
    """What the variables of a dashboard make of its queries."""
    filters: dict[str, str] = {}
    for variable in board.variables:
        if isinstance(variable, Variable):
            if variable.attribute and variable.text is None:
                filters[variable.attribute] = f"${variable.name}"
        elif variable in NARROWS:
            # Choices that are patterns must not be escaped.
            text = f"${{{variable}:pipe}}" if variable == "status_class" else f"${variable}"
            filters[NARROWS[variable]] = text
    window = "$window" if "window" in board.variables else "$__rate_interval"
    quantile = "$quantile" if "quantile" in board.variables else "0.95"
    return Scope(filters, window, quantile)


ANYWHERE = Scope({}, ALERT_WINDOW, "0.95", "1h")
"""What an alert asks: of everything, over a fixed window."""


def targets(panel: Panel, scope: Scope, signals: Mapping[str, Signal]) -> tuple[Target, ...]:
    """The queries of a panel. Raises KeyError for a signal that is not declared."""
    made = [
        _target(panel, query, ref, scope, signals) for query, ref in zip(panel.asked, panel.refs, strict=True)
    ]
    # The same exemplars belong to every quantile of a panel; asked for once they are drawn once.
    asking = [target for target in made if target.exemplars]
    return tuple(replace(target, exemplars=target in asking[-1:]) for target in made)


def language(panel: Panel, query: Query) -> Language:
    """The language of one of a panel's queries."""
    if query.language:
        return query.language
    by_show: Mapping[str | None, Language] = {"logs": "logql", "traces": "traceql", "trace": "traceql"}
    return by_show.get(panel.show, "promql")


def show(panel: Panel, signals: Mapping[str, Signal]) -> str:
    """How a panel is shown."""
    if panel.show:
        return panel.show
    measures = {_measure(query, signals) for query in panel.asked if query.signal}
    return "heatmap" if measures == {"buckets"} else "timeseries"


def expression(query: Query, scope: Scope, signals: Mapping[str, Signal], by: Sequence[str] = ()) -> str:
    """PromQL of one query.

    Args:
        query: What is asked.
        scope: Within what.
        signals: Every signal, by name.
        by: More attributes to split by.
    """
    if query.query:
        written = query.query.strip()
        return promql.everywhere(written, scope.window) if scope is ANYWHERE else written
    signal = signals[query.signal or ""]
    labels = [names.label_name(key) for key in (*by, *query.by)]
    expr = _MEASURES[_measure(query, signals)](_Asked(signal, query, scope, tuple(dict.fromkeys(labels))))
    return f"topk({query.top}, {expr})" if query.top else expr


def _target(panel: Panel, query: Query, ref: str, scope: Scope, signals: Mapping[str, Signal]) -> Target:
    shown = show(panel, signals)
    measure = _measure(query, signals) if query.signal else None
    spoken = language(panel, query)
    instant = shown in INSTANT if query.instant is None else query.instant
    legend = query.legend or " ".join(f"{{{{{names.label_name(key)}}}}}" for key in query.by)
    return Target(
        ref=ref,
        expr=expression(query, scope, signals) if spoken == "promql" else (query.query or "").strip(),
        language=spoken,
        legend=legend or query.name or panel.title,
        instant=instant and measure != "buckets",
        format="heatmap" if shown == "heatmap" else "table" if shown == "table" else "time_series",
        exemplars=measure in {"quantile", "buckets"} and not instant and shown != "exemplars",
    )


def _measure(query: Query, signals: Mapping[str, Signal]) -> Measure:
    return query.measure or BY_INSTRUMENT[signals[query.signal or ""].instrument]


@dataclass(frozen=True)
class _Asked:
    signal: Signal
    query: Query
    scope: Scope
    labels: tuple[str, ...]

    def selector(self, part: str, *, whole: bool = False) -> str:
        """Its series, narrowed; `whole` leaves out what the query itself narrows."""
        own = {names.label_name(key): value for key, value in self.query.where.items()}
        matchers = [
            f'{names.label_name(key)}=~"{pattern}"'
            for key, pattern in self.scope.filters.items()
            if self.signal.has(key) and names.label_name(key) not in own
        ]
        if not whole:
            matchers += [f"{label}{_condition(value)}" for label, value in own.items()]
        name = f"{self.signal.metric}{part if self.signal.instrument == 'histogram' else ''}"
        return f"{name}{{{', '.join(matchers)}}}" if matchers else name

    def grouped(self, expr: str, aggregate: str = "sum", *more: str) -> str:
        labels = ", ".join((*more, *self.labels))
        return f"{aggregate} by ({labels}) ({expr})" if labels else f"{aggregate}({expr})"

    def rate(self, part: str, *, whole: bool = False) -> str:
        return self.grouped(f"rate({self.selector(part, whole=whole)}[{self.scope.window}])")


def _rate(asked: _Asked) -> str:
    return asked.rate("_count")


def _per_minute(asked: _Asked) -> str:
    return f"60 * {asked.rate('_count')}"


def _increase(asked: _Asked) -> str:
    return asked.grouped(f"increase({asked.selector('_count')}[{asked.scope.total}])")


def _share(asked: _Asked) -> str:
    # A part that never was is 0 of a whole that is; without a whole there is no share.
    part, whole = asked.rate("_count"), asked.rate("_count", whole=True)
    return f"({part} or 0 * {whole}) / ({whole} > 0)"


def _mean(asked: _Asked) -> str:
    return f"{asked.rate('_sum')} / ({asked.rate('_count')} > 0)"


def _quantile(asked: _Asked) -> str:
    quantile = asked.query.quantile or asked.scope.quantile
    rates = asked.grouped(f"rate({asked.selector('_bucket')}[{asked.scope.window}])", "sum", "le")
    return f"histogram_quantile({quantile}, {rates})"


def _buckets(asked: _Asked) -> str:
    return asked.grouped(f"rate({asked.selector('_bucket')}[{asked.scope.window}])", "sum", "le")


def _last(asked: _Asked) -> str:
    default = "max" if asked.signal.instrument == "gauge" else "sum"
    return asked.grouped(asked.selector("_count"), asked.query.aggregate or default)


def _age(asked: _Asked) -> str:
    return f"time() - {asked.grouped(asked.selector(''), asked.query.aggregate or 'max')}"


def _condition(value: Matcher) -> str:
    if isinstance(value, tuple):
        return f"=~{_quoted('|'.join(re.escape(str(one)) for one in value))}"
    text = str(value)
    for mark, operator in (("!~", "!~"), ("~", "=~"), ("!", "!=")):
        if text.startswith(mark):
            return f"{operator}{_quoted(text.removeprefix(mark))}"
    return f"={_quoted(text)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


_MEASURES = {
    "rate": _rate,
    "per_minute": _per_minute,
    "increase": _increase,
    "share": _share,
    "mean": _mean,
    "quantile": _quantile,
    "buckets": _buckets,
    "last": _last,
    "age": _age,
}
