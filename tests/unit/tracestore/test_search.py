"""The search finds exactly what an evaluation of every trace finds, whatever the query."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from obsdeck.tracestore.otlp import decode_protobuf
from obsdeck.tracestore.search import Window, search
from obsdeck.tracestore.store import Limits, Store
from obsdeck.tracestore.traceql.evaluate import Match, matcher
from obsdeck.tracestore.traceql.parser import parse
from obsdeck.tracestore.traces import find_trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECOND = 10**9
BEGIN = 1_700_000_000 * SECOND
TRACES = 60


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store of traces of all sorts, some in two blocks."""
    rng = random.Random(1)
    store = Store(tmp_path_factory.mktemp("filled"), Limits(block_spans=45))
    for portion in range(2):
        for trace in range(1, TRACES + 1):
            request = ExportTraceServiceRequest()
            for number in range(portion * 3 + 1, portion * 3 + 1 + rng.randrange(1, 4)):
                resource_spans = request.resource_spans.add()
                attributes = resource_spans.resource.attributes
                attributes.add(key="service.name").value.string_value = rng.choice(["front", "back", "mail"])
                if rng.random() < 0.4:
                    attributes.add(key="color").value.string_value = rng.choice(["red", "blue"])
                span = resource_spans.scope_spans.add().spans.add()
                span.trace_id = trace.to_bytes(16, "big")
                span.span_id = number.to_bytes(8, "big")
                parent = rng.choice([0, *range(1, number)]) if number > 1 else 0
                span.parent_span_id = parent.to_bytes(8, "big") if parent else b""
                span.name = rng.choice(["GET /", "db", "work"])
                span.kind = rng.randrange(6)
                span.status.code = rng.randrange(3)
                span.start_time_unix_nano = BEGIN + trace * SECOND + number
                span.end_time_unix_nano = span.start_time_unix_nano + rng.randrange(5) * 10**8
                fill(span.attributes, rng)
            store.submit(partial(decode_protobuf, request.SerializeToString())).result(10)
    yield store
    store.close()


def fill(attributes: Any, rng: Any) -> None:
    """Some attributes, of changing types."""
    if rng.random() < 0.6:
        attributes.add(key="color").value.string_value = rng.choice(["red", "green", "", "x" * 5000])
    if rng.random() < 0.6:
        attributes.add(key="size").value.int_value = rng.randrange(-2, 4)
    if rng.random() < 0.4:
        attributes.add(key="load").value.double_value = rng.choice([0.5, 1.0, 2.5])
    if rng.random() < 0.3:
        attributes.add(key="hot").value.bool_value = rng.random() < 0.5
    if rng.random() < 0.2:
        for item in rng.sample(["red", "green", "blue"], 2):
            attributes.add(key="tags").value.array_value.values.add().string_value = item
    if rng.random() < 0.2:
        attributes.add(key="color" if rng.random() < 0.2 else "map").value.kvlist_value.SetInParent()


SCOPES = st.sampled_from([".", "span.", "resource."])
KEYS = st.sampled_from(["color", "size", "load", "hot", "tags", "map", "absent", "service.name"])
ATTRIBUTES = st.builds("{}{}".format, SCOPES, KEYS)
EQUALITY = st.sampled_from(["=", "!="])
ORDER = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
TEXTS = st.sampled_from(['"red"', '"green"', '""', '"front"', '"GET /"', '"m"'])
NUMBERS = st.sampled_from(["0", "1", "-1", "3", "0.5", "1.0", "2.5"])
PATTERNS = st.sampled_from(
    ['".*e.*"', '"red|blue"', '"gre.+"', '"re?d"', '""', '"x*"', '"(front|back)"', '"f.*"']
)
DURATIONS = st.sampled_from(["0s", "100ms", "250ms", "1s", "0.3s"])
ATOMS = st.one_of(
    st.builds("{} {} {}".format, ATTRIBUTES, ORDER, TEXTS),
    st.builds("{} {} {}".format, ATTRIBUTES, ORDER, NUMBERS),
    st.builds("{} {} {}".format, ATTRIBUTES, st.sampled_from(["=~", "!~"]), PATTERNS),
    st.builds("{} {} {}".format, ATTRIBUTES, EQUALITY, st.sampled_from(["true", "false", "error"])),
    st.builds("{} {} {}".format, ATTRIBUTES, ORDER, ATTRIBUTES),
    st.builds("{} {} nil".format, ATTRIBUTES.filter(lambda text: text != "resource.service.name"), EQUALITY),
    ATTRIBUTES,
    st.builds("name {} {}".format, ORDER, TEXTS),
    st.builds(
        "{} {} {}".format, st.sampled_from(["name", "rootName"]), st.sampled_from(["=~", "!~"]), PATTERNS
    ),
    st.builds("{} {} {}".format, st.sampled_from(["rootServiceName", "trace:rootName"]), ORDER, TEXTS),
    st.builds("{} {} {}".format, st.sampled_from(["duration", "traceDuration"]), ORDER, DURATIONS),
    st.builds("status {} {}".format, EQUALITY, st.sampled_from(["ok", "error", "unset"])),
    st.builds("kind {} {}".format, EQUALITY, st.sampled_from(["server", "client"])),
    st.sampled_from(["true", "false", "1 = 1", '"a" =~ "b"']),
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({})".format, inner),
        st.builds("!({})".format, inner),
        st.builds("({}) && ({})".format, inner, inner),
        st.builds("({}) || ({})".format, inner, inner),
    ),
    max_leaves=4,
)
FILTERS = st.one_of(st.just("{ }"), st.builds("{{ {} }}".format, CONDITIONS))
AGGREGATES = st.one_of(
    st.builds("count() {} {}".format, ORDER, st.sampled_from(["1", "2", "3.5"])),
    st.builds("{}(duration) {} {}".format, st.sampled_from(["avg", "min", "max", "sum"]), ORDER, DURATIONS),
    st.builds(
        "{}({}) {} {}".format, st.sampled_from(["avg", "min", "max", "sum"]), ATTRIBUTES, ORDER, NUMBERS
    ),
)
SPANSETS = st.recursive(
    FILTERS,
    lambda inner: st.one_of(
        st.builds(
            "({}) {} ({})".format, inner, st.sampled_from(["&&", "||", ">", ">>", "<", "<<", "~"]), inner
        ),
        st.builds("({} | {})".format, inner, AGGREGATES),
    ),
    max_leaves=3,
)
QUERIES = st.builds(
    " | ".join,
    st.builds(
        lambda first, rest: [first, *rest],
        SPANSETS,
        st.lists(st.one_of(AGGREGATES, FILTERS, st.just("select(.color)")), max_size=2),
    ),
)


class Everything:
    """All traces of the filled store; a class, so that a report does not print them."""

    def __init__(self, store: Store) -> None:
        with store.reading() as blocks:
            self.traces = [find_trace(blocks, trace.to_bytes(16, "big")) for trace in range(1, TRACES + 1)]


@pytest.fixture(scope="module")
def everything(filled: Store) -> Everything:
    return Everything(filled)


def outline(match: Match) -> tuple[list[int], dict[str, Any]]:
    return [span.span_id for span in match.spans], match.aggregates


@settings(max_examples=400, deadline=None)
@given(text=QUERIES)
def test_the_search_finds_what_looking_at_every_trace_finds(
    filled: Store, everything: Everything, text: str
) -> None:
    query = parse(text)
    match_of = matcher(query)
    expected = {trace.trace_id: outline(match) for trace in everything.traces if (match := match_of(trace))}
    with filled.reading() as blocks:
        assert len(blocks) > 2
        found = {item.trace.trace_id: outline(item.match) for item in search(blocks, query, Window(), TRACES)}
    assert found == expected


def test_the_newest_traces_come_first_and_no_more_than_asked_for(filled: Store) -> None:
    with filled.reading() as blocks:
        found = [
            int.from_bytes(item.trace.trace_id, "big") for item in search(blocks, parse("{ }"), Window(), 7)
        ]
    assert len(found) == 7
    assert found == sorted(found, reverse=True)


def test_a_trace_is_found_by_any_moment_of_it(bench: Any, span: Callable[..., Any]) -> None:
    bench.put(1, span(1, duration=10_000), begin=BEGIN)
    bench.put(2, span(1, duration=10_000), begin=BEGIN + 60 * SECOND)

    def within(start: int, stop: int) -> set[int]:
        return set(bench.search("{ }", window=Window(BEGIN + start * SECOND, BEGIN + stop * SECOND)))

    assert within(0, 100) == {1, 2}
    assert within(9, 59) == {1}
    assert within(11, 59) == set()
    assert within(69, 100) == {2}
    assert within(10, 60) == {1, 2}


def test_the_newest_traces_are_chosen(bench: Any, span: Callable[..., Any]) -> None:
    for trace in range(1, 6):
        bench.put(trace, span(1), begin=BEGIN + trace * SECOND)
    assert list(bench.search("{ }", limit=2)) == [5, 4]
    assert list(bench.search('{ name = "work" }', limit=2)) == [5, 4]


def test_a_trace_in_two_blocks_is_found_by_any_moment_of_it(
    open_bench: Callable[..., Any], span: Callable[..., Any]
) -> None:
    bench = open_bench(block_spans=1)
    bench.put(1, span(1), begin=BEGIN)
    bench.put(1, span(2, parent=1), begin=BEGIN + 100 * SECOND)
    for start, stop, found in ((40, 60, True), (0, 0, True), (200, 300, False)):
        window = Window(BEGIN + start * SECOND, BEGIN + stop * SECOND)
        assert bool(bench.search("{ } > { }", window=window)) == found


def test_late_spans_are_found_at_once(bench: Any, span: Callable[..., Any]) -> None:
    bench.put(1, span(1), begin=BEGIN)
    bench.put(2, span(1, name="late"), begin=BEGIN - 7 * 86_400 * SECOND)
    assert bench.search('{ name = "late" }') == {2: [1]}
    assert list(bench.search("{ }")) == [1, 2]
