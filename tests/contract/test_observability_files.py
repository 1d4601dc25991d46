"""The files of `ops/observability` agree with each other, with the code and with the runbooks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from obsdeck.stack import commands
from obsdeck.stack.components import SERVERS
from obsdeck.stack.environment import load_settings
from obsdeck.stack.home import Home
from obsdeck.stack.install import load_versions
from obsdeck.stack.variables import PORT, VARIABLES

ROOT = Path(__file__).resolve().parents[2]
OPS = ROOT / "ops" / "observability"
COMPOSE = OPS / "compose.yaml"
SERVER_FILES = sorted(path for path in OPS.glob("*/**/*") if path.suffix in {".yaml", ".yml", ".ini"})
REFERENCE = re.compile(r"(?<!\$)\$\{(?:env:)?([A-Z]\w*)(?::?-([^}]*))?")
SECTIONS = ("Impact", "Diagnosis", "Mitigation", "Verify", "False positives")


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = load(COMPOSE)["services"]
    return found


def alerts() -> list[dict[str, Any]]:
    rules = (rule for group in load(OPS / "prometheus/rules/stack.yaml")["groups"] for rule in group["rules"])
    return [rule for rule in rules if "alert" in rule]


def native_environment(tmp_path: Path) -> dict[str, str]:
    settings = load_settings(environ={}, env_file=_empty(tmp_path))
    return commands.environment(settings, Home(tmp_path, tmp_path), embedded_traces=False, base={})


def native_flags(component: str, tmp_path: Path) -> set[str]:
    settings = load_settings(environ={}, env_file=_empty(tmp_path))
    program = commands.programs(component, Path(component), settings, Home(tmp_path, tmp_path))[0]
    return {word.partition("=")[0].lstrip("-") for word in program.argv[1:]}


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
    assert {name for name, _ in REFERENCE.findall(text) if name != "NAME"} <= VARIABLES.keys()


def test_containers_get_every_variable_that_their_files_have_no_default_for() -> None:
    for name, service in services().items():
        given = service.get("environment", {}).keys()
        for path in (path for path in SERVER_FILES if path.is_relative_to(OPS / name)):
            wanted = {asked for asked, default in REFERENCE.findall(path.read_text()) if not default}
            assert wanted <= given, f"{path.name} of {name}"


def test_every_component_is_a_service_and_the_other_way_round() -> None:
    beside = {"collector-volume", "retention"}
    assert services().keys() - beside == {component.name for component in SERVERS}


def test_images_are_those_of_the_list_of_versions() -> None:
    images = {name: service["image"] for name, service in services().items()}
    assert images.pop("collector-volume") == images["tempo"]
    assert images.pop("retention") == images["prometheus"]
    assert images == {name: release.image for name, release in load_versions().items()}


@pytest.mark.parametrize("component", ["prometheus", "alertmanager"])
def test_both_runtimes_give_the_same_flags(component: str, tmp_path: Path) -> None:
    words = services()[component]["command"]
    contained = {word.partition("=")[0].lstrip("-") for word in words}
    # A container does not know the address under which people open it.
    assert contained - {"web.external-url"} == native_flags(component, tmp_path)


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
    configuration = [mount for mount in service.get("volumes", []) if mount.startswith((".", "/"))]
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
    targets = load(OPS / "prometheus/targets/docker.yaml")
    assert {target["labels"]["job"] for target in targets} == {component.name for component in SERVERS}
    assert all(target["targets"][0].split(":")[0] == target["labels"]["job"] for target in targets)


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


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
def test_an_alert_says_what_is_wrong_and_has_a_runbook(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"runbooks/stack/{rule['alert']}.md"
    text = (ROOT / rule["annotations"]["runbook_url"]).read_text(encoding="utf-8")
    _, head, body = text.split("---\n", 2)
    front = yaml.safe_load(head)
    assert front["alert"] == rule["alert"]
    assert rule["labels"]["severity"] in front["severity"]
    assert front["owner"]
    assert re.findall(r"^## (.+)$", body, re.MULTILINE) == list(SECTIONS)
    assert "```promql" in body


def test_a_runbook_belongs_to_an_alert() -> None:
    pages = {path.stem for path in (ROOT / "runbooks" / "stack").glob("*.md")}
    assert pages == {rule["alert"] for rule in alerts()}


def test_every_alert_is_tested_firing_and_quiet() -> None:
    cases = [
        case
        for test in load(OPS / "prometheus/tests/stack.yaml")["tests"]
        for case in test.get("alert_rule_test", [])
    ]
    fires = {case["alertname"] for case in cases if case["exp_alerts"]}
    quiet = {case["alertname"] for case in cases if not case["exp_alerts"]}
    names = {rule["alert"] for rule in alerts()}
    assert fires == names
    assert quiet == names
