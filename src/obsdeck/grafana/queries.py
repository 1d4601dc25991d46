"""The queries that Grafana sends for a target: expression, range and resolution, ready to run.

A target is what a panel, an annotation, an Explore pane or a link holds: a JSON object whose meaning
depends on the type of its data source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from obsdeck.grafana import interval
from obsdeck.grafana.formats import BY_SOURCE, glob
from obsdeck.grafana.interpolate import Interpolated, interpolate
from obsdeck.grafana.variables import of_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from obsdeck.grafana.sources import DataSource, DataSources
    from obsdeck.grafana.timerange import TimeRange
    from obsdeck.grafana.variables import Scope

Kind = Literal["range", "instant", "exemplars", "logs", "search", "trace", "traceql-metrics"]

SERVICE_GRAPH = (
    "traces_service_graph_request_server_seconds_sum",
    "traces_service_graph_request_total",
    "traces_service_graph_request_failed_total",
)
"""The metrics from which the Tempo data source draws its service graph."""

EXPLORE_POINTS = 1_000
"""About the pixels that Explore has for a graph."""

_HEXADECIMAL = re.compile(r"[0-9A-Fa-f]+")
_METRICS = re.compile(r"\|\s*(?:rate|count_over_time|\w+_over_time|compare)\s*\(")
_MAX_LINES = 1_000
_MAX_TRACES = 20


@dataclass(frozen=True)
class Query:
    """One question to one server.

    Attributes:
        ref_id: That of the target.
        source: Whom it asks.
        kind: What it asks for.
        expr: PromQL, LogQL, TraceQL or a trace id, with all values in it.
        range: Of when; for an instant, its end.
        step: Milliseconds between points.
        limit: Lines or traces at most.
        unknown: References that nobody knew and that are therefore still in `expr`.
    """

    ref_id: str
    source: DataSource
    kind: Kind
    expr: str
    range: TimeRange
    step: int
    limit: int = 0
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """What surrounds a target.

    Attributes:
        sources: Where a service graph finds its Prometheus.
        range: The time range.
        scope: The values of the variables.
        points: Points that fit into the panel.
        interval: The panel's lowest step, empty where the data source decides.
    """

    sources: DataSources
    range: TimeRange
    scope: Scope
    points: int = EXPLORE_POINTS
    interval: str = ""

    def step(self, source: DataSource) -> int:
        """`$__interval` in milliseconds."""
        low = self.interval or str(source.settings.get("timeInterval", ""))
        default = interval.DEFAULT_SCRAPE if source.type == "prometheus" else 1
        return interval.interval(self.range.length, self.points, interval.parse(low) or default)


def prepare(model: Mapping[str, Any], ref_id: str, source: DataSource, request: Request) -> tuple[Query, ...]:
    """The queries of one target; none where Grafana would send none (an empty expression).

    Args:
        model: The target as the dashboard or the link has it.
        ref_id: Its name.
        source: Its data source.
        request: What surrounds it.

    Raises:
        NoSourceError: A service graph's Prometheus is not declared.
    """
    prepared = {"prometheus": _prometheus, "loki": _loki, "tempo": _tempo}.get(source.type)
    return tuple(prepared(model, ref_id, source, request)) if prepared else ()


def _prometheus(
    model: Mapping[str, Any], ref_id: str, source: DataSource, request: Request
) -> Iterator[Query]:
    expr = str(model.get("expr") or "")
    if not expr:
        return
    panel_step = request.step(source)
    own = interpolate(str(model.get("interval") or ""), request.scope).text
    min_step = interval.parse(own)
    step = interval.prometheus_step(
        request.range.length, panel_step, min_step, _count(model.get("intervalFactor"), 1)
    )
    scrape = min_step or _scrape(source)
    names = {**of_time(request.range, step, scrape), **_rates(panel_step, scrape)}
    done = _by_page_and_server(expr, request.scope, names, source)
    for kind in _prometheus_kinds(model):
        yield Query(ref_id, source, kind, done.text, request.range, step, unknown=done.unknown)


def _by_page_and_server(expr: str, scope: Scope, names: Scope, source: DataSource) -> Interpolated:
    """Grafana's page puts in the values of variables, then its server what follows from the time range.

    So a variable may have the value `$__rate_interval`.
    """
    of_page = interpolate(expr, scope, BY_SOURCE[source.type])
    of_server = interpolate(of_page.text, names)
    stayed = set(of_server.unknown)
    return Interpolated(of_server.text, tuple(one for one in of_page.unknown if one in stayed))


def _count(found: Any, default: int) -> int:
    """A number above 0 as the file has it, which may be text; the default for anything else."""
    return int(found) if str(found).isdecimal() and int(found) else default


def _scrape(source: DataSource) -> int:
    return interval.parse(str(source.settings.get("timeInterval", ""))) or interval.DEFAULT_SCRAPE


def _rates(panel_step: int, scrape: int) -> dict[str, Any]:
    """`$__rate_interval` follows from the panel's step; `$__interval` from that of the query."""
    rate = interval.rate_interval(panel_step, scrape)
    return {"__rate_interval": interval.write(rate), "__rate_interval_ms": rate}


def _prometheus_kinds(model: Mapping[str, Any]) -> Iterator[Kind]:
    instant = bool(model.get("instant"))
    if model.get("range") or not instant:
        yield "range"
    if instant:
        yield "instant"
    if model.get("exemplar"):
        yield "exemplars"


def _loki(model: Mapping[str, Any], ref_id: str, source: DataSource, request: Request) -> Iterator[Query]:
    expr = str(model.get("expr") or "")
    if not expr:
        return
    own = interpolate(str(model.get("step") or ""), request.scope).text
    step = interval.loki_step(request.range.length, request.step(source), interval.parse(own))
    instant = model.get("queryType") == "instant" or bool(model.get("instant"))
    names = of_time(request.range, step)
    if instant:
        names["__auto"] = names["__range"]
    done = _by_page_and_server(expr, request.scope, names, source)
    # A log query begins with its selector; whatever computes numbers begins with a function.
    lines = done.text.lstrip().startswith("{")
    kind: Kind = "logs" if lines else "instant" if instant else "range"
    limit = _count(model.get("maxLines"), _count(source.settings.get("maxLines"), _MAX_LINES))
    yield Query(ref_id, source, kind, done.text, request.range, step, limit, done.unknown)


def _tempo(model: Mapping[str, Any], ref_id: str, source: DataSource, request: Request) -> Iterator[Query]:
    if model.get("queryType") == "serviceMap":
        yield from _service_graph(model, ref_id, source, request)
        return
    form = model.get("queryType") == "traceqlSearch"
    expr = _from_filters(model) if form else str(model.get("query") or "")
    names = {**of_time(request.range, request.step(source)), **request.scope}
    done = interpolate(expr, names, BY_SOURCE["tempo"])
    text = done.text.strip()
    if not text:
        return
    kind: Kind = "search"
    if model.get("queryType") == "traceId" or _HEXADECIMAL.fullmatch(text):
        kind = "trace"
    elif _METRICS.search(text):
        kind = "traceql-metrics"
    limit = _count(model.get("limit"), _MAX_TRACES)
    yield Query(ref_id, source, kind, text, request.range, request.step(source), limit, done.unknown)


def _service_graph(
    model: Mapping[str, Any], ref_id: str, source: DataSource, request: Request
) -> Iterator[Query]:
    """The questions to Prometheus behind the graph; its settings name which Prometheus."""
    setting = source.settings.get("serviceMap") or {}
    prometheus = request.sources.by_uid(str(setting.get("datasourceUid", "")))
    asked = model.get("serviceMapQuery") or ""
    selectors = asked if isinstance(asked, list) else [asked]
    fields = "client, server"
    if model.get("serviceMapIncludeNamespace"):
        fields += ", client_service_namespace, server_service_namespace"
    for metric in SERVICE_GRAPH:
        expr = " OR ".join(
            f"sum by ({fields}) (rate({metric}{interpolate(str(one), request.scope, glob).text}[$__range]))"
            for one in selectors
        )
        yield from _prometheus({"expr": expr, "instant": True}, f"{ref_id}-{metric}", prometheus, request)


def _from_filters(model: Mapping[str, Any]) -> str:
    """The TraceQL that the search form stands for."""
    conditions = []
    filters = model.get("filters")
    for one in filters if isinstance(filters, list) else ():
        value = one.get("value")
        if not one.get("tag") or not value:
            continue
        scope = one.get("scope", "")
        name = one["tag"] if scope in {"", "intrinsic"} else f"{scope}.{one['tag']}"
        text = "|".join(map(str, value)) if isinstance(value, list) else str(value)
        quoted = f'"{text}"' if one.get("valueType", "string") == "string" else text
        operator = "=~" if "|" in text and one.get("operator") == "=" else one.get("operator", "=")
        conditions.append(f"{name}{operator}{quoted}")
    return "{" + " && ".join(conditions) + "}"
