from __future__ import annotations

import html.parser
import io
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from obsdeck import cli
from obsdeck.cli.trace import _question, _seconds, document, page, plots, terminal, words
from obsdeck.cli.trace.signs import UNICODE
from obsdeck.diagnose.trace.logs import LogLine
from obsdeck.diagnose.trace.metrics import Course, RouteMetrics
from obsdeck.errors import UsageError
from tests.unit.diagnose.trace.conftest import BEGIN, ID, MS, a_report, make

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from obsdeck.diagnose.trace.report import Report

EVIL = "a\x1b[31mb\x07c\u202ed\ne<script>alert(1)</script>&\"'"
SEEN = r"a\x1b[31mb\x07c\u202ed\ne<script>alert(1)</script>&" + "\"'"

COURSE = Course(((1.0, 2.0), (61.0, 4.0)), 2.0, 4.0)
ROUTE = RouteMetrics("shop", "/a", COURSE, Course((), 0.0, 0.5), Course((), None, None))


def line(number: int, at: int, text: str, severity: str = "INFO") -> LogLine:
    return LogLine(BEGIN + at * MS, f"{number:016x}" if number else "", "shop", severity, text)


def printed(report: Report, width: int = 100, **more: Any) -> list[str]:
    """The lines on a console that is no terminal."""
    console = Console(file=io.StringIO(), width=width, highlight=False, soft_wrap=True, **more)
    terminal.show(report, console)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]


def row(report: Report, name: str, **more: Any) -> str:
    return next(one for one in printed(report, **more) if name in one and ("█" in one or "░" in one))


SHOP = a_report(
    [
        make(1, end=100, name="GET /a", kind="server"),
        make(2, 1, 50, 100, name="SELECT", service="db"),
        make(3, 1, 0, 20, name="prepare", error=True, message="no stock\nat all"),
    ],
    how="the slowest of shop",
    logs=(line(1, 3, "hello"), line(0, 4, "by the way"), line(77, 5, "lost")),
    metrics=(ROUTE,),
    links={"trace": "http://127.0.0.1:3200/x?a=1&b=2"},
    notes=("one thing",),
)


# --- the command line --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("1h", 3600), ("1.5h", 5400), ("2d", 172800), ("1w", 604800)],
)
def test_a_lookback(text: str, seconds: float) -> None:
    assert _seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "h", "0s", "-1h", "1y", "1h30m", "1e3s", "99999999s"])
def test_what_is_no_lookback_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no duration"):
        _seconds(text)


def test_exactly_one_way_is_named() -> None:
    none: dict[Any, str | None] = dict.fromkeys(("id", "slowest", "errors", "metric", "alert"))
    with pytest.raises(UsageError, match="name a trace"):
        _question(none, 60)
    with pytest.raises(UsageError, match="name no trace twice"):
        _question({**none, "id": ID, "alert": "x"}, 60)
    asked = _question({**none, "alert": "x"}, 60)
    assert (asked.way, asked.value, asked.until - asked.since) == ("alert", "x", 60)


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        ([], 2),
        ([ID, "--slowest", "shop"], 2),
        ([ID, "--since", "soon"], 2),
        ([ID], 3),
        (["--slowest", "shop"], 3),
    ],
)
@pytest.mark.usefixtures("home")
def test_exit_codes_without_a_stack(argv: list[str], code: int) -> None:
    assert cli.run(["trace", *argv]) == code


@pytest.mark.usefixtures("home")
def test_without_a_stack_the_next_step_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    cli.run(["trace", ID])
    assert capsys.readouterr().err.splitlines()[-1] == "hint: obsdeck up"
    cli.run(["trace", ID, "--json"])
    assert json.loads(capsys.readouterr().out)["error"]["message"] == "nothing is up"


@pytest.mark.usefixtures("home")
def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("obsdeck.diagnose.trace.report.report", interrupted)
    assert cli.run(["trace", ID]) == 130


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBSDECK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def found(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is asked for, the answer is `SHOP`."""
    request.getfixturevalue("home")
    monkeypatch.setattr("obsdeck.diagnose.trace.report.report", lambda *_: SHOP)


@pytest.mark.usefixtures("found")
def test_a_page_is_written_beside_what_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "trace.html"
    target.write_text("what was there")
    assert cli.run(["trace", ID, "--html", str(target)]) == 0
    out, err = capsys.readouterr()
    assert ID in out
    assert err == f"written: {target}\n"
    assert target.read_text(encoding="utf-8") == page.page(SHOP)


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize("target", ["missing/trace.html", "."])
def test_a_page_that_cannot_be_written(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["trace", ID, "--html", target]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: cannot write {target}\n")


# --- words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nanoseconds", "shown"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1500, "1.50 µs"),
        (999_999, "1.00 ms"),
        (12_345_678, "12.3 ms"),
        (702 * MS, "702 ms"),
        (1_500 * MS, "1.50 s"),
        (59_900 * MS, "59.9 s"),
        (59_999 * MS, "1 min 0 s"),
        (125_000 * MS, "2 min 5 s"),
        (3_660_000 * MS, "1 h 1 min"),
    ],
)
def test_durations(nanoseconds: int, shown: str) -> None:
    assert words.duration(nanoseconds) == shown


@pytest.fixture
def chatham(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Pacific/Chatham")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("chatham")
def test_times_are_local() -> None:
    assert words.moment(BEGIN + 7 * MS) == "2023-11-15 11:58:20.007 +1345"
    assert words.clock(BEGIN + 999 * MS) == "11:58:20.999"


def test_quantities_are_compared_with_an_hour_before() -> None:
    assert words.rate(COURSE) == "4.00/s (2.00/s, +100 %)"
    assert words.errors(Course((), 0.0, 0.125)) == "12.5 % (0 %)"
    assert words.seconds(Course((), 0.31, 0.155)) == "155 ms (310 ms, -50 %)"
    assert words.seconds(Course((), None, 0.155)) == "155 ms (unknown)"
    assert words.rate(Course((), 0.0, None)) == "unknown (0/s)"


# --- the terminal ------------------------------------------------------------------------------------


def test_the_header() -> None:
    head = printed(SHOP)[:7]
    assert [one.split(maxsplit=1) for one in head] == [
        ["trace", ID],
        ["root", "shop: GET /a"],
        ["start", words.moment(BEGIN)],
        ["duration", "100 ms"],
        ["services", "shop, db"],
        ["spans", "3, 1 with an error"],
        ["found", "as  the slowest of shop"],
    ]


def test_bars_lie_where_their_time_is_and_the_critical_path_is_filled() -> None:
    bars = {name: row(SHOP, name, width=105)[43:93] for name in ("GET /a", "SELECT", "prepare")}
    assert bars["SELECT"] == " " * 25 + "█" * 25
    assert bars["GET /a"] == "░" * 10 + "█" * 15 + "░" * 25
    assert bars["prepare"] == "█" * 10 + " " * 40


def test_the_tree_names_a_service_where_it_changes() -> None:
    lines = printed(SHOP)
    assert any(one.startswith("shop: GET /a ") for one in lines)
    assert any(one.startswith("├ prepare ") and one.endswith("20.0 ms ✗") for one in lines)
    assert any(one.startswith("└ db: SELECT ") and one.endswith("50.0 ms") for one in lines)


def test_log_lines_and_errors_stand_under_their_spans() -> None:
    lines = printed(SHOP)
    root = next(at for at, one in enumerate(lines) if one.startswith("shop: GET /a"))
    assert lines[root + 1] == f"│   {words.clock(BEGIN + 3 * MS)} INFO hello"
    failed = next(at for at, one in enumerate(lines) if "prepare" in one)
    assert lines[failed + 1] == "│     no stock (+1 line)"


def test_log_lines_without_a_span_stand_below() -> None:
    lines = printed(SHOP)
    below = lines.index("log lines outside of these spans")
    assert [one.split()[-1] for one in lines[below + 1 : below + 3]] == ["way", "lost"]


def test_of_many_log_lines_the_worst_stay() -> None:
    logs = tuple(line(1, at, f"line {at}", "ERROR" if at == 50 else "INFO") for at in range(60))
    lines = printed(replace(SHOP, logs=logs))
    assert any("ERROR line 50" in one for one in lines)
    assert any(one.endswith("50 more log lines") for one in lines)


def test_folded_spans_are_one_row_and_their_lines_are_counted() -> None:
    spans = [make(1), *(make(10 + one, 1, one, one + 1, name="SELECT") for one in range(9))]
    lines = printed(a_report(spans, logs=(line(15, 1, "unseen"),)))
    folded = next(one for one in lines if "more" in one)
    assert folded.startswith(f"└ {UNICODE.times} 7 more SELECT")
    assert "█" in folded
    assert "1 more log line of spans that are folded" in lines


def test_the_critical_path_is_summed_by_name() -> None:
    lines = printed(SHOP)
    start = lines.index("critical path (█ above): 100 ms of shop: GET /a")
    assert [one.split() for one in lines[start + 1 : start + 4]] == [
        ["50", "%", "50.0", "ms", "db:", "SELECT"],
        ["30", "%", "30.0", "ms", "shop:", "GET", "/a"],
        ["20", "%", "20.0", "ms", "shop:", "prepare"],
    ]


def test_metrics_links_and_notes() -> None:
    lines = printed(SHOP)
    at = lines.index("  shop /a")
    assert lines[at + 1 : at + 4] == [
        "    requests 4.00/s (2.00/s, +100 %)",
        "    errors   50.0 % (0 %)",
        "    p95      unknown (unknown)",
    ]
    assert "  trace    http://127.0.0.1:3200/x?a=1&b=2" in lines
    assert lines[-1] == "note: one thing"


def evil_report() -> Report:
    span = make(
        1, name=EVIL, service=EVIL, error=True, message=EVIL, attributes={EVIL: EVIL, "http.route": EVIL}
    )
    log = LogLine(BEGIN, span.id, EVIL, EVIL, EVIL)
    metrics = (replace(ROUTE, service=EVIL, route=EVIL),)
    more = LogLine(BEGIN, "", EVIL, EVIL, EVIL)
    return a_report([span], how=EVIL, logs=(log, more), metrics=metrics, notes=(EVIL,))


@pytest.mark.parametrize("width", [20, 60, 200])
def test_telemetry_cannot_speak_to_the_terminal(width: int) -> None:
    text = "\n".join(printed(evil_report(), width=width))
    assert set(text) & set("\x1b\x07\u202e") == set()


@pytest.mark.parametrize("width", [24, 40, 61, 80, 133])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    spans = [make(1), *(make(one, one - 1, one, 90, name="大小" * 20 + str(one)) for one in range(2, 40))]
    report = a_report(spans, logs=(line(5, 3, "x" * 300),))
    lines = printed(report, width=width, force_terminal=True, color_system=None)
    waterfall = lines[7 : next(at for at, one in enumerate(lines) if one.startswith("critical path"))]
    assert len(waterfall) > 38
    assert max(cell_len(one) for one in waterfall) <= width


def test_away_from_a_terminal_log_lines_are_whole() -> None:
    report = replace(SHOP, logs=(line(1, 3, "x" * 300),))
    assert any("x" * 300 in one for one in printed(report, width=80))


def test_a_narrow_terminal_has_no_bars() -> None:
    assert not any("█" in one for one in printed(SHOP, width=30) if not one.startswith("critical"))


def test_an_ascii_terminal_gets_ascii() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    spans = [make(1, name="Größe"), make(2, 1, 0, 0, name="µ")]
    report = a_report([replace(spans[0], end=spans[0].start + 1500), spans[1]])
    terminal.show(report, Console(file=out, width=100, highlight=False, soft_wrap=True))
    out.flush()
    text = raw.getvalue().decode()
    assert "1.50 us" in text
    assert "Gr??e" in text
    assert "###" in text


def test_colours_only_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert any("\x1b[" in one for one in printed(SHOP, force_terminal=True, color_system="standard"))
    monkeypatch.setenv("NO_COLOR", "1")
    text = "\n".join(printed(SHOP, force_terminal=True, color_system="standard"))
    assert "\x1b[3" not in text


def test_a_trace_that_took_no_time_can_be_drawn() -> None:
    report = a_report([make(1, end=0, name="root"), make(2, 1, 0, 0, name="child")])
    assert "0 ns" in row(report, "root")
    assert page.page(report)


# --- JSON --------------------------------------------------------------------------------------------


def test_the_document_has_everything() -> None:
    content = json.loads(document.document(SHOP))
    assert (content["schema_version"], content["ok"], content["trace_id"]) == (1, True, ID)
    assert [span["name"] for span in content["spans"]] == ["GET /a", "prepare", "SELECT"]
    assert [round(span["critical_seconds"], 3) for span in content["spans"]] == [0.03, 0.02, 0.05]
    assert [one["span"] for one in content["critical_path"]] == [f"{one:016x}" for one in (3, 1, 2)]
    assert content["logs"][0]["text"] == "hello"
    assert content["metrics"][0]["rate"] == {"now": 4.0, "before": 2.0}
    assert content["root"] == f"{1:016x}"
    assert content["notes"] == ["one thing"]


def test_spans_of_the_document_come_in_the_order_of_the_tree() -> None:
    report = a_report([make(1), make(2, 1, 0, 50), make(3, 1, 10, 20), make(4, 2, 30, 40)])
    content = json.loads(document.document(report))
    assert [int(span["id"], 16) for span in content["spans"]] == [1, 2, 4, 3]


# --- the page ----------------------------------------------------------------------------------------


class Elements(html.parser.HTMLParser):
    """The elements of a page, and whether all are closed in their order."""

    VOID = ("meta", "rect", "polyline")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("report", [SHOP, evil_report()], ids=["shop", "evil"])
def test_a_page_is_well_formed_and_needs_nothing_else(report: Report) -> None:
    found = Elements(page.page(report))
    assert found.open == []
    names = {name for name, _ in found.seen}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    for name, attributes in found.seen:
        assert not any(key.startswith("on") or key == "src" for key in attributes)
        assert "href" not in attributes or name == "a"
    policy = next(attributes["content"] for _, attributes in found.seen if "http-equiv" in attributes)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_a_page_says_what_telemetry_said_and_obeys_none_of_it() -> None:
    text = page.page(evil_report())
    assert SEEN in Elements(text).text
    assert set(text) & set("\x1b\x07\u202e") == set()


def test_a_page_has_everything() -> None:
    text = Elements(page.page(SHOP)).text
    for said in (ID, "GET /a", "db: SELECT", "hello", "by the way", "4.00/s (2.00/s, +100 %)", "one thing"):
        assert said in text
    [link] = [attributes["href"] for name, attributes in Elements(page.page(SHOP)).seen if name == "a"]
    assert link == SHOP.links["trace"]


def test_bars_of_a_page_lie_within_it() -> None:
    drawn = [one for name, one in Elements(page.page(SHOP)).seen if name == "rect"]
    assert len(drawn) == 3 + 3, "a bar each, and a segment each"
    for one in drawn:
        assert float(one["x"] or 0) >= 0
        assert float(one["x"] or 0) + float(one["width"] or 0) <= 10_000.1


def test_a_plot_has_a_line_for_each_course_and_a_mark() -> None:
    drawn = Elements(plots.plot([plots.Line("a & b", COURSE), plots.Line("c", COURSE)], 61.0, words.number))
    kinds = [one.get("class") for name, one in drawn.seen if name == "polyline"]
    assert kinds == ["axis", "mark", "line c0", "line c1"]
    assert "a & b" in drawn.text


def test_a_gap_in_a_course_is_a_gap_in_its_line() -> None:
    course = Course(((0.0, 1.0), (60.0, 1.0), (600.0, 2.0)), None, None)
    assert plots.plot([plots.Line("a", course)], 600.0, words.number).count('class="line c0"') == 2


def test_courses_without_points_have_no_plot() -> None:
    assert plots.plot([plots.Line("a", Course((), None, None))], 1.0, words.number) == ""


# --- size --------------------------------------------------------------------------------------------


def test_thousands_of_spans_fit_on_a_screen_and_in_a_page() -> None:
    spans = [make(1, end=5000)]
    spans += [make(one, 1, one, one + 1, name=f"name {one}") for one in range(2, 3000)]
    report = a_report(spans)
    assert len(printed(report)) < 250
    assert "more spans" in Elements(page.page(report)).text


def test_help_does_not_load_what_only_a_trace_needs() -> None:
    code = "import sys; from obsdeck import cli; cli.run(['--help']); print('rich' in sys.modules)"
    environ = {**os.environ, "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ
    )
    assert done.stdout.splitlines()[-1] == "False"
