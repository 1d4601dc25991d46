from __future__ import annotations

import pytest

from obsdeck.tracestore.traceql.cursor import Cursor
from obsdeck.tracestore.traceql.errors import TraceQLError, UnsupportedError


def test_tokens_are_read_one_by_one_and_the_end_stays() -> None:
    cursor = Cursor("{ }")
    assert cursor.at("{", "(")
    assert cursor.following().text == "}"
    cursor.expect("{")
    with pytest.raises(TraceQLError, match=r"expected `\(`, found `}`"):
        cursor.expect("(")
    assert [cursor.take().kind for _ in range(3)] == ["operator", "end", "end"]
    assert cursor.following().kind == "end"


def test_a_text_is_no_operator_whatever_it_says() -> None:
    assert not Cursor('"{"').at("{")


@pytest.mark.parametrize("query", ["+ 1", "with (a=1)"])
def test_an_unexpected_word_of_tempos_is_called_unsupported(query: str) -> None:
    assert isinstance(Cursor(query).unexpected("the end"), UnsupportedError)


def test_it_goes_only_so_deep() -> None:
    cursor = Cursor("{ }")
    for _ in range(1000):
        cursor.deeper()
        cursor.higher()
    for _ in range(50):
        cursor.deeper()
    with pytest.raises(TraceQLError, match="nested deeper"):
        cursor.deeper()
