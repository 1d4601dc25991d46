"""`obsdeck check`: what it prints, and its exit codes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck import cli
from obsdeck.packs import where

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]

SIGNALS = """\
groups:
  - id: metric.till.sales
    type: metric
    metric_name: till.sales
    brief: Sales.
    instrument: counter
    unit: "{sale}"
"""
DASHBOARD = """\
uid: till
title: Till
description: Sales.
rows:
  - title: Sales
    panels:
      - {title: Sales, description: Per second., signal: till.sales}
"""
RECORDING = """\
recordings:
  - record: till:sales:rate5m
    description: Sales per second.
    expr: sum(rate(till_sales_total[5m]))
"""
OWN = {
    "title": "Mine",
    "panels": [{"type": "table", "title": "Sales", "targets": [{"expr": "till_sale_total"}]}],
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a sound pack, whose files are generated, as the working directory."""
    pack = tmp_path / "observability" / "packs" / "till"
    (pack / "dashboards").mkdir(parents=True)
    (pack / "pack.yaml").write_text("title: Till\ndescription: Sales.\nowner: the shop\n")
    (pack / "signals.yaml").write_text(SIGNALS)
    (pack / "dashboards" / "till.yaml").write_text(DASHBOARD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OBSDECK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OBSDECK_PROMETHEUS_BIN", raising=False)
    monkeypatch.setattr(where, "_shipped", lambda: tmp_path / "observability" / "packs")
    assert cli.run(["generate"]) == 0
    return tmp_path


@pytest.fixture
def run(root: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def play(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.run(["check", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    (root / "mine.json").write_text(json.dumps(OWN))
    return play


def unused(root: Path) -> None:
    """A second signal that nothing shows: a warning."""
    path = root / "observability/packs/till/signals.yaml"
    path.write_text(SIGNALS + SIGNALS.partition("\n")[2].replace("sales", "returns"))


def silence(root: Path, check: str, path: str) -> None:
    entry = {"check": check, "path": path, "reason": "So it is."}
    (root / "observability" / "silences.yaml").write_text(json.dumps({"silences": [entry]}))


def document(out: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(out)
    return content


def test_sound_packs_end_with_0(run: Run) -> None:
    code, out, err = run()
    assert (code, out) == (0, "")
    assert err.endswith("no findings\n")


def test_it_says_that_the_tests_of_rules_were_not_run(run: Run) -> None:
    assert "the rules' tests are not run: promtool is not there" in run()[2]


def test_a_warning_ends_with_1(run: Run, root: Path) -> None:
    unused(root)
    cli.run(["generate"])
    code, out, err = run()
    assert code == 1
    assert out.startswith("warning[unused-signal]: nothing shows or judges till.returns\n")
    assert err.endswith("1 warning; obsdeck check --explain unused-signal tells more\n")


def test_a_generated_file_that_was_edited_ends_with_1(run: Run, root: Path) -> None:
    (root / "observability/generated/lineage.json").write_text("{}")
    code, out, _ = run()
    assert code == 1
    assert out.startswith("error[drift]: lineage.json is not what the packs say\n")


def test_an_error_of_a_pack_ends_with_2(run: Run, root: Path) -> None:
    (root / "observability/packs/till/dashboards/till.yaml").write_text(DASHBOARD.replace("till.sales", "x"))
    assert run()[0] == 2


def test_a_promtool_that_cannot_be_started_ends_with_3(
    run: Run, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = root / "observability/packs/till"
    (pack / "alerts.yaml").write_text(RECORDING)
    cli.run(["generate"])
    programs = {"prometheus": "#!/bin/sh\necho prometheus, version 3.0.0\n", "promtool": "this is no program"}
    for name, text in programs.items():
        (root / name).write_text(text)
        (root / name).chmod(0o755)
    monkeypatch.setenv("OBSDECK_PROMETHEUS_BIN", str(root / "prometheus"))
    code, _, err = run()
    assert code == 3
    assert "promtool cannot be started" in err


def test_what_is_silenced_is_counted_and_ends_with_0(run: Run, root: Path) -> None:
    unused(root)
    cli.run(["generate"])
    silence(root, "unused-signal", "observability/packs/till/signals.yaml")
    code, out, err = run()
    assert (code, out) == (0, "")
    assert err.endswith("no findings, 1 silenced\n")
    told = document(run("--json")[1])
    assert told["ok"]
    assert [one["check"] for one in told["silenced"]] == ["unused-signal"]


def test_a_silence_that_is_not_needed_ends_with_1(run: Run, root: Path) -> None:
    silence(root, "unused-signal", "observability/packs/till/signals.yaml")
    code, out, _ = run()
    assert code == 1
    assert out.startswith("warning[unused-silence]")


def test_a_silence_of_tests_that_were_not_run_is_not_called_unused(run: Run, root: Path) -> None:
    silence(root, "rule-test", "observability/packs/till/signals.yaml")
    assert run()[0] == 0


def test_a_silence_of_a_file_of_ones_own_is_not_called_unused_where_that_is_not_checked(
    run: Run, root: Path
) -> None:
    silence(root, "bare-panel", "mine.json")
    assert run()[0] == 0


def test_files_of_ones_own_are_checked_and_nothing_else(run: Run, root: Path) -> None:
    unused(root)
    code, out, _ = run("mine.json", "--json")
    assert code == 1
    assert [one["check"] for one in document(out)["findings"]] == [
        "bare-panel",
        "raw-counter",
        "unknown-metric",
    ]
    assert {one["path"] for one in document(out)["findings"]} == {"mine.json"}


def test_a_finding_in_a_file_of_ones_own_is_silenced_too(run: Run, root: Path) -> None:
    silence(root, "bare-panel", "*.json")
    told = document(run("mine.json", "--json")[1])
    assert [one["check"] for one in told["silenced"]] == ["bare-panel"]
    assert [one["check"] for one in told["findings"]] == ["raw-counter", "unknown-metric"]


@pytest.mark.parametrize(
    ("name", "content"), [("x.json", "{"), ("x.json", "{}"), ("x.yaml", "a: 1"), ("x", None)]
)
def test_a_file_that_cannot_be_checked_ends_with_2(
    name: str, content: str | None, run: Run, root: Path
) -> None:
    if content is not None:
        (root / name).write_text(content)
    assert run("mine.json", name)[0] == 2


def test_without_sound_packs_their_errors_are_told_instead(run: Run, root: Path) -> None:
    (root / "observability/packs/till/pack.yaml").write_text("title: Till\n")
    code, out, _ = run("mine.json", "--json")
    assert code == 2
    assert {one["path"] for one in document(out)["findings"]} == {"observability/packs/till/pack.yaml"}


def test_githubs_annotations_are_lines(run: Run) -> None:
    code, out, _ = run("mine.json", "--format", "github")
    assert code == 1
    assert [line.partition("::")[2].split(" ")[0] for line in out.splitlines()] == ["warning"] * 3
    assert "::warning file=mine.json,title=bare-panel,line=1,col=" in out


def test_the_document_is_as_it_is_described(run: Run) -> None:
    told = document(run("mine.json", "--json")[1])
    assert list(told) == ["schema_version", "ok", "findings", "silenced"]
    keys = ["check", "title", "severity", "message", "path", "line", "column", "width", "why", "hint"]
    assert [list(one) for one in told["findings"]] == [keys] * 3
