"""The files of `ops/observability` agree with each other, with the code and with the runbooks."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from obsdeck.stack import commands, receivers, targets
from obsdeck.stack.components import ON_REQUEST, SERVERS
from obsdeck.stack.environment import load_settings
from obsdeck.stack.home import Home
from obsdeck.stack.install import load_versions
from obsdeck.stack.variables import PORT, VARIABLES

ROOT = Path(__file__).resolve().parents[2]
OPS = ROOT / "ops" / "observability"
COMPOSE = OPS / "compose.yaml"
SERVER_FILES = sorted(path for path in OPS.glob("*/**/*") if path.suffix in {".yaml", ".yml", ".ini"})
REFERENCE = re.compile(r"(?<!\$)\$\{(?:env:)?([A-Z]\w*)(?::?-([^}]*))?")


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = load(COMPOSE)["services"]
    return found


def native_environment(tmp_path: Path) -> dict[str, str]:
    settings = load_settings(environ={}, env_file=_empty(tmp_path))
    return commands.environment(settings, Home(tmp_path, tmp_path), embedded_traces=False, base={})


def native_flags(component: str, tmp_path: Path) -> set[str]:
    settings = load_settings(environ={}, env_file=_empty(tmp_path))
    program = commands.programs(component, Path(component), settings, Home(tmp_path, tmp_path))[0]
    flags = program.argv[program.argv.index(component) + 1 :]
    return {word.partition("=")[0].lstrip("-") for word in flags}


def _empty(tmp_path: Path) -> Path:
    path = tmp_path / "empty.env"
    path.touch()
    return path


@pytest.mark.parametrize("path", SERVER_FILES, ids=lambda path: str(path.relative_to(OPS)))
def test_the_native_runtime_gives_every_variable_that_a_file_asks_for(path: Path, tmp_path: Path) -> None:
    asked = {name for name, _ in REFERENCE.findall(path.read_text(encoding="utf-8"))}
    if path.name == "auth.yaml":
        assert asked == {"OBSDECK_OTLP_TOKEN"}
    assert asked <= native_environment(tmp_path).keys()


@pytest.mark.parametrize("path", [*SERVER_FILES, COMPOSE], ids=lambda path: str(path.relative_to(OPS)))
def test_defaults_in_files_are_those_of_the_table(path: Path) -> None:
    for name, default in REFERENCE.findall(path.read_text(encoding="utf-8")):
        if name in VARIABLES and default:
            variable = VARIABLES[name]
            assert default == variable.kind.normal(variable.default), name


def test_the_compose_file_asks_for_nothing_that_is_not_in_the_table() -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    asked = {name for name, _ in REFERENCE.findall(text)}
    given = {"NAME", targets.DOCKER_FOLDER, receivers.DOCKER_FOLDER, "OBSDECK_GENERATED"}
    assert asked - given <= VARIABLES.keys()


def test_containers_get_every_variable_that_their_files_have_no_default_for() -> None:
    for name, service in services().items():
        given = service.get("environment", {}).keys()
        for path in (path for path in SERVER_FILES if path.is_relative_to(OPS / name)):
            wanted = {asked for asked, default in REFERENCE.findall(path.read_text()) if not default}
            assert wanted <= given, f"{path.name} of {name}"


def test_every_component_is_a_service_and_the_other_way_round() -> None:
    beside = {"collector-volume", "retention"}
    assert services().keys() - beside == {component.name for component in (*SERVERS, *ON_REQUEST)}


def test_what_comes_on_request_has_a_profile_of_that_word_and_nothing_else_has_one() -> None:
    profiles = {name: service["profiles"] for name, service in services().items() if "profiles" in service}
    assert profiles == {component.name: [component.watches] for component in ON_REQUEST}


def test_images_are_those_of_the_list_of_versions() -> None:
    images = {name: service["image"] for name, service in services().items()}
    assert images.pop("collector-volume") == images["tempo"]
    assert images.pop("retention") == images["prometheus"]
    assert images == {name: release.image for name, release in load_versions().items()}


@pytest.mark.parametrize("component", ["prometheus", "alertmanager", "postgres-exporter", "redis-exporter"])
def test_both_runtimes_give_the_same_flags(component: str, tmp_path: Path) -> None:
    words = services()[component]["command"]
    contained = {word.partition("=")[0].lstrip("-") for word in words}
    assert contained == native_flags(component, tmp_path)


def test_both_runtimes_give_the_collector_its_files_in_the_same_order() -> None:
    in_containers = re.findall(r"/etc/obsdeck/(\S+\.yaml)", services()["collector"]["command"])
    all_asked_for = {"OBSDECK_OTLP_TOKEN": "t", "OBSDECK_TRACES_KEPT_PERCENT": "5"}
    assert in_containers == commands.collector_files(all_asked_for)


@pytest.mark.parametrize("name", services())
def test_containers_have_no_more_than_they_need(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service["user"].startswith("0")
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert "latest" not in service["image"]
    assert not service.get("privileged")
    configuration = [mount for mount in service.get("volumes", []) if mount.startswith((".", "/", "$"))]
    assert all(mount.endswith(":ro") for mount in configuration)


def test_every_port_is_published_on_loopback_with_its_variable() -> None:
    published = {port for service in services().values() for port in service.get("ports", [])}
    pattern = re.compile(r"127\.0\.0\.1:\$\{(OBSDECK_\w+_PORT):-(\d+)\}:\2")
    names = {match[1] for port in published if (match := pattern.fullmatch(port))}
    assert len(names) == len(published)
    internal = {
        "OBSDECK_LOKI_GRPC_PORT",
        "OBSDECK_TEMPO_GRPC_PORT",
        "OBSDECK_TEMPO_OTLP_PORT",
        "OBSDECK_QUICKSTART_PORT",
    }
    assert names == {name for name, variable in VARIABLES.items() if variable.kind is PORT} - internal


def test_containers_are_scraped_by_the_names_of_their_services() -> None:
    scraped = load(OPS / "prometheus/targets/docker.yaml")
    assert {target["labels"]["job"] for target in scraped} == {component.name for component in SERVERS}
    assert all(target["targets"][0].split(":")[0] == target["labels"]["job"] for target in scraped)


def test_what_is_behind_a_profile_stands_ready_to_be_scraped(tmp_path: Path) -> None:
    text = (OPS / "prometheus/targets/docker.yaml").read_text(encoding="utf-8")
    ready = yaml.safe_load("".join(f"{line}\n" for line in re.findall(r"^# (- .*)$", text, re.MULTILINE)))
    folder = targets.write_docker((*SERVERS, *ON_REQUEST), Home(tmp_path, tmp_path))
    assert ready == load(folder / "docker.yaml")


def test_prometheus_follows_the_folder_that_is_laid_into_its_container() -> None:
    [scrape] = load(OPS / "prometheus/prometheus.yml")["scrape_configs"]
    assert "requested/*.yaml" in scrape["file_sd_configs"][0]["files"]
    mounts = services()["prometheus"]["volumes"]
    [mount] = [one for one in mounts if targets.DOCKER_FOLDER in one]
    assert mount == f"${{{targets.DOCKER_FOLDER}:-./prometheus/requested}}:/etc/prometheus/requested:ro"
    assert (OPS / "prometheus/requested").is_dir()


def test_alertmanagers_container_is_given_every_secret_and_puts_it_into_a_file(tmp_path: Path) -> None:
    service = services()["alertmanager"]
    assert service["environment"] == {name: f"${{{name}:-}}" for name in receivers.SECRET}
    assert f"${{{receivers.DOCKER_FOLDER}:-./alertmanager}}:/etc/alertmanager:ro" in service["volumes"]
    given = {name: f"http://h/{name}?a=$b&c='d'" for name in receivers.SECRET}
    done = subprocess.run(
        ["/bin/sh", str(OPS / "alertmanager/entrypoint.sh"), "env"],
        env={**given, "TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    folder = tmp_path / receivers.IN_CONTAINER.name
    assert {path.name: path.read_text() for path in folder.iterdir()} == given
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert "OBSDECK_ALERT" not in done.stdout


def test_the_collector_acknowledges_nothing_that_only_lies_in_memory() -> None:
    config = load(OPS / "collector/config.yaml")
    assert not any(name.split("/")[0] == "batch" for name in config["processors"])
    for name, exporter in config["exporters"].items():
        assert exporter["sending_queue"]["storage"] == "file_storage", name
        assert exporter["retry_on_failure"]["max_elapsed_time"] == "0s", name
    for name, pipeline in config["service"]["pipelines"].items():
        if "otlp" in pipeline["receivers"]:
            assert pipeline["processors"][0] == "memory_limiter", name
            assert pipeline["processors"][-1] == "redaction", name


def test_the_collector_uses_only_what_every_build_of_it_has() -> None:
    config = load(OPS / "collector/config.yaml")
    sections = ("receivers", "processors", "exporters", "connectors", "extensions")
    used = {f"{section}/{name.split('/')[0]}" for section in sections for name in config[section]}
    used |= {f"extensions/{name}" for name in load(OPS / "collector/auth.yaml")["extensions"]}
    assert used <= set(load_versions()["collector"].needs)


def test_the_token_takes_no_extension_away() -> None:
    plain = load(OPS / "collector/config.yaml")["service"]["extensions"]
    assert load(OPS / "collector/auth.yaml")["service"]["extensions"] == [*plain, "bearertokenauth"]


def test_metrics_that_prometheus_would_take_are_not_filtered_out() -> None:
    """The filter's window is a minute inside of what Prometheus accepts."""
    window = load(OPS / "prometheus/prometheus.yml")["storage"]["tsdb"]["out_of_order_time_window"]
    conditions = load(OPS / "collector/config.yaml")["processors"]["filter/unstorable"]["metric_conditions"]
    assert window == "30m"
    assert any('Now() - Duration("29m")' in condition for condition in conditions)
