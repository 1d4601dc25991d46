"""Files of SLOs to make rules of, and promtool to judge them."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.packs.slos.model import Slos
from obsdeck.packs.slos.rules import groups
from obsdeck.stack.environment import load_settings
from obsdeck.stack.home import find_home
from obsdeck.stack.install import resolve
from obsdeck.stack.variables import PROGRAMS

if TYPE_CHECKING:
    from pathlib import Path

ERRORS = 'sum by (service_name) (rate(requests_total{status=~"5.."}[{{.window}}]))'
TOTAL = "sum by (service_name) (rate(requests_total[{{.window}}]))"


def document(**slo: Any) -> dict[str, Any]:
    """A file with one SLO; keys of it that are given replace the usual."""
    usual = {
        "name": "availability",
        "objective": 99.9,
        "sli": {"events": {"error_query": ERRORS, "total_query": TOTAL}},
        "alerting": {"name": "ShopFails"},
    }
    return {"version": "prometheus/v1", "service": "shop", "slos": [{**usual, **slo}]}


def made(file: dict[str, Any]) -> list[dict[str, Any]]:
    """The groups of a file."""
    return groups(Slos.model_validate(file), lambda name: {"runbook_url": f"runbooks/slo/{name}.md"})


def rules(file: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The rules of a file with one SLO: records by metric, alerts by severity."""
    return {
        rule.get("record") or rule["labels"]["sloth_severity"]: rule
        for group in made(file)
        for rule in group["rules"]
    }


@pytest.fixture(scope="session")
def promtool() -> Path:
    environ = {one.name: os.environ[one.name] for one in PROGRAMS if os.environ.get(one.name)}
    server = resolve("prometheus", load_settings(environ=environ), find_home().cache).path
    found = server and server.with_name("promtool")
    if found is None or not found.is_file():
        pytest.skip("promtool is not there: obsdeck install prometheus")
    return found


def run(promtool: Path, folder: Path, *words: str, **files: Any) -> subprocess.CompletedProcess[str]:
    """Promtool, with files written beside each other; JSON is YAML."""
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(json.dumps(content), encoding="utf-8")
    return subprocess.run(
        [str(promtool), *words], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
