from __future__ import annotations

import pytest

from obsdeck.diagnose.printable import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Größe 大小 é", "Größe 大小 é"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202eevil\u2066", r"\u202eevil\u2066"),
        ("\u2028", r"\u2028"),
        ("\ud800", r"\ud800"),
        ("", ""),
    ],
)
def test_what_would_be_obeyed_is_written_as_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(text).isprintable()
