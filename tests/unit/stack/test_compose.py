from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from obsdeck.stack import compose
from obsdeck.stack.environment import load_settings

if TYPE_CHECKING:
    from pathlib import Path

ADDING = ("OBSDECK_OTLP_TOKEN", "OBSDECK_TRACES_KEPT_PERCENT")


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ({}, {}),
        ({"OBSDECK_OTLP_TOKEN": "", "OBSDECK_TRACES_KEPT_PERCENT": "100"}, {}),
        ({"OBSDECK_OTLP_TOKEN": "t"}, {"OBSDECK_OTLP_TOKEN": "t"}),
        ({"OBSDECK_TRACES_KEPT_PERCENT": "0"}, {"OBSDECK_TRACES_KEPT_PERCENT": "0"}),
        ({"OBSDECK_TRACES_KEPT_PERCENT": "0.1001"}, {"OBSDECK_TRACES_KEPT_PERCENT": "0.1001"}),
    ],
)
def test_compose_is_given_only_what_adds_a_file_to_the_collector(
    given: dict[str, str], passed: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ADDING:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    empty = tmp_path / "empty.env"
    empty.touch()
    environment = compose._environment(load_settings(env_file=empty))
    assert {name: environment[name] for name in ADDING if name in environment} == passed


def test_what_comes_on_request_is_known_to_every_command(tmp_path: Path) -> None:
    empty = tmp_path / "empty.env"
    empty.touch()
    words = compose.command(load_settings({}, empty), "ps")
    assert {"--profile=postgres", "--profile=redis"} < set(words[: words.index("ps")])
