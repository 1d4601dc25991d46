"""The script behind the pages that follow from the code."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "generate_reference.py"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script with one page, in an empty folder."""
    spec = importlib.util.spec_from_file_location("generate_reference", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "pages", lambda: {"page.md": "new\n"})
    return module


def run(script: ModuleType, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *words])
    code: int = script.main()
    return code


def test_a_stale_page_is_named_by_a_check_and_left_alone(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "page.md").write_text("old\n")
    assert run(script, monkeypatch, "--check") == 1
    assert capsys.readouterr().out == "stale: page.md\n"
    assert (tmp_path / "page.md").read_text() == "old\n"


def test_what_was_written_is_not_stale(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(script, monkeypatch) == 0
    assert (tmp_path / "page.md").read_text() == "new\n"
    assert run(script, monkeypatch, "--check") == 0
    assert capsys.readouterr().out == "written: page.md\n"


def test_a_name_for_each_signal_stands_for_three(script: ModuleType) -> None:
    assert script.spelt_out(["OTEL_A_SIGNAL_B", "OTEL_C"]) == [
        "OTEL_A_TRACES_B",
        "OTEL_A_METRICS_B",
        "OTEL_A_LOGS_B",
        "OTEL_C",
    ]
