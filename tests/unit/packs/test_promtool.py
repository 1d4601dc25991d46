from __future__ import annotations

from typing import TYPE_CHECKING

from obsdeck.packs import promtool as tool

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Repository


def test_prometheus_accepts_the_rules_and_runs_their_tests(repository: Repository, promtool: Path) -> None:
    assert list(tool.run(promtool, repository.catalog())) == []


def test_a_test_that_fails_is_told_with_its_file_and_what_was_there(
    repository: Repository, promtool: Path
) -> None:
    repository.change(
        "tests/shop.yaml", "severity: critical, service_name: shop", "severity: info, service_name: shop"
    )
    (finding,) = tool.run(promtool, repository.catalog())
    assert (finding.check, finding.place.path) == ("rule-test", repository.file("tests/shop.yaml"))
    assert 'severity="critical"' in finding.why
    assert "/obsdeck-rules-" not in finding.why


def test_one_failing_file_of_two_is_told(repository: Repository, promtool: Path) -> None:
    quiet = "tests: [{alert_rule_test: [{eval_time: 0, alertname: ShopFails, exp_alerts: []}]}]\n"
    repository.put("tests/aaa.yaml", quiet)
    repository.put(
        "tests/zzz.yaml", quiet.replace("exp_alerts: []", "exp_alerts: [{exp_labels: {severity: x}}]")
    )
    (finding,) = tool.run(promtool, repository.catalog())
    assert finding.place.path == repository.file("tests/zzz.yaml")
    assert finding.place.line == 1


def test_each_failing_test_of_a_file_is_told_where_it_stands(repository: Repository, promtool: Path) -> None:
    nothing = "promql_expr_test: [{expr: vector(1), eval_time: 0, exp_samples: []}]"
    repository.put(
        "tests/zzz.yaml", f"tests:\n  - {{{nothing}}}\n  - {{name: b}}\n  - {{name: c, {nothing}}}\n"
    )
    found = tool.run(promtool, repository.catalog())
    assert [(one.place.line, one.why.splitlines()[0].strip()) for one in found] == [
        (2, 'expr: "vector(1)", time: 0s,'),
        (4, 'expr: "vector(1)", time: 0s,'),
    ]


def test_a_file_that_promtool_refuses_is_told(repository: Repository, promtool: Path) -> None:
    repository.put("tests/zzz.yaml", "tests: [{name: a}]\nevaluation_interval: soon\n")
    found = list(tool.run(promtool, repository.catalog()))
    assert {one.check for one in found} == {"rule-test"}
    assert any("soon" in one.why for one in found)


def test_rules_that_prometheus_refuses_are_told(repository: Repository, promtool: Path) -> None:
    repository.change(
        "alerts.yaml", 'summary: "{{ $labels.service_name }} sells nothing"', 'summary: "{{ nothing }}"'
    )
    found = list(tool.run(promtool, repository.catalog()))
    assert found[0].check == "rules"
    assert "nothing" in found[0].why
