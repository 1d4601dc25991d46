"""The queries of docs/reference/traceql.md: each is answered, finds something, or is refused as it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from obsdeck.tracestore.api import ingest
from obsdeck.tracestore.otlp import MAX_SPANS
from obsdeck.tracestore.traceql.errors import UnsupportedError
from obsdeck.tracestore.traceql.parser import parse

if TYPE_CHECKING:
    from conftest import Bench, S

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "traceql.md").read_text()
ANSWERED = [
    line for block in re.findall(r"```traceql\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()
]
REFUSED = [
    (query.replace("\\|", "|"), construct.replace("\\|", "|"))
    for query, construct in re.findall(r"^\| `(\{.*?)` \| `(.+?)` \|$", PAGE, re.MULTILINE)
]


@pytest.fixture
def filled(bench: Bench, span: type[S]) -> Bench:
    shop = {
        "user.id": "user-1",
        "cache.hit": True,
        "retried": False,
        "attribute with spaces": "yes",
        "order.items": 3,
        "order.free_items": 1,
        "http.request.method": "POST",
        "http.response.status_code": 500,
    }
    bench.put(
        1,
        span(1, name="GET /orders", duration=2000, kind=2, status=2, attributes=shop),
        span(2, parent=1, name="SELECT", duration=20, kind=3, status=2, attributes=shop),
        span(3, parent=1, name="render", duration=5),
    )
    return bench


def test_the_page_has_queries() -> None:
    assert len(ANSWERED) > 30
    assert len(REFUSED) > 15


@pytest.mark.parametrize("query", ANSWERED)
def test_a_query_of_the_page_finds_something(filled: Bench, query: str) -> None:
    assert filled.search(query)


@pytest.mark.parametrize(("query", "construct"), REFUSED)
def test_a_query_that_the_page_calls_refused_is(query: str, construct: str) -> None:
    with pytest.raises(UnsupportedError) as raised:
        parse(query)
    assert raised.value.construct == construct


def test_the_limits_of_the_page_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    assert f"{ingest.MAX_BODY // 2**20} MiB as sent" in text
    assert f"{ingest.MAX_PROTOBUF // 2**20} MiB of protobuf or {ingest.MAX_JSON // 2**20} MiB of JSON" in text
    assert f"{MAX_SPANS:,} spans in one request" in text
    assert f"takes longer than {ingest.BODY_SECONDS:.0f} s" in text
