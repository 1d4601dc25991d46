from __future__ import annotations

import pytest

from obsdeck.telemetry import exception


class AppError(Exception):
    pass


def deep(frames: int) -> None:
    if frames == 0:
        raise ValueError("at the bottom")
    # Not a plain recursion, whose repeated lines Python folds.
    [lambda: deep(frames - 1), lambda: deep(frames - 1)][frames % 2]()


def raised(frames: int) -> ValueError:
    try:
        deep(frames)
    except ValueError as error:
        return error
    raise AssertionError


def test_a_short_stack_is_whole() -> None:
    text = exception.stack(raised(1), 4096)
    assert text.startswith("Traceback")
    assert text.endswith("ValueError: at the bottom\n")


def test_a_long_stack_keeps_its_end_where_the_trouble_is() -> None:
    text = exception.stack(raised(60), 500)
    assert len(text) <= 500
    assert text.startswith("(")
    assert text.splitlines()[0].endswith("lines left out)")
    assert text.endswith("ValueError: at the bottom\n")


def test_a_class_of_a_module_has_its_full_name() -> None:
    assert exception.type_name(ValueError()) == "ValueError"
    assert exception.type_name(AppError()) == f"{__name__}.AppError"


def test_half_a_surrogate_pair_is_an_escape_in_message_and_stack() -> None:
    said = exception.attributes(ValueError("half \ud800"), 4096)
    assert said == {
        "exception.type": "ValueError",
        "exception.message": "half \\ud800",
        "exception.stacktrace": "ValueError: half \\ud800\n",
    }


def test_what_python_fails_to_print_has_its_frames_at_least() -> None:
    with pytest.raises(SyntaxError) as raised:
        exec("raise SyntaxError('wrong', ('file', 1, 'no number', 'line'))")
    assert 'File "<string>", line 1, in <module>' in exception.stack(raised.value, 4096)


def test_a_message_longer_than_everything_does_not_break_it() -> None:
    assert exception.stack(ValueError("x" * 10_000), 500) == "(1 lines left out)\n"
