"""What a file of SLOs may say, and where it is told that it may not."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pydantic import ValidationError

from obsdeck.packs.slos.model import Slos

from .conftest import ERRORS, TOTAL, document, made, run

if TYPE_CHECKING:
    from collections.abc import Callable

FULL = {
    "version": "prometheus/v1",
    "service": "shop",
    "labels": {"owner": "web"},
    "slos": [
        {
            "name": "requests-availability",
            "objective": 99,
            "description": "Requests.",
            "labels": {"category": "availability"},
            "sli": {"events": {"error_query": ERRORS, "total_query": TOTAL}},
            "alerting": {
                "name": "ShopFails",
                "labels": {"category": "availability"},
                "annotations": {"summary": "Requests fail"},
                "page_alert": {"labels": {"severity": "pageteam"}, "annotations": {"minimum_errors": "3"}},
                "ticket_alert": {"disable": True},
            },
        },
        {
            "name": "wifi",
            "objective": 95.5,
            "sli": {"raw": {"error_ratio_query": "1 - avg(avg_over_time(ok[{{.window}}]))"}},
            "alerting": {"page_alert": {"disable": True}, "ticket_alert": {"disable": True}},
        },
    ],
}


def faults(file: dict[str, Any]) -> dict[str, str]:
    """What is wrong, by path."""
    with pytest.raises(ValidationError) as caught:
        Slos.model_validate(file)
    return {".".join(map(str, one["loc"])): one["msg"] for one in caught.value.errors()}


def test_every_key_of_sloth_is_taken() -> None:
    slos = Slos.model_validate(FULL)
    assert slos.slos[0].alerting.minimum_errors == 3
    assert slos.slos[1].objective == 95.5
    assert Slos.model_validate(document()).slos[0].alerting.minimum_errors == 5


def test_nothing_changes_once_it_is_read() -> None:
    slos = Slos.model_validate(FULL)
    with pytest.raises(ValidationError, match="frozen"):
        slos.service = "cart"


@pytest.mark.parametrize(
    "where", ["", "slos.0", "slos.0.sli", "slos.0.alerting", "slos.0.alerting.page_alert"]
)
def test_a_key_that_sloth_does_not_have_is_refused(where: str) -> None:
    file = copy.deepcopy(FULL)
    part: Any = file
    for key in filter(None, where.split(".")):
        part = part[int(key) if key.isdigit() else key]
    part["no_such_key"] = 1
    path = f"{where}.no_such_key".removeprefix(".")
    assert faults(file) == {path: "Extra inputs are not permitted"}


@pytest.mark.parametrize("objective", [0, 100, -1, 100.5, float("nan"), float("inf"), "99.9", True, None])
def test_an_objective_lies_between_0_and_100(objective: Any) -> None:
    assert "slos.0.objective" in faults(document(objective=objective))


@pytest.mark.parametrize("name", ["", "-a", "a-", "a b", "ä", 'a"b', "a\n"])
def test_a_name_is_one_that_sloth_takes(name: str) -> None:
    assert "begins and ends with a letter or digit" in faults(document(name=name))["slos.0.name"]


def test_a_name_of_one_letter_will_do() -> None:
    assert Slos.model_validate(document(name="a")).slos[0].name == "a"


Change = dict[str, Any]
WRONG: dict[str, tuple[Change, str, str]] = {
    "plugin": ({"sli": {"plugin": {"id": "a"}}}, "sli.plugin", "only Sloth can run"),
    "plugins": ({"plugins": {"chain": []}}, "plugins", "only Sloth can run"),
    "no indicator": ({"sli": {}}, "sli", "one of events and raw"),
    "both indicators": (
        {
            "sli": {
                "raw": {"error_ratio_query": "rate(a[{{.window}}])"},
                "events": {"error_query": ERRORS, "total_query": TOTAL},
            }
        },
        "sli",
        "one of events and raw",
    ),
    "no window": (
        {"sli": {"events": {"error_query": "sum(rate(a[5m]))", "total_query": TOTAL}}},
        "sli.events.error_query",
        "has no {{.window}}",
    ),
    "same queries": (
        {"sli": {"events": {"error_query": TOTAL, "total_query": TOTAL}}},
        "sli.events",
        "every event would be an error",
    ),
    "labels that never match": (
        {"sli": {"events": {"error_query": ERRORS, "total_query": "sum(rate(a[{{.window}}]))"}}},
        "sli.events",
        "gives labels (service_name) and total_query ()",
    ),
    "a label that the queries keep": (
        {"labels": {"service_name": "a"}},
        "",
        "(service_name), which the queries keep",
    ),
    "a label of Sloth's": ({"labels": {"sloth_id": "a"}}, "labels", "not free"),
    "a label that is none": ({"labels": {"a-b": "a"}}, "labels", "'a-b' is no name"),
    "an empty label": ({"labels": {"a": ""}}, "labels", "'a' is empty"),
    "a label that is a number": ({"labels": {"tier": 2}}, "labels.tier", "valid string"),
    "no alert's name": ({"alerting": {}}, "alerting", "needs a name"),
    "a bad alert's name": ({"alerting": {"name": "Shop fails"}}, "alerting.name", "match pattern"),
    "a page that can never fire": ({"objective": 80}, "", "set one above 83.3 or disable page_alert"),
    "a minimum for both": (
        {"alerting": {"name": "A", "annotations": {"minimum_errors": "2"}}},
        "alerting",
        "is for pages",
    ),
    "a minimum for tickets": (
        {"alerting": {"name": "A", "ticket_alert": {"annotations": {"minimum_errors": "2"}}}},
        "alerting",
        "is for pages",
    ),
    "a minimum of nothing": (
        {"alerting": {"name": "A", "page_alert": {"annotations": {"minimum_errors": "0"}}}},
        "alerting",
        "whole number from 1 up",
    ),
    "a minimum of a ratio": (
        {
            "sli": {"raw": {"error_ratio_query": "rate(a[{{.window}}])"}},
            "alerting": {"name": "A", "page_alert": {"annotations": {"minimum_errors": "2"}}},
        },
        "",
        "needs events",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_fault_is_told_at_its_place(case: str) -> None:
    change, where, words = WRONG[case]
    found = faults(document(**change))
    assert list(found) == [f"slos.0.{where}".removesuffix(".")]
    assert words in next(iter(found.values()))


WHOLE: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "another version": (lambda file: file | {"version": "prometheus/v2"}, "version", "prometheus/v1"),
    "no SLO": (lambda file: file | {"slos": []}, "slos", "at least one"),
    "twice the same": (lambda file: file | {"slos": file["slos"] * 2}, "slos", "two SLOs have the name"),
    "SLO plugins": (lambda file: file | {"slo_plugins": {"chain": []}}, "slo_plugins", "only Sloth can run"),
    "a label that queries keep": (lambda file: file | {"labels": {"service_name": "a"}}, "", "queries keep"),
}


@pytest.mark.parametrize("case", WHOLE)
def test_a_fault_of_the_whole_file_is_told(case: str) -> None:
    change, where, words = WHOLE[case]
    found = faults(change(document()))
    assert list(found) == [where]
    assert words in found[where]


def test_all_faults_are_told_at_once() -> None:
    found = faults(document(name="a b", objective=0, labels={"a": ""}))
    assert sorted(found) == ["slos.0.labels", "slos.0.name", "slos.0.objective"]


def test_the_example_of_the_guide_is_taken(promtool: Path, tmp_path: Path) -> None:
    text = (Path(__file__).parents[4] / "docs/guides/slos.md").read_text(encoding="utf-8")
    first, second = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
    first["slos"][0]["alerting"] |= second
    assert Slos.model_validate(first).slos[0].alerting.minimum_errors == 1
    [queries] = re.findall(r"```promql\n(.*?)```", text, re.DOTALL)
    records = [{"record": f"query:{n}", "expr": line} for n, line in enumerate(queries.splitlines())]
    rules = {"groups": [*made(first), {"name": "queries", "rules": records}]}
    done = run(promtool, tmp_path, "check", "rules", "rules.yaml", rules=rules)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"SUCCESS: {27 * 2 + 4} rules found" in done.stdout
