from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from obsdeck.stack import commands, databases
from obsdeck.stack.components import BY_NAME
from obsdeck.stack.environment import Settings, load_settings
from obsdeck.stack.home import Home

HOME = Home(Path("/state"), Path("/cache"))


def test_the_callers_telemetry_variables_and_secrets_do_not_reach_the_servers() -> None:
    caller = {
        "PATH": "/bin",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x",
        "JAEGER_AGENT_HOST": "y",
        "AWS_SECRET": "z",
    }
    environment = commands.environment(load_settings({}), HOME, embedded_traces=False, base=caller)
    assert environment["PATH"] == "/bin"
    assert environment.keys().isdisjoint(caller.keys() - {"PATH"})


def test_traces_go_to_tempos_own_receiver_or_to_the_embedded_store() -> None:
    settings = load_settings({})
    tempo = commands.environment(settings, HOME, embedded_traces=False)
    store = commands.environment(settings, HOME, embedded_traces=True)
    assert tempo["OBSDECK_TEMPO_OTLP_URL"] == "http://127.0.0.1:4418"
    assert store["OBSDECK_TEMPO_OTLP_URL"] == "http://127.0.0.1:3200"


def test_everything_listens_on_loopback() -> None:
    settings = load_settings({})
    for name in ("prometheus", "alertmanager", "node-exporter", "postgres-exporter", "redis-exporter"):
        [program] = commands.programs(name, Path("/bin/x"), settings, HOME)
        assert any("listen-address=127.0.0.1:" in word for word in program.argv)


def test_no_secret_is_in_an_argument() -> None:
    settings = load_settings({"OBSDECK_OTLP_TOKEN": "s3cret", "OBSDECK_GRAFANA_PASSWORD": "s3cret"})
    for name in ("collector", "grafana", "tempo"):
        for program in commands.programs(name, Path("/opt/grafana/bin/grafana"), settings, HOME):
            assert "s3cret" not in " ".join(program.argv)


@pytest.mark.parametrize(
    ("name", "variable"), [("postgres-exporter", "DATA_SOURCE_NAME"), ("redis-exporter", "REDIS_ADDR")]
)
def test_an_exporter_alone_is_told_its_address_by_a_file(name: str, variable: str, tmp_path: Path) -> None:
    home = Home(tmp_path / "it's 50 % $HOME", tmp_path)
    address = "redis://user:it's%20$HOME\\n\"@host:1/0?a=b"
    exporter = BY_NAME[name]
    databases.keep([exporter], (), Settings({exporter.address: address}, {}), home)
    given = load_settings(
        {"OBSDECK_POSTGRES_URL": "postgresql://u:s3cret@h", "OBSDECK_REDIS_URL": "redis://:s3cret@h"}
    )
    [program] = commands.programs(name, Path("/usr/bin/env"), given, home)
    assert "s3cret" not in f"{program} {commands.environment(given, home, embedded_traces=False, base={})}"
    only_the_program = program.argv[: program.argv.index("/usr/bin/env") + 1]
    done = subprocess.run(only_the_program, env={}, capture_output=True, text=True, check=True)
    assert f"{variable}={address}" in done.stdout.splitlines()


def test_an_exporter_without_its_file_ends_and_says_so(tmp_path: Path) -> None:
    [program] = commands.programs(
        "redis-exporter", Path("/usr/bin/env"), load_settings({}), Home(tmp_path, tmp_path)
    )
    done = subprocess.run(program.argv, env={}, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "redis-url" in done.stderr


def test_a_token_adds_the_collectors_second_file() -> None:
    def argv(environ: dict[str, str]) -> str:
        [program] = commands.programs("collector", Path("/bin/x"), load_settings(environ), HOME)
        return " ".join(program.argv)

    assert "auth.yaml" not in argv({})
    assert "auth.yaml" in argv({"OBSDECK_OTLP_TOKEN": "t"})


def test_sampling_adds_a_file_and_takes_none_away() -> None:
    def names(**environ: str) -> list[str]:
        [program] = commands.programs("collector", Path("/bin/x"), load_settings(environ), HOME)
        return [Path(word).name for word in program.argv[1:]]

    assert names() == names(OBSDECK_TRACES_KEPT_PERCENT="100.0") == ["config.yaml"]
    assert names(OBSDECK_TRACES_KEPT_PERCENT="0.5") == ["config.yaml", "sampling.yaml"]
    both = names(OBSDECK_TRACES_KEPT_PERCENT="0", OBSDECK_OTLP_TOKEN="t")
    assert both == ["config.yaml", "auth.yaml", "sampling.yaml"]


def test_the_quickstart_sends_to_this_collector_and_no_other() -> None:
    settings = load_settings({"OBSDECK_OTLP_HTTP_PORT": "5318", "OBSDECK_OTLP_TOKEN": "t"})
    quickstart, _ = commands.programs("quickstart", None, settings, HOME)
    assert quickstart.environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:5318"
    assert "%(ENV_OBSDECK_OTLP_TOKEN)s" in quickstart.environment["OTEL_EXPORTER_OTLP_HEADERS"]


def test_grafana_finds_its_own_folder_from_its_program() -> None:
    [program] = commands.programs("grafana", Path("/opt/grafana/bin/grafana"), load_settings({}), HOME)
    assert "--homepath=/opt/grafana" in program.argv
