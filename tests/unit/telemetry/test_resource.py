from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from obsdeck.telemetry import resource

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("OTEL_RESOURCE_ATTRIBUTES", raising=False)
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)
    folder = tmp_path / "Order Desk"
    folder.mkdir()
    monkeypatch.chdir(folder)


def test_a_name_that_was_given_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=other")
    built, derived = resource.build("Shop", "Title")
    assert (built.attributes["service.name"], derived) == ("Shop", False)


def test_resource_attributes_may_name_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,service.instance.id=7")
    built, derived = resource.build("", "Title")
    assert (built.attributes["service.name"], derived) == ("other", False)
    assert built.attributes["service.instance.id"] == "7"


def test_without_a_name_the_title_gives_it_and_without_a_title_the_folder() -> None:
    titled, derived = resource.build("", "Order API (v2)")
    assert (titled.attributes["service.name"], derived) == ("order-api-v2", True)
    assert resource.build("", "FastAPI")[0].attributes["service.name"] == "order-desk"


def test_where_nothing_is_known_it_is_left_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    built, derived = resource.build("", "FastAPI")
    assert str(built.attributes["service.name"]).startswith("unknown_service")
    assert derived


def test_every_process_has_an_instance_and_says_who_made_this() -> None:
    attributes = resource.build("x", "")[0].attributes
    assert len(str(attributes["service.instance.id"])) == 36
    assert attributes["telemetry.distro.name"] == "obsdeck"


def test_the_old_key_of_the_environment_is_read_and_the_new_one_wins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=prod")
    assert resource.build("x", "")[0].attributes["deployment.environment.name"] == "prod"
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=a,deployment.environment.name=b")
    assert resource.build("x", "")[0].attributes["deployment.environment.name"] == "b"
