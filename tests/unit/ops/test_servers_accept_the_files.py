"""The servers' own checkers accept the files, and say where a broken one is broken."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from obsdeck.packs import promql
from obsdeck.stack import commands
from obsdeck.stack.environment import load_settings
from obsdeck.stack.home import Home, find_home
from obsdeck.stack.install import resolve
from obsdeck.stack.variables import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
OPS = ROOT / "ops" / "observability"
GENERATED = ROOT / "observability" / "generated"


@dataclass(frozen=True)
class Checker:
    """How a server checks its file.

    Attributes:
        component: Whose program it is.
        file: The file, below its folder.
        argv: Arguments; `{}` is the file.
        tool: The program beside the server's, where the server itself has no check.
    """

    component: str
    file: str
    argv: tuple[str, ...]
    tool: str = ""


CHECKERS = (
    Checker("collector", "config.yaml", ("validate", "--config={}")),
    Checker("prometheus", "prometheus.yml", ("check", "config", "{}"), "promtool"),
    Checker("loki", "loki.yaml", ("-verify-config", "-config.expand-env=true", "-config.file={}")),
    Checker("tempo", "tempo.yaml", ("-config.verify=true", "-config.expand-env=true", "-config.file={}")),
    Checker("alertmanager", "alertmanager.yml", ("check-config", "{}"), "amtool"),
)


def program(component: str, tool: str = "") -> Path:
    """A component's program, or a tool beside it; the test is left out where there is none."""
    environ = {one.name: os.environ[one.name] for one in PROGRAMS if os.environ.get(one.name)}
    settings = load_settings(environ=environ)
    found = resolve(component, settings, find_home().cache).path
    found = found and (found.with_name(tool) if tool else found)
    if found is None or not found.is_file():
        pytest.skip(f"{tool or component} is not there: obsdeck install {component}")
    return found


def run(argv: list[str], data: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    settings = load_settings(environ={})
    given = commands.environment(settings, Home(data, data), embedded_traces=False)
    return subprocess.run(
        argv, env={**given, **environ}, cwd=data, capture_output=True, text=True, check=False, timeout=60
    )


def check(checker: Checker, path: Path, data: Path) -> subprocess.CompletedProcess[str]:
    command = program(checker.component, checker.tool)
    return run([str(command), *(word.format(path) for word in checker.argv)], data)


@pytest.mark.parametrize("checker", CHECKERS, ids=lambda checker: checker.component)
def test_a_server_accepts_its_file(checker: Checker, tmp_path: Path) -> None:
    done = check(checker, OPS / checker.component / checker.file, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("checker", CHECKERS, ids=lambda checker: checker.component)
def test_a_server_refuses_a_key_that_it_does_not_know(checker: Checker, tmp_path: Path) -> None:
    text = (OPS / checker.component / checker.file).read_text(encoding="utf-8")
    broken = tmp_path / checker.file
    broken.write_text(text + "\nno_such_key: true\n", encoding="utf-8")
    done = check(checker, broken, tmp_path)
    assert done.returncode != 0
    assert "no_such_key" in done.stdout + done.stderr


def test_the_collector_accepts_the_token_over_its_file(tmp_path: Path) -> None:
    files = [f"--config={OPS / 'collector' / name}" for name in ("config.yaml", "auth.yaml")]
    done = run([str(program("collector")), "validate", *files], tmp_path, OBSDECK_OTLP_TOKEN="abc")
    assert done.returncode == 0, done.stderr


def queries() -> list[str]:
    """All PromQL that people are given: dashboards, links from traces, runbooks."""
    found = []
    for path in sorted((GENERATED / "dashboards").rglob("*.json")):
        for panel in _panels(json.loads(path.read_text(encoding="utf-8"))["panels"]):
            targets = panel.get("targets", [])
            found += [target["expr"] for target in targets if target["datasource"]["type"] == "prometheus"]
    sources = yaml.safe_load((GENERATED / "datasources/obsdeck.yaml").read_text(encoding="utf-8"))
    tempo = next(source for source in sources["datasources"] if source["uid"] == "tempo")
    found += [link["query"].replace("$$", "$") for link in tempo["jsonData"]["tracesToMetrics"]["queries"]]
    for path in (ROOT / "runbooks").rglob("*.md"):
        found += re.findall(r"```promql\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)
    return found


def _panels(panels: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in panels:
        yield panel
        yield from panel.get("panels", [])


def test_every_query_that_people_are_given_is_promql(tmp_path: Path) -> None:
    filled = [promql.substituted(re.sub(r"\$__tags", 'service_name="a"', query)) for query in queries()]
    rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(filled)]
    path = tmp_path / "queries.yaml"
    path.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}), encoding="utf-8")
    assert len(rules) > 300
    done = run([str(program("prometheus", "promtool")), "check", "rules", str(path)], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
