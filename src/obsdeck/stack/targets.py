"""What Prometheus scrapes of the stack itself, in the files that it follows: it expands no variables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from obsdeck.stack.components import LOOPBACK
from obsdeck.stack.variables import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from obsdeck.stack.components import Component
    from obsdeck.stack.environment import Settings
    from obsdeck.stack.home import Home

DOCKER_FOLDER = "OBSDECK_REQUESTED_TARGETS"
"""Tells the compose file the folder of `write_docker`."""


def write_native(components: Iterable[Component], settings: Settings, home: Home) -> None:
    """Write the addresses of all these components, and that of Alertmanager."""
    ports = {"collector": "OBSDECK_COLLECTOR_METRICS_PORT"}
    targets = [
        _target(component, f"{LOOPBACK}:{settings[ports.get(component.name, component.port)]}")
        for component in components
        if not component.demo
    ]
    alertmanagers = [{"targets": [f"{LOOPBACK}:{settings['OBSDECK_ALERTMANAGER_PORT']}"]}]
    for folder, content in (("targets", targets), ("alertmanagers", alertmanagers)):
        _write(home.etc("prometheus") / folder / "native.yaml", content)


def write_docker(components: Iterable[Component], home: Home) -> Path:
    """Write the addresses of what comes on request; the rest stands in `targets/docker.yaml`.

    Returns:
        Their folder, which Prometheus can read although it is another user in its container.
    """
    targets = [_target(one, f"{one.name}:{VARIABLES[one.port].default}") for one in components if one.watches]
    folder = home.etc("requested")
    _write(folder / "docker.yaml", targets)
    folder.chmod(0o755)
    (folder / "docker.yaml").chmod(0o644)
    return folder


def _target(component: Component, address: str) -> dict[str, Any]:
    return {"targets": [address], "labels": {"job": component.name}}


def _write(path: Path, content: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")
