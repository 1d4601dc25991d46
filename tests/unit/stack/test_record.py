from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from obsdeck.stack import record
from obsdeck.stack.environment import load_settings
from obsdeck.stack.home import Home
from obsdeck.stack.record import Record, RecordedComponent

if TYPE_CHECKING:
    from pathlib import Path

RUNNING = Record(
    "native",
    1000.5,
    {"OBSDECK_LOKI_PORT": "3101"},
    (RecordedComponent("loki", "module", "3.7.8", "/bin/loki", 0.6),),
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path, tmp_path)
    home.run.mkdir()
    return home


def test_what_was_written_is_read(home: Home) -> None:
    record.write(home, RUNNING)
    assert record.read(home) == RUNNING


def test_no_record_is_none(home: Home) -> None:
    assert record.read(home) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"schema_version": 99}', '{"schema_version": 1, "components": [{}]}']
)
def test_a_record_that_cannot_be_understood_is_none(home: Home, text: str) -> None:
    (home.run / "stack.json").write_text(text)
    assert record.read(home) is None


def test_forgetting_twice_is_harmless(home: Home) -> None:
    record.write(home, RUNNING)
    record.forget(home)
    record.forget(home)
    assert record.read(home) is None


def test_the_running_stacks_settings_win_and_secrets_come_from_now() -> None:
    now = load_settings({"OBSDECK_LOKI_PORT": "3999", "OBSDECK_OTLP_TOKEN": "t"})
    settings = RUNNING.settings(now)
    assert settings["OBSDECK_LOKI_PORT"] == "3101"
    assert settings["OBSDECK_OTLP_TOKEN"] == "t"
