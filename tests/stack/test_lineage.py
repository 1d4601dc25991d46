"""`obsdeck lineage` as it is typed: what the packs say, and who sends the metric at this moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.stack.home import find_home
from tests.stack.conftest import ROOT, LostError, Observed

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.stack

METRIC = "http_server_request_duration_seconds"


def lineage(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "obsdeck", "lineage", *words],
        cwd=ROOT / "examples",
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def document(environ: dict[str, str], *words: str) -> dict[str, Any]:
    done = lineage(environ, *words, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_who_sends_a_metric_now_is_told_while_the_stack_runs(with_embedded_store: Observed) -> None:
    environ = with_embedded_store.stack.environ

    def follow() -> list[dict[str, Any]]:
        sent_by = document(environ, METRIC)["sent_by"]
        if "quickstart" not in {one["service"] for one in sent_by}:
            raise LostError(f"the quickstart is not among {sent_by}")
        return [one for one in sent_by if one["service"] == "quickstart"]

    (sender,) = with_embedded_store.until_found(follow)
    assert (sender["job"], sender["series"] > 0) == ("quickstart", True)
    told = lineage(environ, METRIC).stdout
    assert "sent now by" in told
    assert "quickstart" in told.partition("used by")[0]


def test_a_scraped_metric_is_sent_by_its_job(with_embedded_store: Observed) -> None:
    stack = with_embedded_store.stack

    def jobs() -> set[str]:
        return {one["job"] for one in document(stack.environ, "otelcol_exporter_queue_size")["sent_by"]}

    stack.until(lambda: jobs() == {"collector"}, 60)


def test_a_metric_that_nobody_sends_is_told(with_embedded_store: Observed) -> None:
    stack = with_embedded_store.stack

    assert document(stack.environ, "obsdeck.guard.refused")["sent_by"] == []
    assert "sent now by nobody" in lineage(stack.environ, "obsdeck.guard.refused").stdout


def test_without_a_stack_it_tells_what_the_packs_say(tmp_path: Path) -> None:
    environ = {"OBSDECK_HOME": str(tmp_path / "home")}
    found = document(environ, METRIC)
    assert "sent_by" not in found
    assert found["signal"] == "http.server.request.duration"
    uses = {(one["kind"], one["name"]) for one in found["used_by"]}
    assert {("alert", "HttpErrors"), ("slo", "http/availability")} <= uses
    told = lineage(environ, METRIC).stdout
    assert "sent now" not in told
    assert "observability/packs/http/dashboards/http.yaml:" in told


def test_a_stack_that_does_not_answer_keeps_nobody_from_reading_the_packs(
    with_embedded_store: Observed, tmp_path: Path
) -> None:
    stack = with_embedded_store.stack
    environ = {**stack.environ, "OBSDECK_HOME": str(tmp_path / "home")}
    home = find_home(environ["OBSDECK_HOME"], environ)
    home.run.mkdir(parents=True)
    recorded = json.loads((stack.home.run / "stack.json").read_text(encoding="utf-8"))
    path = home.run / "stack.json"
    path.write_text(json.dumps(recorded), encoding="utf-8")
    assert "sent_by" in document(environ, METRIC)
    recorded["values"]["OBSDECK_PROMETHEUS_PORT"] = "1"
    path.write_text(json.dumps(recorded), encoding="utf-8")
    found = document(environ, METRIC)
    assert "sent_by" not in found
    assert found["signal"] == "http.server.request.duration"


def test_a_name_that_no_pack_knows_is_refused_with_its_neighbours(tmp_path: Path) -> None:
    done = lineage({"OBSDECK_HOME": str(tmp_path / "home")}, "http_server_request_duration_second")
    assert done.returncode == 1
    assert f"did you mean {METRIC}" in done.stderr
