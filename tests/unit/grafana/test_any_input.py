"""Whatever a dashboard or an address holds, it is read or refused, and never ends in a traceback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from obsdeck.errors import ObsdeckError
from obsdeck.grafana import classic, execute, interpolate, links, resolve, urls
from obsdeck.grafana.sources import expand
from obsdeck.grafana.timerange import absolute

if TYPE_CHECKING:
    from obsdeck.grafana.sources import DataSources

KEYS = [
    "allValue", "annotations", "current", "dashboard", "datasource", "definition", "expr",
    "fieldConfig", "filters", "gridPos", "hide", "id", "interval", "label", "limit", "links", "list",
    "maxDataPoints", "maxLines", "name", "operator", "panels", "query", "queryType", "refId", "regex",
    "repeat", "rows", "scope", "serviceMapQuery", "sort", "span", "spec", "stream", "tag", "targets",
    "templating", "time", "timeFrom", "title", "type", "uid", "value", "w",
]  # fmt: skip
WORDS = ["$x", "${datasource}", "prometheus", "loki", "tempo", "serviceMap", "custom", "row", "(", "5m"]
TEXT = st.one_of(st.sampled_from(WORDS), st.text(max_size=8))
LEAF = st.one_of(st.none(), st.booleans(), st.integers(-5, 50), st.floats(allow_nan=False), TEXT)
INNER = st.dictionaries(st.sampled_from(KEYS), LEAF, max_size=3)
TREE = st.one_of(LEAF, INNER, st.lists(st.one_of(LEAF, INNER), max_size=2))
MODEL = st.dictionaries(st.sampled_from(KEYS), TREE, max_size=5)
KINDS = {"type": st.sampled_from(["custom", "interval", "constant", "textbox", "datasource", "switch"])}
VARIABLE = st.builds(
    lambda one, kind: {**one, **kind},
    MODEL,
    st.fixed_dictionaries(
        {**KINDS, "name": st.just("x"), "sort": LEAF, "regex": TEXT, "query": TEXT},
        optional={"auto": st.just(value=True), "auto_count": LEAF, "auto_min": LEAF},
    ),
)
SOURCE = st.sampled_from(["prometheus", "loki", "tempo", "${datasource}"])
TARGET = st.builds(
    lambda one, kind: {**one, **kind},
    MODEL,
    st.fixed_dictionaries(
        {"datasource": SOURCE},
        optional={
            "queryType": st.sampled_from(["traceqlSearch", "serviceMap", "traceql"]),
            "filters": st.lists(MODEL, max_size=2),
            "limit": LEAF,
            "intervalFactor": LEAF,
        },
    ),
)
RANGE = absolute(0, 3_600_000)
ANY = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@ANY
@given(
    targets=st.lists(TARGET, max_size=2), panel=MODEL, variables=st.lists(VARIABLE, max_size=2), whole=MODEL
)
def test_any_dashboard_is_read_and_planned(
    sources: DataSources, targets: Any, panel: Any, variables: Any, whole: Any
) -> None:
    inside = {**panel, "targets": targets}
    document = {**whole, "panels": [inside], "templating": {"list": variables}}
    dashboard = classic.parse(document)
    resolved = resolve.resolve(dashboard, sources, RANGE)
    for one in execute.plan(dashboard, resolved, sources, RANGE):
        assert one.query is None or one.query.expr


@ANY
@given(text=st.text(alphabet="$${}[]():.,_ab \"'1/", max_size=30))
def test_any_text_is_interpolated_and_expanded(text: str) -> None:
    assert interpolate.interpolate(text, {}).text == text
    assert "$" in text or expand(text, {}) == text


@ANY
@given(query=st.one_of(st.text(), TREE.map(str)), path=st.sampled_from(["/explore", "/d/x", ""]))
def test_any_address_is_opened_or_broken(sources: DataSources, query: str, path: str) -> None:
    urls.address(f"{path}?{query}")
    with pytest.raises((links.BrokenLinkError, ObsdeckError)):
        urls.openings("x", f"{path}?panes={query}", sources, now=0)
