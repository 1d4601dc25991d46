from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.diagnose.trace.find import by_id, last_failed, slowest
from obsdeck.errors import FailedError, UnreachableError, UsageError
from tests.unit.diagnose.trace.conftest import BEGIN, ID, make, question

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.diagnose.trace.conftest import Backends


def row(trace_id: str, longest: int = 0, start: int = 0) -> dict[str, Any]:
    spans = [{"durationNanos": str(longest)}, {"durationNanos": str(longest // 2)}]
    return {
        "traceID": trace_id,
        "startTimeUnixNano": str(BEGIN + start * 10**9),
        "spanSets": [{"spans": spans}],
    }


def test_a_trace_by_its_id(backends: Backends) -> None:
    backends.has_trace(make(1))
    for text in (ID, ID.upper(), f" {ID} "):
        found = by_id(question("id", text), backends.settings)
        assert (found.trace.id, found.trace.spans[0].name, found.how) == (ID, "span 1", "")


def test_a_short_id_has_zeros_before_it(backends: Backends) -> None:
    backends.has_trace(make(1), trace_id=f"{0xABC:032x}")
    assert by_id(question("id", "abc"), backends.settings).trace.id == f"{0xABC:032x}"


@pytest.mark.parametrize("text", ["", "xyz", "0", "0" * 32, "a" * 33, "ab cd", "../x", "ab-cd"])
def test_what_is_no_id_is_refused_before_anybody_is_asked(backends: Backends, text: str) -> None:
    with pytest.raises(UsageError, match="is no trace id"):
        by_id(question("id", text), backends.settings)
    assert backends.asked == []


def test_an_unknown_id_says_where_it_was_looked_for(backends: Backends) -> None:
    backends.answers["/loki/api/v1/query_range"] = lambda _: {"data": {"result": []}}
    with pytest.raises(FailedError, match=f"there is no trace {ID}") as caught:
        by_id(question("id", ID), backends.settings)
    address = f"http://127.0.0.1:{backends.port}"
    assert (
        caught.value.why
        == f"looked in Tempo at {address}: no span\nlooked in Loki at {address}: no line in the last 60 min"
    )


def test_an_unknown_id_with_log_lines_was_a_request(backends: Backends) -> None:
    stream = {"stream": {"service_name": "shop"}, "values": [["1", "a"], ["2", "b"]]}
    backends.answers["/loki/api/v1/query_range"] = lambda _: {"data": {"result": [stream]}}
    with pytest.raises(FailedError) as caught:
        by_id(question("id", ID), backends.settings)
    assert "2 lines of shop; its spans were not kept, or are on the way" in caught.value.why


def test_an_unknown_id_where_loki_is_away(backends: Backends) -> None:
    with pytest.raises(FailedError) as caught:
        by_id(question("id", ID), backends.settings)
    assert "query_range answered 404" in caught.value.why


def test_without_tempo_there_is_no_answer(backends: Backends) -> None:
    values = {**backends.settings.values, "OBSDECK_TEMPO_PORT": "1"}
    with pytest.raises(UnreachableError):
        by_id(question("id", ID), type(backends.settings)(values, backends.settings.origins))


def page_of(traces: list[dict[str, Any]], size: int, fits: Callable[[dict[str, Any], str], bool]) -> Any:
    """A search that answers with the first few that fit, as Tempo does: in no order that means anything."""
    return lambda words: {"traces": [one for one in traces if fits(one, words["q"])][:size]}


def longer(one: dict[str, Any], query: str) -> bool:
    floor = re.search(r"duration > (\d+)ns", query)
    return int(one["spanSets"][0]["spans"][0]["durationNanos"]) > int(floor[1] if floor else 0)


def test_the_slowest_is_found_though_a_search_answers_with_any(backends: Backends) -> None:
    backends.has_trace(make(1))
    durations = [5, 3, 9, 1, 12, 7, 30, 2, 29, 11]
    traces = [row(ID if one == 30 else f"{one:x}", one * 10**6) for one in durations]
    backends.answers["/api/search"] = page_of(traces, 2, longer)
    found = slowest(question("slowest", "shop"), backends.settings)
    assert found.trace.id == ID
    assert found.how == "the slowest of shop: its longest span took 30.0 ms"
    queries = [words["q"] for words in backends.of("/api/search")]
    assert queries[0] == '{ resource.service.name = "shop" }'
    assert queries[-1] == '{ resource.service.name = "shop" && duration > 30000000ns }'


def test_an_id_that_a_search_has_shortened_is_made_whole(backends: Backends) -> None:
    whole = f"{0xABC:032x}"
    backends.has_trace(make(1), trace_id=whole)
    backends.answers["/api/search"] = page_of([row("abc", 5)], 9, longer)
    assert slowest(question("slowest", "shop"), backends.settings).trace.id == whole


def test_the_search_is_bounded_by_the_lookback(backends: Backends) -> None:
    backends.has_trace(make(1))
    backends.answers["/api/search"] = page_of([row(ID, 5)], 9, longer)
    asked = question("slowest", "shop")
    slowest(asked, backends.settings)
    assert backends.of("/api/search")[0]["start"] == str(int(asked.since))


def test_a_service_name_is_quoted(backends: Backends) -> None:
    backends.has_trace(make(1))
    backends.answers["/api/search"] = page_of([row(ID, 5)], 9, longer)
    slowest(question("slowest", 'a" || true || "'), backends.settings)
    assert r'"a\" || true || \""' in backends.of("/api/search")[0]["q"]


def test_the_last_failed_is_the_youngest_though_a_search_answers_with_any(backends: Backends) -> None:
    backends.has_trace(make(1))
    traces = [row("a", start=5), row("b", start=1), row(ID, start=50), row("c", start=30)]

    def search(words: dict[str, str]) -> Any:
        assert words["q"] == '{ resource.service.name = "shop" && status = error }'
        fitting = [one for one in traces if int(one["startTimeUnixNano"]) >= int(words["start"]) * 10**9]
        return {"traces": fitting[:2]}

    backends.answers["/api/search"] = search
    found = last_failed(question("errors", "shop"), backends.settings)
    assert (found.trace.id, found.how) == (ID, "the last one with an error in shop")


def test_a_long_trace_that_is_answered_again_is_not_younger(backends: Backends) -> None:
    backends.has_trace(make(1))
    backends.answers["/api/search"] = lambda _: {"traces": [row(ID, start=5), row("a", start=1)]}
    assert last_failed(question("errors", "shop"), backends.settings).trace.id == ID
    assert len(backends.of("/api/search")) == 2


def test_what_failed_this_very_second_is_the_last(backends: Backends) -> None:
    backends.has_trace(make(1))
    backends.answers["/api/search"] = lambda _: {"traces": [row(ID, start=60)]}
    assert last_failed(question("errors", "shop"), backends.settings).trace.id == ID
    assert len(backends.of("/api/search")) == 1


@pytest.mark.parametrize("find", [slowest, last_failed])
def test_a_service_without_traces_names_the_ones_there_are(backends: Backends, find: Any) -> None:
    backends.answers["/api/search"] = lambda _: {}
    values = {"tagValues": [{"value": "shop"}, {"value": ""}, {"value": "stock"}]}
    backends.answers["/api/v2/search/tag/resource.service.name/values"] = lambda _: values
    with pytest.raises(FailedError) as caught:
        find(question("slowest", "shpo"), backends.settings)
    assert "of service 'shpo' in the last 60 min" in caught.value.message
    assert "services there: shop, stock" in caught.value.why
    assert caught.value.hint == "did you mean shop?"
    with pytest.raises(FailedError) as caught:
        find(question("slowest", "shop"), backends.settings)
    assert "--since" in caught.value.hint


def test_names_of_services_cannot_speak_to_the_terminal(backends: Backends) -> None:
    backends.answers["/api/search"] = lambda _: {}
    values = {"tagValues": [{"value": "sh\x1b[31mop"}]}
    backends.answers["/api/v2/search/tag/resource.service.name/values"] = lambda _: values
    with pytest.raises(FailedError) as caught:
        slowest(question("slowest", "sh[31mop"), backends.settings)
    assert "\x1b" not in caught.value.why + caught.value.hint
    assert r"sh\x1b[31mop" in caught.value.why


def test_a_trace_that_is_deleted_meanwhile(backends: Backends) -> None:
    backends.answers["/api/search"] = page_of([row(ID, 5)], 9, longer)
    with pytest.raises(FailedError, match="now it is gone"):
        slowest(question("slowest", "shop"), backends.settings)
