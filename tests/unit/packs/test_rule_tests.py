from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from obsdeck.packs import promql, rule_tests, source

LEAVES = {"ShopFails": promql.selectors('shop_orders_total{a="b"} / {__name__=~"shop_size.*"}')}
NOTATIONS = (
    "1 2 3",
    "1x2",
    "1+1x4",
    "10-1x3",
    "-1+2x2 5",
    "_ _ 7",
    "_x3 1",
    "1 stale",
    "1x2 _x2 stale 4",
    "{{schema:0 sum:1 count:1 buckets:[1]}}x2",
    "_",
    "0x10",
    "1e3 NaN Inf",
)


def cases(text: str) -> list[tuple[str, str]]:
    document = source.parse(text, Path("shop.yaml"))
    return [(one.alert, one.kind) for one in rule_tests.cases(document, LEAVES)]


def case(series: str, at: str = "10m", interval: str = "1m", alerts: str = "[]") -> list[tuple[str, str]]:
    return cases(
        f"tests: [{{interval: {interval}, input_series: [{series}], "
        f"alert_rule_test: [{{eval_time: {at}, alertname: ShopFails, exp_alerts: {alerts}}}]}}]"
    )


def series(name: str, values: str) -> str:
    return f"{{series: '{name}', values: '{values}'}}"


def test_an_alert_that_is_expected_fires() -> None:
    assert case("", alerts="[{exp_labels: {}}]") == [("ShopFails", "fires")]


def test_no_alert_with_its_data_there_is_quiet() -> None:
    assert case(series('shop_orders_total{a="b"}', "0+1x20")) == [("ShopFails", "quiet")]
    assert case(series("shop_size_total", "0x20")) == [("ShopFails", "quiet")]


def test_no_alert_without_its_data_is_missing() -> None:
    assert case("") == [("ShopFails", "missing")]
    assert case(series("other", "0x20")) == [("ShopFails", "missing")]
    assert case(series("shop_orders_total", "0x4"), at="15m") == [("ShopFails", "missing")]


def test_a_sample_counts_for_five_minutes() -> None:
    assert case(series("shop_orders_total", "0x4"), at="8m") == [("ShopFails", "quiet")]
    assert case(series("shop_orders_total", "0x4"), at="9m") == [("ShopFails", "missing")]
    assert case(series("shop_orders_total", "0x8"), at="4m", interval="30s") == [("ShopFails", "quiet")]


WARNS = "{exp_labels: {severity: warning}}"
PAGES = "{exp_labels: {severity: critical}}"


def pending(
    *expected: tuple[str, str, str], every: str = "1m", duration: float = 300
) -> list[tuple[str, str]]:
    """The severities of ShopFails that a test with (time, alert, expected alerts) shows pending."""
    listed = ", ".join(
        f"{{eval_time: {at}, alertname: {name}, exp_alerts: [{alerts}]}}" for at, name, alerts in expected
    )
    text = f"evaluation_interval: {every}\ntests: [{{alert_rule_test: [{listed}]}}]"
    durations = {("ShopFails", one): duration for one in ("warning", "critical")}
    return list(rule_tests.pending(source.parse(text, Path("shop.yaml")), durations))


def test_what_is_quiet_within_its_duration_before_it_fires_is_pending() -> None:
    assert pending(("5m", "ShopFails", ""), ("10m", "ShopFails", WARNS)) == [("ShopFails", "warning")]
    assert pending(("10m", "ShopFails", WARNS), ("9m", "ShopFails", "")) == [("ShopFails", "warning")]


def test_what_is_quiet_earlier_or_afterwards_may_not_have_met_its_condition() -> None:
    assert pending(("4m", "ShopFails", ""), ("10m", "ShopFails", WARNS)) == []
    assert pending(("11m", "ShopFails", ""), ("10m", "ShopFails", WARNS)) == []
    assert pending(("10m", "ShopFails", ""), ("10m", "ShopFails", WARNS)) == []


def test_another_alert_is_not_pending() -> None:
    assert pending(("9m", "ShopIdle", ""), ("10m", "ShopFails", WARNS)) == []
    assert pending(("9m", "ShopFails", ""), ("10m", "ShopIdle", WARNS)) == []


def test_one_severity_is_pending_while_the_other_fires() -> None:
    both = f"{WARNS}, {PAGES}"
    assert pending(("9m", "ShopFails", WARNS), ("10m", "ShopFails", both)) == [("ShopFails", "critical")]
    assert pending(("9m", "ShopFails", both), ("10m", "ShopFails", both)) == []


def test_an_alert_is_pending_for_one_evaluation_at_least() -> None:
    quiet, fires = ("10m", "ShopFails", ""), ("15m", "ShopFails", PAGES)
    assert pending(quiet, fires, every="5m", duration=60) == [("ShopFails", "critical")]
    assert pending(quiet, fires, every="1m", duration=60) == []
    assert pending(quiet, ("14m", "ShopFails", PAGES), every="5m", duration=600) == []


def test_cases_of_two_tests_show_nothing_together() -> None:
    one = "{alert_rule_test: [{eval_time: 9m, alertname: ShopFails}]}"
    other = f"{{alert_rule_test: [{{eval_time: 10m, alertname: ShopFails, exp_alerts: [{WARNS}]}}]}}"
    document = source.parse(f"tests: [{one}, {other}]", Path("shop.yaml"))
    assert list(rule_tests.pending(document, {("ShopFails", "warning"): 300})) == []


def test_an_alert_that_asks_for_no_series_is_quiet() -> None:
    assert cases("tests: [{alert_rule_test: [{eval_time: 0, alertname: Watchdog}]}]") == [
        ("Watchdog", "quiet")
    ]


@pytest.mark.parametrize(
    "text", ["", "a", "[]", "tests: 5", "tests: [5]", "tests: [{}]", "tests: [{alert_rule_test: [5, {}]}]"]
)
def test_what_is_no_test_shows_nothing(text: str) -> None:
    assert cases(text) == []
    assert (
        list(rule_tests.pending(source.parse(text, Path("shop.yaml")), {("ShopFails", "warning"): 60})) == []
    )


def test_a_case_stands_where_it_is_written() -> None:
    text = "tests:\n  - alert_rule_test:\n      - {alertname: A}\n      - {alertname: B}\n"
    found = rule_tests.cases(source.parse(text, Path("a.yaml")), {})
    assert [one.place.line for one in found] == [3, 4]


@pytest.mark.parametrize(
    ("text", "seconds"), [("5m", 300), ("1h30m", 5400), ("90s", 90), ("500ms", 0.5), ("1d", 86400), ("0", 0)]
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert rule_tests.seconds(text) == seconds


@pytest.mark.parametrize("values", NOTATIONS)
def test_where_a_series_has_a_value_promtool_agrees(values: str, promtool: Path, tmp_path: Path) -> None:
    expected = [rule_tests.has_sample(values, index, 5) for index in range(18)]
    asked = [
        {
            "expr": "count(a) or vector(0)",
            "eval_time": f"{index}m",
            "exp_samples": [{"labels": "{}", "value": int(there)}],
        }
        for index, there in enumerate(expected)
    ]
    tests = [
        {"interval": "1m", "input_series": [{"series": "a", "values": values}], "promql_expr_test": asked}
    ]
    path = tmp_path / "test.yaml"
    path.write_text(json.dumps({"rule_files": [], "tests": tests}))
    done = subprocess.run(
        [str(promtool), "test", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def made(test: dict[str, Any]) -> dict[str, Any]:
    document = source.parse(json.dumps({"evaluation_interval": "1m", "tests": [test]}), Path("a.yaml"))
    added = {"ShopFails": {"runbook_url": "runbooks/shop/ShopFails.md"}}
    found = rule_tests.runnable(document, ["shop.yaml"], ["shop", "more"], added)
    assert found["rule_files"] == ["shop.yaml"]
    assert found["group_eval_order"] == ["shop", "more"]
    assert found["evaluation_interval"] == "1m"
    (one,) = found["tests"]
    return dict(one)


def expecting(*alerts: Any) -> dict[str, Any]:
    return {"eval_time": "5m", "alertname": "ShopFails", "exp_alerts": list(alerts)}


def test_a_test_that_speaks_of_no_annotations_asks_for_the_series_of_the_alert() -> None:
    one = made({"alert_rule_test": [expecting({"exp_labels": {"severity": "critical", "a": 'b"\\\n'}})]})
    assert one == {
        "promql_expr_test": [
            {
                "expr": 'ALERTS{alertname="ShopFails", alertstate="firing"}',
                "eval_time": "5m",
                "exp_samples": [
                    {
                        "labels": 'ALERTS{alertname="ShopFails", alertstate="firing", severity="critical", '
                        'a="b\\"\\\\\\n"}',
                        "value": 1,
                    }
                ],
            }
        ]
    }


def test_a_test_of_annotations_gets_those_that_nobody_writes() -> None:
    one = made({"alert_rule_test": [expecting({"exp_annotations": {"summary": "a"}})]})
    assert one["alert_rule_test"] == [
        expecting({"exp_annotations": {"runbook_url": "runbooks/shop/ShopFails.md", "summary": "a"}})
    ]


def test_a_quiet_case_and_expressions_stay_as_they_are() -> None:
    asked = {"expr": "up", "eval_time": "0", "exp_samples": []}
    one = {"name": "a", "alert_rule_test": [expecting()], "promql_expr_test": [asked]}
    assert made(one) == one


GROUPS = [
    {"name": "first", "rules": [{"record": "a:b", "expr": "up"}, {"record": "a:b:c", "expr": "sum(a:b)"}]},
    {
        "name": "second",
        "interval": "1m",
        "rules": [{"alert": "A", "expr": "a:b:c > 1"}, {"alert": "Aa", "expr": "x > 1"}],
    },
    {"name": "third", "rules": [{"alert": "B", "expr": "x > 1"}]},
]


def kept(text: str) -> dict[str, list[str]]:
    found = rule_tests.needed(source.parse(text, Path("a.yaml")), GROUPS)
    return {
        group["name"]: [rule.get("record") or rule["alert"] for rule in group["rules"]] for group in found
    }


def test_a_test_is_run_with_the_rules_that_it_names_and_those_that_these_ask_for() -> None:
    assert kept("tests: [{alert_rule_test: [{alertname: A}]}]") == {
        "first": ["a:b", "a:b:c"],
        "second": ["A"],
    }
    assert kept("tests: [{promql_expr_test: [{expr: 'sum(a:b)'}]}]") == {"first": ["a:b"]}
    assert kept("tests: []") == {}


def test_a_group_keeps_what_else_it_says() -> None:
    (group,) = rule_tests.needed(
        source.parse("tests: [{alert_rule_test: [{alertname: Aa}]}]", Path("a.yaml")), GROUPS
    )
    assert group == {"name": "second", "interval": "1m", "rules": [{"alert": "Aa", "expr": "x > 1"}]}
