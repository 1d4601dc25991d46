from __future__ import annotations

import io
from contextlib import suppress

import pytest
from rich.console import Console

from obsdeck.cli import steps
from obsdeck.cli.progress import Progress
from obsdeck.stack.events import Note, Ready, Starting
from obsdeck.stack.install.events import Got, Step


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(steps.time, "monotonic", lambda: now[0])
    return now


def test_away_from_a_terminal_a_component_speaks_at_most_every_ten_seconds(clock: list[float]) -> None:
    written = io.StringIO()
    with Progress(Console(file=written, width=200)) as progress:
        for done in range(0, 101, 5):
            progress(Step("loki", "compiling", done, 100, "packages"))
            clock[0] += 1
        progress(Got("loki", "module", "3.7.8", 21.0))
    assert written.getvalue().splitlines() == [
        "loki: compiling 0 of 100 packages, 0 s so far",
        "loki: compiling 50 of 100 packages, 10 s so far, about 10 s left",
        "loki: compiling 100 of 100 packages, 20 s so far, about 0 s left",
        "loki 3.7.8 built from Go modules in 21 s",
    ]


def test_a_step_without_a_count_says_only_how_long_it_takes(clock: list[float]) -> None:
    written = io.StringIO()
    progress = Progress(Console(file=written, width=200))
    progress(Step("go", "downloading"))
    clock[0] += 12
    progress(Step("go", "downloading"))
    assert written.getvalue().splitlines() == [
        "go: downloading, 0 s so far",
        "go: downloading, 12 s so far",
    ]


def test_on_a_terminal_each_component_has_a_bar() -> None:
    written = io.StringIO()
    with Progress(Console(file=written, width=120, force_terminal=True, color_system=None)) as progress:
        progress(Step("loki", "downloading", 3, 280, "modules"))
        progress(Step("prometheus", "compiling", 10, 1275, "packages"))
        progress(Step("loki", "compiling", 1, 2156, "packages"))
        progress(Note("github.com cannot be reached"))
        progress(Got("prometheus", "module", "3.15.0", 94.2))
    shown = written.getvalue()
    for words in ("3/280 modules", "10/1275 packages", "1/2156 packages", "github.com cannot be reached"):
        assert words in shown
    assert "prometheus 3.15.0 built from Go modules in 94 s" in shown
    assert shown.count("\x1b[?25h") == shown.count("\x1b[?25l") > 0, "the cursor is left hidden"


def test_with_json_nothing_is_said() -> None:
    written = io.StringIO()
    with Progress(Console(file=written), quiet=True) as progress:
        progress(Note("a word"))
        progress(Step("loki", "compiling", 1, 2, "packages"))
        progress(Got("loki", "module", "3.7.8", 1.0))
    assert written.getvalue() == ""


def test_who_interrupts_is_told_that_nothing_is_lost() -> None:
    written = io.StringIO()
    with suppress(KeyboardInterrupt), Progress(Console(file=written, width=200)) as progress:
        progress(Step("loki", "compiling", 1, 2, "packages"))
        raise KeyboardInterrupt
    assert "the next run goes on from there" in written.getvalue()


def test_away_from_a_terminal_readiness_is_told_line_by_line() -> None:
    written = io.StringIO()
    with Progress(Console(file=written, width=200)) as progress:
        progress(Starting(("loki", "tempo")))
        progress(Ready("tempo", 0.4))
        progress(Ready("loki", 0.6))
    assert written.getvalue().splitlines() == [
        "starting loki, tempo",
        "tempo ready after 0.40 s",
        "loki ready after 0.60 s",
    ]


def test_on_a_terminal_the_bars_give_way_to_the_start() -> None:
    written = io.StringIO()
    with Progress(Console(file=written, width=120, force_terminal=True, color_system=None)) as progress:
        progress(Step("loki", "compiling", 1, 2, "packages"))
        progress(Starting(("loki",)))
        progress(Ready("loki", 0.6))
    assert "loki ready after 0.60 s" in written.getvalue()
    assert written.getvalue().count("\x1b[?25h") == written.getvalue().count("\x1b[?25l") > 0
