from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from obsdeck.diagnose.trace.report import Report, report
from obsdeck.errors import MissingError
from obsdeck.stack import record
from obsdeck.stack.home import Home
from obsdeck.stack.record import Record, RecordedComponent
from tests.unit.diagnose.trace.conftest import BEGIN, ID, MS, make, question

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.diagnose.trace.conftest import Backends

LOKI, PROMETHEUS = "/loki/api/v1/query_range", "/api/v1/query_range"


@pytest.fixture
def home(tmp_path: Path, backends: Backends) -> Home:
    home = Home(tmp_path / "home", tmp_path / "cache")
    home.run.mkdir(parents=True)
    record.write(home, Record("native", 0.0, backends.settings.public(), ()))
    backends.answers[LOKI] = lambda _: {"data": {"result": []}}
    backends.answers[PROMETHEUS] = lambda _: {"data": {"result": []}}
    return home


def ask(backends: Backends, home: Home, seconds_later: float = 60) -> Report:
    asked = replace(question("id", ID), until=BEGIN / 1e9 + seconds_later)
    return report(asked, backends.settings, home)


def test_everything_about_a_trace(backends: Backends, home: Home) -> None:
    backends.has_trace(make(1, kind="server", attributes={"http.route": "/a"}), make(2, 1, 10, 60))
    stream = {"stream": {"service_name": "shop"}, "values": [["5", "hello"]]}
    backends.answers[LOKI] = lambda _: {"data": {"result": [stream]}}
    found = ask(backends, home)
    assert [span.name for span in found.trace.spans] == ["span 1", "span 2"]
    assert len(found.path) == 3
    assert found.logs[0].text == "hello"
    assert found.metrics[0].route == "/a"
    assert list(found.links) == ["trace"]
    assert found.notes == ()


def test_without_a_stack_there_is_nobody_to_ask(backends: Backends, tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="nothing is up") as caught:
        ask(backends, Home(tmp_path / "other", tmp_path))
    assert (caught.value.exit_code, caught.value.hint) == (3, "obsdeck up")


def test_the_running_stack_is_asked_whatever_the_settings_are_here(backends: Backends, home: Home) -> None:
    backends.has_trace(make(1))
    elsewhere = replace(backends.settings, values={**backends.settings.values, "OBSDECK_TEMPO_PORT": "1"})
    assert report(question("id", ID), elsewhere, home).trace.id == ID


@pytest.mark.parametrize(("path", "title"), [(LOKI, "Loki"), (PROMETHEUS, "Prometheus")])
def test_a_backend_that_is_away_is_a_note(backends: Backends, home: Home, path: str, title: str) -> None:
    backends.has_trace(make(1, kind="server", attributes={"http.route": "/a"}))
    del backends.answers[path]
    [note] = ask(backends, home).notes
    assert note.startswith(f"{title} could not be asked: ")


@pytest.mark.parametrize(("later", "why"), [(5, "still on the way"), (600, "lost on the way")])
def test_a_missing_parent_is_a_note(backends: Backends, home: Home, later: float, why: str) -> None:
    backends.has_trace(make(1), make(2, 77))
    [note] = ask(backends, home, later).notes
    assert note.startswith(f"1 span has a parent that is not there: {why}")
    backends.has_trace(make(1), make(2, 77), make(3, 78))
    assert ask(backends, home, later).notes[0].startswith("2 spans have parents that are not there")


def test_a_clock_that_was_off_is_put_right_and_noted(backends: Backends, home: Home) -> None:
    child = make(2, 1, -500, -440, kind="server", service="stock")
    backends.has_trace(make(1, kind="client"), child)
    found = ask(backends, home)
    assert found.trace.spans[1].start == BEGIN + 20 * MS
    assert found.trace.duration == 100 * MS
    assert found.notes == (
        "the clock of stock is 0.520 s behind; its spans are shown where they must have been",
    )


def test_microseconds_of_difference_are_not_worth_a_note(backends: Backends, home: Home) -> None:
    early = replace(make(2, 1, service="stock"), start=BEGIN - 5000)
    backends.has_trace(make(1), early)
    assert ask(backends, home).notes == ()


def test_more_lines_than_were_read_are_a_note(backends: Backends, home: Home) -> None:
    backends.has_trace(make(1))
    stream = {"stream": {}, "values": [[str(one), "x"] for one in range(1000)]}
    backends.answers[LOKI] = lambda _: {"data": {"result": [stream]}}
    assert ask(backends, home).notes == ("of its log lines only the last 1000 were read",)


def test_where_grafana_is_up_the_links_lead_there(backends: Backends, home: Home) -> None:
    backends.has_trace(make(1))
    backends.answers["/api/health"] = lambda _: {"database": "ok"}
    assert list(ask(backends, home).links) == ["trace"], "what answers was not started by this stack"
    grafana = RecordedComponent("grafana", "given", "13")
    record.write(home, Record("native", 0.0, backends.settings.public(), (grafana,)))
    assert list(ask(backends, home).links) == ["trace", "logs"]
    del backends.answers["/api/health"]
    assert list(ask(backends, home).links) == ["trace"]
