from __future__ import annotations

import pytest
from starlette.datastructures import QueryParams

from obsdeck.tracestore.api.parameters import ParameterError, whole_number, window
from obsdeck.tracestore.search import Window


def test_no_range_is_all_time() -> None:
    assert window(QueryParams("")) == Window() == window(QueryParams("start=0&end=0"))


def test_a_range_is_in_seconds() -> None:
    assert window(QueryParams("start=1&end=2")) == Window(10**9, 2 * 10**9)
    assert window(QueryParams("end=2")) == Window(0, 2 * 10**9)


@pytest.mark.parametrize(
    "text", ["start=2&end=1", "start=1&end=1", "start=1", "start=x", "end=-1", "start=1&end=2.5"]
)
def test_a_range_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ParameterError):
        window(QueryParams(text))


def test_a_number_has_a_default_and_bounds() -> None:
    assert whole_number(QueryParams(""), "limit", 20) == 20
    assert whole_number(QueryParams("limit=4294967295"), "limit", 20) == 4294967295
    for text in ("4294967296", "-1", "1e3", "²", " 1"):
        with pytest.raises(ParameterError, match="limit"):
            whole_number(QueryParams({"limit": text}), "limit", 20)
