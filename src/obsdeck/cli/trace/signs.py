"""The characters that a waterfall is drawn with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Signs:
    """One set of characters, each one column wide.

    Attributes:
        critical: A piece of bar on the critical path.
        bar: Any other piece of bar.
        folded: A piece of the bar of what is folded.
        down: A branch that goes on below.
        fork: A branch with more below.
        end: The last branch.
        failed: Behind a span that ended in an error.
        cut: Where text was cut off.
        times: Before the number of what is folded.
    """

    critical: str
    bar: str
    folded: str
    down: str
    fork: str
    end: str
    failed: str
    cut: str
    times: str


UNICODE = Signs("█", "░", "·", "│ ", "├ ", "└ ", "✗", "…", "×")  # noqa: RUF001 - that sign is meant
ASCII = Signs("#", "-", ".", "| ", "|-", "`-", "!", "~", "x")
