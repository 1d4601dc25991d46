from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from obsdeck.tracestore.api.counters import BLOCKS, SPANS_DISCARDED, Counters


def test_counters_grow_and_gauges_are_as_given() -> None:
    counters = Counters()
    counters.add(SPANS_DISCARDED, 2, reason='a "b"\\')
    counters.add(SPANS_DISCARDED, reason='a "b"\\')
    lines = counters.exposition({BLOCKS: 3}).splitlines()
    assert f'{SPANS_DISCARDED}{{reason="a \\"b\\"\\\\"}} 3' in lines
    assert f"{BLOCKS} 3" in lines
    assert f"# TYPE {SPANS_DISCARDED} counter" in lines
    assert f"# TYPE {BLOCKS} gauge" in lines


def test_prometheus_can_read_it() -> None:
    counters = Counters()
    counters.add(SPANS_DISCARDED, 4, reason="new\nline")
    families = {
        family.name: family for family in text_string_to_metric_families(counters.exposition({BLOCKS: 1}))
    }
    [sample] = families["tempo_discarded_spans"].samples
    assert (sample.labels, sample.value) == ({"reason": "new\nline"}, 4)
