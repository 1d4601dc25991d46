from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from obsdeck.backends.http import HttpError
from obsdeck.errors import FailedError
from obsdeck.grafana.classic import parse
from obsdeck.grafana.options import Option, options
from obsdeck.grafana.timerange import absolute
from obsdeck.grafana.variables import Value

if TYPE_CHECKING:
    from obsdeck.grafana.sources import DataSources

RANGE = absolute(1_000_000, 4_600_000)


def asked(sources: DataSources, uid: str = "prometheus", **model: Any) -> list[Option]:
    (variable,) = parse({"templating": {"list": [{"name": "x", "type": "query", **model}]}}).variables
    scope = {"job": Value("job", "a.b", multi=True)}
    return list(options(variable, sources, sources.by_uid(uid), RANGE, scope))


def values(sources: DataSources, uid: str = "prometheus", **model: Any) -> list[str]:
    return [one.value for one in asked(sources, uid, **model)]


def answer(server: Any, path: str, data: Any) -> None:
    server.answers[path] = (200, json.dumps({"status": "success", "data": data}))


def test_prometheus_is_asked_for_values_of_a_label_in_the_range(sources: DataSources, server: Any) -> None:
    answer(server, "/api/v1/label/job/values", ["b", "a"])
    here = sources.at({"prometheus": server.url})
    assert values(here, query='label_values(up{job=~"$job"}, job)') == ["b", "a"]
    sent = parse_qs(urlsplit(server.asked[0]).query)
    assert sent == {"match[]": ['up{job=~"a\\\\.b"}'], "start": ["1000.0"], "end": ["4600.0"]}
    assert values(here, query="label_values(job)", sort=1) == ["a", "b"]
    assert "match" not in server.asked[1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("label_names()", ["job", "le"]),
        ("metrics(go_.*)", ["go_gc"]),
        ("query_result(sum by (job) (up))", ['{job="a"} 3 5000']),
        ("up", ['up{job="a"}']),
    ],
)
def test_prometheus_answers_every_kind_of_question(
    sources: DataSources, server: Any, query: str, found: list[str]
) -> None:
    answer(server, "/api/v1/labels", ["job", "le"])
    answer(server, "/api/v1/label/__name__/values", ["go_gc", "up"])
    answer(server, "/api/v1/query", {"result": [{"metric": {"job": "a"}, "value": [5, "3"]}]})
    answer(server, "/api/v1/series", [{"__name__": "up", "job": "a"}])
    assert values(sources.at({"prometheus": server.url}), query=query) == found


def test_loki_is_asked_for_labels_and_streams(sources: DataSources, server: Any) -> None:
    answer(server, "/loki/api/v1/labels", ["job"])
    answer(server, "/loki/api/v1/label/job/values", ["a"])
    answer(server, "/loki/api/v1/series", [{"job": "b"}, {"job": "b", "x": "y"}, {"x": "y"}])
    here = sources.at({"loki": server.url})
    assert values(here, "loki", query="label_names()") == ["job"]
    assert values(here, "loki", query={"type": 1, "label": "job"}) == ["a"]
    assert values(here, "loki", query={"type": 1, "label": "job", "stream": '{x="y"}'}) == ["b"]


def test_tempo_is_asked_for_values_of_an_attribute(sources: DataSources, server: Any) -> None:
    server.answers["/api/v2/search/tag/resource.service.name/values"] = (
        200,
        '{"tagValues":[{"type":"string","value":"shop"}]}',
    )
    here = sources.at({"tempo": server.url})
    assert values(here, "tempo", query={"type": 1, "label": "resource.service.name"}) == ["shop"]


def test_a_refusal_is_raised(sources: DataSources, server: Any) -> None:
    server.answers["/api/v1/series"] = (400, "parse error")
    with pytest.raises(HttpError, match="400"):
        asked(sources.at({"prometheus": server.url}), query="up{")


@pytest.mark.parametrize(
    ("model", "found"),
    [
        (
            {"type": "custom", "query": r"1m, Five minutes : 5m,a\,b"},
            [("1m", "1m"), ("5m", "Five minutes"), ("a,b", "a,b")],
        ),
        ({"type": "interval", "query": "1m,5m"}, [("1m", "1m"), ("5m", "5m")]),
        (
            {"type": "interval", "query": "1m", "auto": True, "auto_count": 60, "auto_min": "10s"},
            [("1m", "auto"), ("1m", "1m")],
        ),
        ({"type": "constant", "query": ".*"}, [(".*", ".*")]),
        ({"type": "textbox", "query": "5"}, [("5", "5")]),
        ({"type": "textbox", "query": "5", "current": {"value": "6"}}, [("6", "6")]),
        ({"type": "datasource", "query": "loki"}, [("loki", "Loki")]),
        ({"type": "datasource", "query": "prometheus", "regex": "/other/"}, []),
    ],
)
def test_options_that_stand_in_the_file(
    sources: DataSources, model: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    assert [(one.value, one.text) for one in asked(sources, **model)] == found


@pytest.mark.parametrize(
    ("regex", "found"),
    [
        ("/host-(.*)/", [("a1", "a1"), ("a10", "a10")]),
        ("host-a1", [("host-a1", "host-a1")]),
        ("/HOST-(?<text>.)(?<value>.*)/i", [("1", "a"), ("10", "a")]),
        ("/^x/", []),
        (r"/(\d)/", [("1", "1")]),
        (r"/(\d)/g", [("1", "1"), ("0", "0")]),
    ],
)
def test_a_regular_expression_filters_and_cuts(
    sources: DataSources, regex: str, found: list[tuple[str, str]]
) -> None:
    chosen = asked(sources, type="custom", query="host-a1,host-a10", regex=regex)
    assert [(one.value, one.text) for one in chosen] == found


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        (0, "b10 B9 a"),
        (1, "B9 a b10"),
        (2, "b10 a B9"),
        (3, "a B9 b10"),
        (4, "b10 B9 a"),
        (5, "a b10 B9"),
        (6, "B9 b10 a"),
    ],
)
def test_options_are_sorted_as_asked(sources: DataSources, sort: int, found: str) -> None:
    assert " ".join(values(sources, type="custom", query="b10,B9,a", sort=sort)) == found


def test_a_data_source_that_cannot_be_asked_is_told(sources: DataSources) -> None:
    (variable,) = parse({"templating": {"list": [{"name": "x", "type": "query", "query": "q"}]}}).variables
    other = type(sources.all[0])("m", "m", "mysql", "", {})
    with pytest.raises(FailedError, match="mysql"):
        options(variable, sources, other, RANGE, {})
