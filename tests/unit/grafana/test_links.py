from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.grafana import links
from obsdeck.grafana.links import BrokenLinkError
from obsdeck.grafana.sources import DataSources, NoSourceError
from obsdeck.grafana.spans import Span
from obsdeck.grafana.timerange import absolute

if TYPE_CHECKING:
    from obsdeck.grafana.links import Opening

TRACE = "0af7651916cd43dd8448eb211c80319c"
MINUTE = 60_000
RANGE = absolute(0, 60 * MINUTE)
SPAN = Span(
    trace_id=TRACE,
    span_id="b7ad6b7169203331",
    parent_id="",
    name="GET /items/{id}",
    start=100 * MINUTE * 10**6,
    end=100 * MINUTE * 10**6 + 5,
    attributes={"http.route": "/items/{id}"},
    resource={"service.name": "shop"},
)


def changed(sources: DataSources, uid: str, **settings: Any) -> DataSources:
    return DataSources(
        tuple(
            replace(one, settings={**one.settings, **settings}) if one.uid == uid else one
            for one in sources.all
        )
    )


def asked(opening: Opening, sources: DataSources) -> tuple[str, str, str]:
    (query,) = opening.queries(sources)
    return query.source.uid, query.kind, query.expr


def test_an_exemplar_leads_to_its_trace(sources: DataSources) -> None:
    labels = {"trace_id": TRACE, "span_id": "1"}
    (opening,) = links.from_exemplar(sources.by_uid("prometheus"), sources, labels, RANGE)
    assert opening.title == "Open trace"
    assert asked(opening, sources) == ("tempo", "trace", TRACE)


def test_an_exemplar_without_the_wired_label_leads_nowhere(sources: DataSources) -> None:
    with pytest.raises(BrokenLinkError) as error:
        links.from_exemplar(sources.by_uid("prometheus"), sources, {"traceID": TRACE}, RANGE)
    assert error.value.why == "trace_id is wired, the exemplar has traceID"


def test_a_line_leads_to_its_trace_by_a_label_whose_name_fits(sources: DataSources) -> None:
    (opening,) = links.from_line(sources.by_uid("loki"), sources, {"my_trace_id": TRACE}, "text", RANGE)
    assert asked(opening, sources) == ("tempo", "trace", TRACE)


def test_a_line_leads_to_its_trace_by_the_group_in_its_text(sources: DataSources) -> None:
    field = {"name": "T", "matcherRegex": r"trace=(\w+)", "url": "${__value.raw}", "datasourceUid": "tempo"}
    wired = changed(sources, "loki", derivedFields=[field])
    (opening,) = links.from_line(wired.by_uid("loki"), wired, {}, f"a trace={TRACE} b", RANGE)
    assert asked(opening, wired) == ("tempo", "trace", TRACE)
    with pytest.raises(BrokenLinkError, match="derived field"):
        links.from_line(wired.by_uid("loki"), wired, {"trace_id": TRACE}, "no trace here", RANGE)


def test_a_derived_field_whose_dollar_was_expanded_is_broken(sources: DataSources) -> None:
    field = {
        "name": "T",
        "matcherType": "label",
        "matcherRegex": "trace_id",
        "url": "",
        "datasourceUid": "tempo",
    }
    wired = changed(sources, "loki", derivedFields=[field])
    with pytest.raises(BrokenLinkError, match="'T'"):
        links.from_line(wired.by_uid("loki"), wired, {"trace_id": TRACE}, "", RANGE)


def test_a_span_leads_to_its_lines_around_its_time(sources: DataSources) -> None:
    opening = links.logs_of(sources.by_uid("tempo"), sources, SPAN)
    assert asked(opening, sources) == ("loki", "logs", f'{{service_name="shop"}} | trace_id = "{TRACE}"')
    assert (opening.range.start, opening.range.end) == (95 * MINUTE, 105 * MINUTE)


def test_without_a_query_of_ones_own_grafana_filters_by_text(sources: DataSources) -> None:
    wired = changed(
        sources,
        "tempo",
        tracesToLogsV2={"datasourceUid": "loki", "filterByTraceID": True, "filterBySpanID": True},
    )
    opening = links.logs_of(wired.by_uid("tempo"), wired, SPAN)
    assert opening.model["expr"] == f'{{service_name="shop"}} |="{TRACE}" |="b7ad6b7169203331"'
    with pytest.raises(BrokenLinkError) as error:
        links.logs_of(wired.by_uid("tempo"), wired, replace(SPAN, resource={}))
    assert error.value.why == "the span has none of the configured tags"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"query": "{${__tags}} | id = `${__traces.traceId}`"}, "nobody knows ${__traces.traceId}"),
        ({"datasourceUid": ""}, "it is not configured"),
    ],
)
def test_a_link_to_lines_that_grafana_would_not_show_is_broken(
    sources: DataSources, change: dict[str, Any], why: str
) -> None:
    tempo = sources.by_uid("tempo")
    wired = changed(sources, "tempo", tracesToLogsV2={**tempo.settings["tracesToLogsV2"], **change})
    with pytest.raises(BrokenLinkError) as error:
        links.logs_of(wired.by_uid("tempo"), wired, SPAN)
    assert why in error.value.why


def test_a_span_leads_to_metrics_by_the_tags_that_it_has(sources: DataSources) -> None:
    (opening,) = links.metrics_of(sources.by_uid("tempo"), sources, SPAN)
    assert asked(opening, sources) == (
        "prometheus",
        "range",
        'rate(x{service_name="shop", http.route="/items/{id}"}[1m])',
    )


def test_metrics_take_only_one_spelling_of_the_tags(sources: DataSources) -> None:
    metrics = {
        "datasourceUid": "prometheus",
        "tags": [{"key": "service.name"}],
        "queries": [{"query": "x{${__tags}}"}],
    }
    wired = changed(sources, "tempo", tracesToMetrics=metrics)
    (opening,) = links.metrics_of(wired.by_uid("tempo"), wired, SPAN)
    with pytest.raises(BrokenLinkError) as error:
        opening.queries(wired)
    assert "${__tags}" in error.value.why


@pytest.mark.parametrize(
    "metrics",
    [
        {},
        {"datasourceUid": "prometheus"},
        {"datasourceUid": "prometheus", "queries": [{"query": "x{$__tags}"}]},
    ],
    ids=["not configured", "no queries", "no tags"],
)
def test_a_link_to_metrics_that_says_nothing_is_broken(sources: DataSources, metrics: dict[str, Any]) -> None:
    wired = changed(sources, "tempo", tracesToMetrics=metrics)
    with pytest.raises(BrokenLinkError):
        links.metrics_of(wired.by_uid("tempo"), wired, SPAN)


def test_a_link_to_a_data_source_that_is_not_declared_is_broken(sources: DataSources) -> None:
    fewer = DataSources(tuple(one for one in sources.all if one.uid != "tempo"))
    with pytest.raises(NoSourceError, match="tempo"):
        links.from_exemplar(fewer.by_uid("prometheus"), fewer, {"trace_id": TRACE}, RANGE)
    with pytest.raises(NoSourceError, match="tempo"):
        links.from_line(fewer.by_uid("loki"), fewer, {"trace_id": TRACE}, "", RANGE)


def test_a_node_of_the_service_graph_leads_to_its_metrics_and_traces(sources: DataSources) -> None:
    found = links.of_service(sources.by_uid("tempo"), sources, "shop", RANGE)
    rate, _, _, traces = (asked(one, sources) for one in found)
    assert rate == (
        "prometheus",
        "range",
        'sum by (client, server)(rate(traces_service_graph_request_total{server="shop"}[1m]))',
    )
    assert traces == ("tempo", "search", '{resource.service.name="shop"}')


def test_an_opening_that_asks_nothing_is_broken(sources: DataSources) -> None:
    opening = links.Opening("x", sources.by_uid("loki"), {"query": TRACE}, RANGE)
    with pytest.raises(BrokenLinkError) as error:
        opening.queries(sources)
    assert "its query is empty" in error.value.why
