from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from obsdeck.errors import UsageError
from obsdeck.stack import effective
from obsdeck.stack.environment import load_settings
from obsdeck.stack.home import Home

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("a: ${env:OBSDECK_X:-1}", "a: 2"),
        ("a: ${OBSDECK_X}", "a: 2"),
        ("a: ${OBSDECK_Y:-http://h:1}", "a: http://h:1"),
        ("a: ${OBSDECK_Y}", "a: "),
        ("a: $1 ${lower}", "a: $1 ${lower}"),
    ],
)
def test_references_are_filled_in_as_the_servers_do(text: str, filled: str) -> None:
    assert effective.fill_in(text, {"OBSDECK_X": "2"}) == filled


def test_a_components_files_are_printed_with_its_command_line(tmp_path: Path) -> None:
    settings = load_settings({"OBSDECK_LOKI_PORT": "3199"})
    parts = dict(effective.configuration("loki", settings, Home(tmp_path, tmp_path)))
    assert "-config.expand-env=true" in parts["loki: command line"]
    [text] = [text for title, text in parts.items() if title.endswith("loki.yaml")]
    assert "3199" in text
    assert "${" not in text


def test_secrets_are_masked(tmp_path: Path) -> None:
    settings = load_settings({"OBSDECK_OTLP_TOKEN": "s3cret"})
    assert all(
        "s3cret" not in text
        for _, text in effective.configuration("collector", settings, Home(tmp_path, tmp_path))
    )
    assert "s3cret" not in effective.settings_document(settings)


def test_settings_come_with_their_origin() -> None:
    rows = {
        row["name"]: row
        for row in json.loads(effective.settings_document(load_settings({"OBSDECK_LOKI_PORT": "1"})))[
            "settings"
        ]
    }
    assert rows["OBSDECK_LOKI_PORT"]["origin"] == "environment"
    assert rows["OBSDECK_TEMPO_PORT"]["origin"] == "default"
    assert rows["OBSDECK_OTLP_TOKEN"]["origin"] == "not set"


def test_an_unknown_component_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no component"):
        list(effective.configuration("jaeger", load_settings({}), Home(tmp_path, tmp_path)))
