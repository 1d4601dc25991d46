from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.grafana import urls
from obsdeck.grafana.dashboard import Link
from obsdeck.grafana.explore import explore_url, panes
from obsdeck.grafana.links import BrokenLinkError
from obsdeck.grafana.sources import NoSourceError
from obsdeck.grafana.timerange import TimeRange
from obsdeck.grafana.variables import Value, of_point, of_time

if TYPE_CHECKING:
    from obsdeck.grafana.sources import DataSources

QUERY = '{ resource.service.name = "${service}" && span.http.route = "${__field.labels.http_route}" }'
SCOPE: dict[str, Any] = {
    "service": Value("service", "a shop"),
    **of_time(TimeRange(1_000, 61_000, "now-1m", "now"), 15_000),
    **of_point(2, time=30_000, labels={"http_route": "/items/{id}"}),
}


@pytest.mark.parametrize("datasource", ["prometheus", "loki", "tempo"])
def test_what_is_written_into_an_address_of_explore_is_read_from_it(
    sources: DataSources, datasource: str
) -> None:
    query = '{a="b & c # d"} + "ü"'
    url = explore_url(datasource, query, start="5", end="7")
    (pane,) = panes(url)
    assert (pane.datasource, pane.range) == (datasource, ("5", "7"))
    (opening,) = urls.openings("x", url, sources, now=0)
    assert opening.source.uid == datasource
    assert query in opening.model.values()


def test_a_link_becomes_the_query_of_the_point_that_is_clicked_at(sources: DataSources) -> None:
    url = urls.url_of(Link("Traces", explore_url("tempo", QUERY)), SCOPE)
    (opening,) = urls.openings("Traces", url, sources, now=0)
    (query,) = opening.queries(sources)
    assert query.expr == '{ resource.service.name = "a shop" && span.http.route = "/items/{id}" }'
    assert (query.kind, query.range.start, query.range.end) == ("search", 1_000, 61_000)


def test_a_link_with_a_name_that_nobody_knows_is_broken() -> None:
    with pytest.raises(BrokenLinkError) as error:
        urls.url_of(Link("Traces", explore_url("tempo", "{ a = ${servise} }")), SCOPE)
    assert error.value.why == "nobody knows ${servise}"


@pytest.mark.parametrize(
    "url",
    [
        "/d/abc",
        "/explore",
        "/explore?panes=%7B",
        "/explore?panes=[]",
        "/explore?panes={}",
        '/explore?panes={"a":{"datasource":"tempo"}}',
    ],
)
def test_an_address_that_explore_could_not_read_is_broken(sources: DataSources, url: str) -> None:
    with pytest.raises(BrokenLinkError):
        urls.openings("x", url, sources, now=0)


def test_a_value_that_breaks_the_address_is_found(sources: DataSources) -> None:
    scope = {**SCOPE, "service": Value("service", 'a"b')}
    url = urls.url_of(Link("Traces", explore_url("tempo", QUERY)), scope)
    with pytest.raises(BrokenLinkError, match="Traces"):
        urls.openings("Traces", url, sources, now=0)


def test_an_address_with_another_data_source_is_broken(sources: DataSources) -> None:
    url = explore_url("tempo", "{}", start="1", end="2").replace("tempo", "jaeger")
    with pytest.raises(NoSourceError, match="jaeger"):
        urls.openings("x", url, sources, now=0)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (
            "/d/shop/the-shop?viewPanel=panel-7&var-service=a&var-service=b&var-env=$__all&from=now-1h&to=now",
            urls.Address("shop", 7, {"service": ("a", "b"), "env": ("$__all",)}, ("now-1h", "now")),
        ),
        ("http://127.0.0.1:3000/d/shop", urls.Address("shop", 0, {}, ("", ""))),
        ("/d/shop/x?viewPanel=3&orgId=1", urls.Address("shop", 3, {}, ("", ""))),
        ("/explore?panes={}", None),
        ("https://example.com/runbook", None),
    ],
)
def test_the_address_of_a_dashboard_is_read(url: str, found: urls.Address | None) -> None:
    assert urls.address(url) == found
