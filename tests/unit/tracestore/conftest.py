"""Traces to store, and stores to hold them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from obsdeck.tracestore.otlp import decode_protobuf
from obsdeck.tracestore.search import Window, search
from obsdeck.tracestore.store import Limits, Store
from obsdeck.tracestore.traceql.parser import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

MILLISECOND = 10**6
SECOND = 10**9
BEGIN = 1_700_000_000 * SECOND


@dataclass(frozen=True)
class S:
    """A span of a test: ids are small numbers, times milliseconds after the trace's begin."""

    id: int
    parent: int = 0
    name: str = "work"
    service: str | None = "shop"
    start: int = 0
    duration: float = 1
    status: int = 0
    kind: int = 1
    attributes: Mapping[str, Any] = field(default_factory=dict)
    resource: Mapping[str, Any] = field(default_factory=dict)


def set_value(target: Any, value: Any) -> None:
    """Write a Python value into an AnyValue."""
    match value:
        case bool():
            target.bool_value = value
        case int():
            target.int_value = value
        case float():
            target.double_value = value
        case str():
            target.string_value = value
        case bytes():
            target.bytes_value = value
        case list():
            target.array_value.SetInParent()
            for item in value:
                set_value(target.array_value.values.add(), item)
        case dict():
            target.kvlist_value.SetInParent()
            for key, item in value.items():
                set_value(target.kvlist_value.values.add(key=key).value, item)


def make_request(trace: int, spans: Iterable[S], begin: int = BEGIN) -> ExportTraceServiceRequest:
    """One request with the spans of one trace."""
    request = ExportTraceServiceRequest()
    for span in spans:
        resource_spans = request.resource_spans.add()
        service = {"service.name": span.service} if span.service is not None else {}
        for key, value in {**service, **span.resource}.items():
            set_value(resource_spans.resource.attributes.add(key=key).value, value)
        scope_spans = resource_spans.scope_spans.add()
        scope_spans.scope.name = "tests"
        start = begin + span.start * MILLISECOND
        message = scope_spans.spans.add(
            trace_id=trace.to_bytes(16, "big"),
            span_id=span.id.to_bytes(8, "big"),
            parent_span_id=span.parent.to_bytes(8, "big") if span.parent else b"",
            name=span.name,
            kind=span.kind,
            start_time_unix_nano=start,
            end_time_unix_nano=start + int(span.duration * MILLISECOND),
        )
        message.status.code = span.status
        for key, value in span.attributes.items():
            set_value(message.attributes.add(key=key).value, value)
    return request


@dataclass
class Bench:
    """A store and short ways to use it."""

    store: Store

    def put(self, trace: int, *spans: S, begin: int = BEGIN) -> None:
        """Store spans and wait until they are on disk."""
        body = make_request(trace, spans, begin).SerializeToString()
        self.store.submit(partial(decode_protobuf, body)).result(10)

    def search(self, query: str, *, window: Window | None = None, limit: int = 1000) -> dict[int, list[int]]:
        """Ids of matching traces, newest first, each with the ids of its matching spans."""
        with self.store.reading() as blocks:
            found = search(blocks, parse(query), window or Window(), limit)
        return {
            int.from_bytes(item.trace.trace_id, "big"): [span.span_id for span in item.match.spans]
            for item in found
        }


@pytest.fixture
def span() -> type[S]:
    return S


@pytest.fixture
def request_of() -> Callable[..., ExportTraceServiceRequest]:
    return make_request


@pytest.fixture
def open_bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Open a store on a directory of the test, closed at its end."""
    opened: list[Store] = []

    def open_store(directory: Path = tmp_path, **limits: Any) -> Bench:
        store = Store(directory, Limits(**limits))
        opened.append(store)
        return Bench(store)

    yield open_store
    for store in opened:
        if store._thread.is_alive():
            store.close()


@pytest.fixture
def bench(open_bench: Callable[..., Bench]) -> Bench:
    return open_bench()
