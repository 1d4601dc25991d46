"""Follow the links between signals as Grafana would: which query, at which data source, over which range.

Grafana drops a link that it cannot make, without a word; here that is a `BrokenLinkError` that says why. A
link that can be made and finds nothing is found by running what it opens (`queries`, `execute`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from obsdeck.errors import FailedError
from obsdeck.grafana import interval, timerange
from obsdeck.grafana.interpolate import interpolate
from obsdeck.grafana.queries import SERVICE_GRAPH, Query, Request, prepare

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obsdeck.grafana.sources import DataSource, DataSources
    from obsdeck.grafana.spans import Span
    from obsdeck.grafana.timerange import TimeRange

_DEFAULT_TAGS = tuple(
    {"key": key, "value": key.replace(".", "_")}
    for key in ("cluster", "hostname", "namespace", "pod", "service.name", "service.namespace")
)
_SECONDS_BUCKET = "traces_service_graph_request_server_seconds_bucket"


class BrokenLinkError(FailedError):
    """A link that Grafana would not show, or that leads nowhere.

    Args:
        link: Which link.
        why: What is wrong with it.
    """

    def __init__(self, link: str, why: str) -> None:
        super().__init__(f"the link {link!r} is broken", why=why)


@dataclass(frozen=True)
class Opening:
    """What a link opens in Explore.

    Attributes:
        title: What is read on the link.
        source: The data source that is asked.
        model: The query, as a panel's target.
        range: The time range.
    """

    title: str
    source: DataSource
    model: Mapping[str, Any]
    range: TimeRange

    def queries(self, sources: DataSources) -> tuple[Query, ...]:
        """What Grafana sends when it is opened.

        Raises:
            BrokenLinkError: The query is empty, or references in it stayed.
        """
        asked = prepare(self.model, "A", self.source, Request(sources, self.range, {}))
        if not asked:
            raise BrokenLinkError(self.title, f"its query is empty: {dict(self.model)}")
        for query in asked:
            if query.unknown:
                raise BrokenLinkError(self.title, f"nobody knows {', '.join(query.unknown)} in {query.expr}")
        return asked


def from_exemplar(
    source: DataSource, sources: DataSources, labels: Mapping[str, str], span: TimeRange
) -> tuple[Opening, ...]:
    """The traces that a dot on a graph leads to.

    Args:
        source: The Prometheus data source.
        sources: All data sources.
        labels: The exemplar's own labels.
        span: The panel's range, which Explore takes over.

    Raises:
        BrokenLinkError: No configured label is on the exemplar, or a link has nowhere to lead.
        NoSourceError: The data source of a link is not declared.
    """
    wired = source.settings.get("exemplarTraceIdDestinations") or ()
    fitting = [one for one in wired if one.get("name") in labels]
    if not fitting:
        names = ", ".join(str(one.get("name")) for one in wired) or "no label"
        raise BrokenLinkError("exemplar", f"{names} is wired, the exemplar has {', '.join(labels) or 'none'}")
    return tuple(_to_trace(one, sources, labels[one["name"]], "${__value.raw}", span) for one in fitting)


def from_line(
    source: DataSource, sources: DataSources, labels: Mapping[str, str], line: str, span: TimeRange
) -> tuple[Opening, ...]:
    """The traces that a log line leads to, by its text or by its labels.

    Args:
        source: The Loki data source.
        sources: All data sources.
        labels: The line's labels and structured metadata.
        line: Its text.
        span: The range that was looked at.

    Raises:
        BrokenLinkError: No derived field matches.
        NoSourceError: The data source of a link is not declared.
    """
    openings = []
    for one in source.settings.get("derivedFields") or ():
        value = _derived(one, labels, line)
        if value and one.get("datasourceUid"):
            openings.append(_to_trace(one, sources, value, str(one.get("url", "")), span))
    if not openings:
        raise BrokenLinkError("derived field", f"none matches the line {line!r} with {', '.join(labels)}")
    return tuple(openings)


def _derived(field: Mapping[str, Any], labels: Mapping[str, str], line: str) -> str:
    """The value of a derived field: that of the first label whose name fits, or the group in the text."""
    try:
        pattern = re.compile(str(field.get("matcherRegex", "")))
    except re.error as error:
        raise BrokenLinkError(
            str(field.get("name")), f"its matcher is no regular expression: {error}"
        ) from error
    if field.get("matcherType") == "label":
        return next((value for name, value in labels.items() if pattern.search(name)), "")
    found = pattern.search(line)
    return (found[1] or "") if found and pattern.groups else ""


def _to_trace(
    wired: Mapping[str, Any], sources: DataSources, value: str, query: str, span: TimeRange
) -> Opening:
    name = str(wired.get("name"))
    if not wired.get("datasourceUid"):
        raise BrokenLinkError(name, "it names no data source")
    target = sources.by_uid(str(wired["datasourceUid"]))
    done = interpolate(query, {"__value": {"raw": value, "text": value}})
    if done.unknown or not done.text:
        raise BrokenLinkError(name, f"its query {query!r} becomes {done.text!r}")
    model = {"query": done.text, "queryType": "traceql"} if target.type == "tempo" else {"query": done.text}
    return Opening(str(wired.get("urlDisplayLabel") or name), target, model, span)


def logs_of(source: DataSource, sources: DataSources, span: Span) -> Opening:
    """The log lines that a span leads to.

    Args:
        source: The Tempo data source.
        sources: All data sources.
        span: The span that is looked at.

    Raises:
        BrokenLinkError: No link is configured, the span has none of its tags, or a reference stayed.
        NoSourceError: Its data source is not declared.
    """
    wired = source.settings.get("tracesToLogsV2") or {}
    target = _wired_target("trace to logs", wired, sources)
    tags = _tags(span, wired.get("tags") or _DEFAULT_TAGS)
    query = str(wired.get("query", "")) if wired.get("customQuery") else _default_query(wired, tags)
    done = interpolate(query, {**_names_of(span), "__tags": tags})
    if done.unknown:
        raise BrokenLinkError("trace to logs", f"nobody knows {', '.join(done.unknown)} in {done.text}")
    return Opening("trace to logs", target, {"expr": done.text}, _around(span, wired))


def metrics_of(source: DataSource, sources: DataSources, span: Span) -> tuple[Opening, ...]:
    """The metrics that a span leads to, one for each configured query. As `logs_of`.

    Only `$__tags` is replaced, and only in this spelling, as in Grafana.
    """
    wired = source.settings.get("tracesToMetrics") or {}
    target = _wired_target("trace to metrics", wired, sources)
    tags = _tags(span, wired.get("tags") or ())
    openings = []
    for one in wired.get("queries") or ():
        title, expr = str(one.get("name") or "trace to metrics"), str(one.get("query", ""))
        if "$__tags" in expr and not tags:
            raise BrokenLinkError(title, "the span has none of the configured tags")
        model = {"expr": expr.replace("$__tags", tags)}
        openings.append(Opening(title, target, model, _around(span, wired)))
    if not openings:
        raise BrokenLinkError("trace to metrics", "it has no queries")
    return tuple(openings)


def _wired_target(name: str, wired: Mapping[str, Any], sources: DataSources) -> DataSource:
    if not wired.get("datasourceUid"):
        raise BrokenLinkError(name, "it is not configured")
    return sources.by_uid(str(wired["datasourceUid"]))


def _default_query(wired: Mapping[str, Any], tags: str) -> str:
    if not tags:
        raise BrokenLinkError("trace to logs", "the span has none of the configured tags")
    by_trace = ' |="${__span.traceId}"' if wired.get("filterByTraceID") else ""
    by_span = ' |="${__span.spanId}"' if wired.get("filterBySpanID") else ""
    return "{${__tags}}" + by_trace + by_span


def _tags(span: Span, wired: Any) -> str:
    """Matchers of the tags that the span or its resource has, by the names that they have in the target."""
    names = {str(one["key"]): str(one.get("value") or one["key"]) for one in wired}
    carried = [*span.resource.items(), *span.attributes.items(), ("name", span.name)]
    return ", ".join(f'{names[key]}="{value}"' for key, value in carried if key in names)


def _names_of(span: Span) -> dict[str, Mapping[str, Any]]:
    tags = {**span.resource, **span.attributes}
    return {
        "__trace": {"traceId": span.trace_id, "name": span.name},
        "__span": {"traceId": span.trace_id, "spanId": span.span_id, "name": span.name, "tags": tags},
    }


def _around(span: Span, wired: Mapping[str, Any]) -> TimeRange:
    before = interval.parse(str(wired.get("spanStartTimeShift") or "0s")) or 0
    after = interval.parse(str(wired.get("spanEndTimeShift") or "0s")) or 0
    return timerange.absolute(span.start // 10**6 + before, span.end // 10**6 + after)


def of_service(
    source: DataSource, sources: DataSources, service: str, span: TimeRange
) -> tuple[Opening, ...]:
    """What a node of the service graph leads to: its rate, duration and failures, and its traces.

    Args:
        source: The Tempo data source.
        sources: All data sources.
        service: The node.
        span: The range of the graph.

    Raises:
        NoSourceError: The graph's Prometheus is not declared.
    """
    target = _wired_target("service graph", source.settings.get("serviceMap") or {}, sources)
    chosen = f'{{server="{service}"}}[$__rate_interval]'
    _, total, failed = SERVICE_GRAPH
    rate = "sum by (client, server)(rate({}{}))"
    duration = f"histogram_quantile(0.9, sum(rate({_SECONDS_BUCKET}{chosen})) by (le, client, server))"
    condition = {"tag": "service.name", "scope": "resource", "operator": "=", "value": [service]}
    traces = {"queryType": "traceqlSearch", "filters": [condition]}
    return (
        Opening("Request rate", target, {"expr": rate.format(total, chosen)}, span),
        Opening("Request duration", target, {"expr": duration}, span),
        Opening("Failed request rate", target, {"expr": rate.format(failed, chosen)}, span),
        Opening("View traces", source, traces, span),
    )
