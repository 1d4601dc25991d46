from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from obsdeck.errors import ConfigError, UsageError
from obsdeck.stack.environment import load_settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def test_defaults_hold_where_nobody_sets_anything(env_file: Path) -> None:
    env_file.write_text("")
    settings = load_settings({}, env_file)
    assert settings.port("OBSDECK_PROMETHEUS_PORT") == 9090
    assert settings["OBSDECK_LOGS_RETENTION"] == "168h"
    assert settings.origins["OBSDECK_LOGS_RETENTION"] == "default"


def test_the_file_beats_the_default_and_the_environment_beats_the_file(env_file: Path) -> None:
    env_file.write_text("OBSDECK_LOKI_PORT=3101\nOBSDECK_TEMPO_PORT=3201\n")
    settings = load_settings({"OBSDECK_TEMPO_PORT": "3202"}, env_file)
    assert settings["OBSDECK_LOKI_PORT"] == "3101"
    assert settings.origins["OBSDECK_LOKI_PORT"] == f"{env_file}:1"
    assert settings["OBSDECK_TEMPO_PORT"] == "3202"
    assert settings.origins["OBSDECK_TEMPO_PORT"] == "environment"


def test_days_and_weeks_become_hours_because_all_servers_read_hours(env_file: Path) -> None:
    env_file.write_text("OBSDECK_METRICS_RETENTION=2w\nOBSDECK_TRACES_RETENTION=3d\n")
    settings = load_settings({}, env_file)
    assert settings["OBSDECK_METRICS_RETENTION"] == "336h"
    assert settings["OBSDECK_TRACES_RETENTION"] == "72h"


def test_other_programs_variables_in_the_file_are_none_of_our_business(env_file: Path) -> None:
    env_file.write_text("DATABASE_URL=postgres://x\nexport DEBUG='1'\n# a comment\n")
    assert load_settings({}, env_file)["OBSDECK_RUNTIME"] == "auto"


def test_variables_of_the_telemetry_library_may_stand_in_the_same_file(env_file: Path) -> None:
    env_file.write_text("OBSDECK_SHUTDOWN_SECONDS=2\n")
    load_settings({}, env_file)


def test_a_line_that_is_no_assignment_is_refused_with_its_place(env_file: Path) -> None:
    env_file.write_text("OBSDECK_LOKI_PORT=3101\n\n\nhalf a line = 'open\n")
    with pytest.raises(ConfigError) as caught:
        load_settings({}, env_file)
    assert caught.value.where == f"{env_file}:4"
    assert caught.value.exit_code == 2


def test_a_misspelt_setting_is_refused_and_the_right_one_suggested(env_file: Path) -> None:
    env_file.write_text("# ports\nOBSDECK_LOKKI_PORT=3101\n")
    with pytest.raises(ConfigError, match="did you mean OBSDECK_LOKI_PORT") as caught:
        load_settings({}, env_file)
    assert caught.value.where == f"{env_file}:2"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OBSDECK_LOKI_PORT", "0"),
        ("OBSDECK_LOKI_PORT", "65536"),
        ("OBSDECK_LOKI_PORT", "http"),
        ("OBSDECK_METRICS_RETENTION", "1 week"),
        ("OBSDECK_METRICS_RETENTION", "0h"),
        ("OBSDECK_LOGS_RETENTION", "12h"),
        ("OBSDECK_TRACES_MAX_SIZE", "2"),
        ("OBSDECK_RUNTIME", "podman"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_and_the_allowed_ones_named(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"{name}: '{value}' is not "):
        load_settings({name: value})


def test_a_token_that_the_collector_would_misread_is_refused_and_not_shown() -> None:
    with pytest.raises(UsageError, match="its value is not letters") as caught:
        load_settings({"OBSDECK_OTLP_TOKEN": "a$$b"})
    assert "a$$b" not in str(caught.value)


def test_all_faults_of_a_file_are_told_at_once(env_file: Path) -> None:
    env_file.write_text("OBSDECK_LOKI_PORT=x\nOBSDECK_TEMPO_PORT=y\n")
    with pytest.raises(ConfigError) as caught:
        load_settings({}, env_file)
    assert caught.value.where == f"{env_file}:1"
    assert f"{env_file}:2: OBSDECK_TEMPO_PORT: 'y'" in caught.value.why


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_settings({}, tmp_path / "missing.env")


def test_a_file_that_is_no_text_is_refused(env_file: Path) -> None:
    env_file.write_bytes(b"OBSDECK_LOKI_PORT=\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings({}, env_file)


def test_a_secret_is_in_no_public_value_and_in_no_repr() -> None:
    settings = load_settings({"OBSDECK_OTLP_TOKEN": "s3cret"})
    assert settings["OBSDECK_OTLP_TOKEN"] == "s3cret"
    assert "s3cret" not in str(settings.public())
    assert "s3cret" not in repr(settings)
