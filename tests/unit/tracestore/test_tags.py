from __future__ import annotations

import pytest

from obsdeck.tracestore import tags
from obsdeck.tracestore.traceql.parser import parse_field


@pytest.mark.parametrize("query", ["{ name = `a` }", "{ .a || .b }", "{ }"])
def test_a_plain_filter_has_a_condition(query: str) -> None:
    assert tags.filter_of(query) is not None


@pytest.mark.parametrize(
    "query", ["", "{", "{ name = }", "{ .a } && { .b }", "{ .a } | count() > 1", "{ event.a = 1 }"]
)
def test_anything_else_is_passed_over(query: str) -> None:
    assert tags.filter_of(query) is None


def test_every_intrinsic_that_is_offered_can_be_queried() -> None:
    assert sorted(tags.INTRINSICS) == tags.INTRINSICS
    for name in tags.INTRINSICS:
        assert parse_field(name)
