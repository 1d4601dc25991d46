from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from obsdeck.grafana.classic import parse
from obsdeck.grafana.dashboard import Reference
from obsdeck.grafana.resolve import Resolved, resolve, scope_of, source_of
from obsdeck.grafana.timerange import absolute
from obsdeck.grafana.variables import Value

if TYPE_CHECKING:
    from obsdeck.grafana.sources import DataSources

RANGE = absolute(1_000_000, 4_600_000)


def resolved(
    sources: DataSources, *variables: dict[str, Any], **chosen: tuple[str, ...]
) -> dict[str, Resolved]:
    found = resolve(parse({"templating": {"list": list(variables)}}), sources, RANGE, chosen)
    return {one.variable.name: one for one in found}


def custom(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "custom", "query": "a,b,c", **more}


def query(name: str, text: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "query", "query": text, "datasource": {"uid": "${source}"}, **more}


SOURCE = {"name": "source", "type": "datasource", "query": "prometheus"}


def test_a_variable_is_asked_for_after_those_that_it_depends_on(sources: DataSources, server: Any) -> None:
    for label, value in (("env", "prod"), ("service", "shop")):
        server.answers[f"/api/v1/label/{label}/values"] = (200, json.dumps({"data": [value]}))
    here = sources.at({"prometheus": server.url})
    found = resolved(
        here,
        query("service", 'label_values(up{env="$env"}, service)'),
        query("env", "label_values(env)"),
        SOURCE,
    )
    assert list(found) == ["source", "env", "service"]
    assert [one.value.value for one in found.values()] == ["prometheus", "prod", "shop"]
    assert parse_qs(urlsplit(server.asked[1]).query)["match[]"] == ['up{env="prod"}']


def test_variables_that_wait_for_each_other_are_told(sources: DataSources) -> None:
    found = resolved(
        sources, query("a", "label_values(up{b='$b'}, x)"), query("b", "label_values(up{a='$a'}, x)"), SOURCE
    )
    assert found["a"].problem == "it waits for b in a circle"
    assert found["b"].problem == "it waits for a in a circle"
    assert not found["source"].problem


def test_what_the_server_says_no_to_is_told_and_the_saved_value_stays(
    sources: DataSources, server: Any
) -> None:
    server.answers["/api/v1/series"] = (400, "parse error at char 3")
    here = sources.at({"prometheus": server.url})
    found = resolved(here, SOURCE, query("x", "up{", current={"value": "kept"}))
    assert "parse error at char 3" in found["x"].problem
    assert found["x"].value.value == "kept"


def test_a_variable_without_options_is_told(sources: DataSources, server: Any) -> None:
    server.answers["/api/v1/label/job/values"] = (200, '{"data": []}')
    found = resolved(
        sources.at({"prometheus": server.url}), SOURCE, query("x", "label_values(job)", multi=True)
    )
    assert found["x"].problem == "nothing answers label_values(job)"
    assert found["x"].value.value == ()


def test_all_of_a_variable_without_options_is_what_the_file_says_it_is(
    sources: DataSources, server: Any
) -> None:
    server.answers["/api/v1/label/env/values"] = (200, '{"data": []}')
    here = sources.at({"prometheus": server.url})
    saved = {"includeAll": True, "multi": True, "allValue": ".*", "current": {"value": ["$__all"]}}
    found = resolved(here, query("env", "label_values(env)", **saved), SOURCE)["env"]
    assert (found.value.value, found.value.all, bool(found.problem)) == (".*", True, True)


def test_a_data_source_that_is_not_there_is_told(sources: DataSources) -> None:
    found = resolved(sources, query("x", "label_values(job)", datasource={"uid": "gone"}))
    assert "gone" in found["x"].problem


def test_the_first_option_is_chosen_unless_the_file_or_a_person_says_otherwise(sources: DataSources) -> None:
    assert resolved(sources, custom("x"))["x"].value == Value("x", "a", "a")
    assert resolved(sources, custom("x", current={"value": "b"}))["x"].value.value == "b"
    assert resolved(sources, custom("x", current={"value": "gone"}))["x"].value.value == "a"
    assert resolved(sources, custom("x", current={"value": "b"}), x=("c",))["x"].value.value == "c"


def test_several_values_are_kept_where_several_may_be_chosen(sources: DataSources) -> None:
    found = resolved(sources, custom("x", multi=True, current={"value": ["c", "a", "gone"]}))
    assert found["x"].value == Value("x", ("a", "c"), "a + c", multi=True)


def test_all_is_the_union_or_what_the_file_says_it_is(sources: DataSources) -> None:
    union = resolved(sources, custom("x", includeAll=True, current={"value": "$__all"}))["x"].value
    assert union == Value("x", ("a", "b", "c"), "All", multi=True, all=True)
    own = resolved(sources, custom("x", includeAll=True, allValue=".+", current={"value": ["$__all"]}))[
        "x"
    ].value
    assert own == Value("x", ".+", "All", multi=True, all=True, verbatim=True)
    assert resolved(sources, custom("x", includeAll=True))["x"].value.all
    one = resolved(sources, custom("x", includeAll=True), x=("b",))["x"].value
    assert one == Value("x", "b", "b", multi=True)


def test_filters_that_no_query_names_are_left_out(sources: DataSources) -> None:
    assert resolved(sources, {"name": "f", "type": "adhoc"}) == {}


def test_a_text_that_a_person_types_is_taken(sources: DataSources) -> None:
    box = {"name": "t", "type": "textbox", "query": "5"}
    assert resolved(sources, box)["t"].value.value == "5"
    assert resolved(sources, box, t=("9",))["t"].value.value == "9"


def test_a_data_source_may_be_a_variable(sources: DataSources) -> None:
    scope = scope_of(resolve(parse({"templating": {"list": [SOURCE]}}), sources, RANGE))
    assert source_of(Reference("${source}", "loki"), sources, scope).uid == "prometheus"
    assert source_of(Reference("", "loki"), sources, scope).uid == "loki"
