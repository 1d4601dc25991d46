from __future__ import annotations

from obsdeck.telemetry import stack


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
    text = stack.text(raised(1), 4096)
    assert text.startswith("Traceback")
    assert text.endswith("ValueError: at the bottom\n")


def test_a_long_stack_keeps_its_end_where_the_trouble_is() -> None:
    text = stack.text(raised(60), 500)
    assert len(text) <= 500
    assert text.startswith("(")
    assert text.splitlines()[0].endswith("lines left out)")
    assert text.endswith("ValueError: at the bottom\n")


def test_a_message_longer_than_everything_does_not_break_it() -> None:
    assert stack.text(ValueError("x" * 10_000), 500) == "(1 lines left out)\n"
