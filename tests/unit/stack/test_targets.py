from __future__ import annotations

import json
from typing import TYPE_CHECKING

from obsdeck.stack import targets
from obsdeck.stack.components import COLLECTOR, POSTGRES_EXPORTER, QUICKSTART
from obsdeck.stack.environment import load_settings
from obsdeck.stack.home import Home

if TYPE_CHECKING:
    from pathlib import Path


def test_natively_every_server_is_scraped_on_its_port_and_no_service(tmp_path: Path) -> None:
    home = Home(tmp_path, tmp_path)
    settings = load_settings({"OBSDECK_POSTGRES_EXPORTER_PORT": "9999"})
    targets.write_native([COLLECTOR, POSTGRES_EXPORTER, QUICKSTART], settings, home)
    rows = json.loads((home.etc("prometheus") / "targets" / "native.yaml").read_text())
    assert {row["labels"]["job"]: row["targets"] for row in rows} == {
        "collector": ["127.0.0.1:8888"],
        "postgres-exporter": ["127.0.0.1:9999"],
    }


def test_in_containers_what_comes_on_request_is_added_and_taken_away_again(tmp_path: Path) -> None:
    home = Home(tmp_path, tmp_path)
    folder = targets.write_docker([COLLECTOR, POSTGRES_EXPORTER], home)
    rows = json.loads((folder / "docker.yaml").read_text())
    assert rows == [{"targets": ["postgres-exporter:9187"], "labels": {"job": "postgres-exporter"}}]
    targets.write_docker([COLLECTOR], home)
    assert json.loads((folder / "docker.yaml").read_text()) == []


def test_another_user_can_read_what_is_for_a_container(tmp_path: Path) -> None:
    folder = targets.write_docker([POSTGRES_EXPORTER], Home(tmp_path, tmp_path))
    assert folder.stat().st_mode & 0o005 == 0o005
    assert (folder / "docker.yaml").stat().st_mode & 0o004
