from __future__ import annotations

from typing import TYPE_CHECKING

from obsdeck.tracestore.traces import find_message, find_trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Bench, S

ID = (1).to_bytes(16, "big")


def test_a_trace_is_put_together_from_all_blocks(open_bench: Callable[..., Bench], span: type[S]) -> None:
    bench = open_bench(block_spans=1)
    bench.put(1, span(2, parent=1, service="back", start=5, duration=10))
    bench.put(1, span(1, name="root", service="front", start=0, duration=3))
    with bench.store.reading() as blocks:
        assert len(blocks) == 2
        trace = find_trace(blocks, ID)
        message = find_message(blocks, ID)
    assert [item.span_id for item in trace.spans] == [1, 2]
    assert (trace.root_name, trace.root_service, trace.duration) == ("root", "front", 15 * 10**6)
    assert message is not None
    assert len(message.resource_spans) == 2


def test_spans_of_one_resource_and_scope_come_together(bench: Bench, span: type[S]) -> None:
    bench.put(1, span(1), span(2, service="other"), span(3))
    with bench.store.reading() as blocks:
        message = find_message(blocks, ID)
    assert message is not None
    assert [len(group.scope_spans[0].spans) for group in message.resource_spans] == [2, 1]


def test_a_trace_that_is_not_there_is_nothing(bench: Bench, span: type[S]) -> None:
    bench.put(2, span(1))
    with bench.store.reading() as blocks:
        assert find_message(blocks, ID) is None
        assert find_trace(blocks, ID).spans == ()
