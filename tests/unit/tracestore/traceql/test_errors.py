from __future__ import annotations

from obsdeck.errors import UsageError
from obsdeck.tracestore.traceql.errors import TraceQLError, UnsupportedError


def test_an_error_says_what_and_where() -> None:
    error = TraceQLError("wrong", "{\n  name", 4)
    assert isinstance(error, UsageError)
    assert error.where == "line 2, col 3"
    assert error.text == "invalid TraceQL query: line 2, col 3: wrong"


def test_what_is_not_supported_is_named_and_a_way_out_is_shown() -> None:
    error = UnsupportedError("rate()", "{ } | rate()", 6)
    assert error.construct == "rate()"
    assert error.text.endswith("`rate()` is not supported by this trace store; a real Tempo offers it")
