from __future__ import annotations

from typing import Any

import pytest

from obsdeck.telemetry import plain


class Textless:
    def __str__(self) -> str:
        raise ValueError("no text")


class Wrong:
    def __str__(self) -> str:
        return 7  # type: ignore[return-value]  # noqa: PLE0307


@pytest.mark.parametrize("given", [True, 7, 1.5, "text", "größer"])
def test_text_and_numbers_stay_as_they_are(given: Any) -> None:
    assert plain.value(given) is given or plain.value(given) == given
    assert type(plain.value(given)) is type(given)


def test_anything_else_becomes_its_text() -> None:
    assert plain.value([1, "a"]) == "[1, 'a']"
    assert plain.text(ValueError("half \ud800")) == "half \\ud800"


@pytest.mark.parametrize("given", [Textless(), Wrong()])
def test_what_has_no_text_is_named_by_its_class(given: object) -> None:
    assert plain.value(given) == f"<{type(given).__name__} whose text cannot be had>"
