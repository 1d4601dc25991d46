from __future__ import annotations

from pathlib import Path

from obsdeck.stack import commands
from obsdeck.stack.environment import load_settings
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
    for name in ("prometheus", "alertmanager", "node-exporter"):
        [program] = commands.programs(name, Path("/bin/x"), settings, HOME)
        assert any("listen-address=127.0.0.1:" in word for word in program.argv)


def test_no_secret_is_in_an_argument() -> None:
    settings = load_settings({"OBSDECK_OTLP_TOKEN": "s3cret", "OBSDECK_GRAFANA_PASSWORD": "s3cret"})
    for name in ("collector", "grafana", "tempo"):
        for program in commands.programs(name, Path("/opt/grafana/bin/grafana"), settings, HOME):
            assert "s3cret" not in " ".join(program.argv)


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
