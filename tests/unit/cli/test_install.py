from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from obsdeck.cli import install as verb
from obsdeck.errors import MissingError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer()
app.command()(verb.install)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `obsdeck install` with an empty cache, no network and nothing on PATH."""
    for name, folder in (("XDG_CACHE_HOME", "cache"), ("XDG_STATE_HOME", "state"), ("HOME", "home")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("PATH", "/nonexistent")
    for name in [name for name in os.environ if name.startswith("OBSDECK_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verb.signal, "signal", lambda *_: None)  # the tests' own process keeps its handler
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.fixture
def program(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Loki that the user names."""
    del run  # it has emptied the environment
    path = tmp_path / "my loki"
    path.write_text("#!/bin/sh\necho 'loki, version 3.7.8 (branch: , revision: )'\n")
    path.chmod(0o755)
    monkeypatch.setenv("OBSDECK_LOKI_BIN", str(path))
    return path


def test_one_json_document_says_what_is_there(run: Any, program: Path) -> None:
    done = run("loki", "--json", "--offline")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "schema_version": 1,
        "ok": True,
        "components": [
            {
                "name": "loki",
                "provider": "given",
                "version": "3.7.8",
                "path": str(program),
                "seconds": 0.0,
                "note": "",
            }
        ],
    }
    assert done.stderr == ""


@pytest.mark.usefixtures("program")
def test_what_is_missing_makes_the_document_not_ok(run: Any) -> None:
    done = run("--json", "--offline")
    document = json.loads(done.stdout)
    assert done.exit_code == 3
    assert document["ok"] is False
    found = {row["name"]: row["provider"] for row in document["components"]}
    assert found == {
        "collector": "absent",
        "prometheus": "absent",
        "tempo": "embedded",
        "loki": "given",
        "alertmanager": "absent",
        "grafana": "absent",
        "node-exporter": "absent",
    }


def test_people_get_a_table_notes_and_an_error_with_what_to_do(run: Any) -> None:
    done = run("tempo", "grafana", "--offline")
    assert isinstance(done.exception, MissingError)
    assert done.exception.message == "not installed: grafana"
    assert "obsdeck install grafana" in done.exception.hint
    assert "tempo: the embedded trace store stands in" in done.stdout
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:3]] == [
        ["tempo", "embedded"],
        ["grafana", "absent"],
    ]


def test_what_is_optional_may_be_absent_unless_it_was_named(run: Any) -> None:
    assert isinstance(run("node-exporter", "--offline").exception, MissingError)
    assert "node-exporter" not in str(run("--offline").exception)


def test_an_unknown_component_is_wrong_use_and_a_close_one_is_suggested(run: Any) -> None:
    done = run("promtheus", "--offline")
    assert isinstance(done.exception, UsageError)
    assert "prometheus" in done.exception.hint
