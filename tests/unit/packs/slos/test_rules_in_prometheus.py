"""What the rules do, as Prometheus' own evaluation says; and that a wrong formula is seen.

Counters have a sample each minute.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import ERRORS, TOTAL, document, made, run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BEFORE = """{sloth_id="shop-availability", sloth_service="shop", sloth_slo="availability", \
sloth_window="5m", service_name="shop", owner="a"}"""
NOT_A_NUMBER = 'count({__name__=~"slo.+"}) - count({__name__=~"slo.+"} < Inf)'
PAGES = 'count(ALERTS{sloth_severity="page"}) or vector(0)'
TICKETS = 'count(ALERTS{sloth_severity="ticket"}) or vector(0)'
RATIO = "slo:sli_error:ratio_rate"


def near(expression: str, expected: str, by: float = 1e-9) -> str:
    return f"abs(sum({expression}) - ({expected})) < bool {by}"


def absent(metric: str) -> str:
    return f"absent({metric})"


def sample(status: str, values: str, service: str = "shop") -> dict[str, str]:
    return {"series": f'requests_total{{service_name="{service}", status="{status}"}}', "values": values}


@dataclass(frozen=True)
class Scenario:
    """What comes in, and what is so at which time.

    Attributes:
        series: Counters.
        so: Time, expression, its value.
        slo: What is unusual in the SLO.
        every: How often rules are evaluated; what takes hours is quicker with fewer.
    """

    series: list[dict[str, str]]
    so: Sequence[tuple[str, str, float]]
    slo: dict[str, Any] = field(default_factory=dict)
    every: str = "1m"

    def tests(self, groups: list[dict[str, Any]]) -> dict[str, Any]:
        checks = [
            {"expr": expr, "eval_time": time, "exp_samples": [{"labels": "{}", "value": value}]}
            for time, expr, value in self.so
        ]
        times = dict.fromkeys(time for time, _, _ in self.so)
        checks += [
            {"expr": NOT_A_NUMBER, "eval_time": time, "exp_samples": [{"labels": "{}", "value": 0}]}
            for time in times
        ]
        test = {"interval": "1m", "input_series": self.series, "promql_expr_test": checks}
        return judging(groups, test, self.every)


def judging(groups: list[dict[str, Any]], test: dict[str, Any], every: str) -> dict[str, Any]:
    """A file of tests. The groups are put in order: promtool takes any, and one would see old records."""
    order = [group["name"] for group in groups]
    return {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": every,
        "group_eval_order": order,
        "tests": [test],
    }


def busy(errors: str, hours: int, per_minute: int = 100) -> list[dict[str, str]]:
    return [sample("200", f"0+{per_minute}x{hours * 60}"), sample("500", errors)]


ALL = "sum by (service_name) (rate(took_count[{{.window}}]))"
SLOW = ALL + ' - sum by (service_name) (rate(took_bucket{le=~"1([.]0)?"}[{{.window}}]))'
RATIO_SLI = "1 - sum(increase(good_total[{{.window}}])) / sum(increase(seen_total[{{.window}}]))"

SCENARIOS = {
    "a fast burn pages once the hour has enough of it": Scenario(
        busy("0x360 5+5x60", 7),
        [("6h", PAGES, 0), ("6h10m", PAGES, 0), ("6h25m", PAGES, 1)],
        every="5m",
    ),
    "a slow burn pages by the half hour and the six": Scenario(
        busy("0x360 1+1x300", 11),
        [("9h20m", PAGES, 0), ("9h50m", PAGES, 1)],
        every="5m",
    ),
    "twice the budget is a ticket and no page": Scenario(
        busy("0+2x420", 7, 1000),
        [("7h", PAGES, 0), ("7h", TICKETS, 1)],
        every="5m",
    ),
    "errors within the budget are quiet": Scenario(
        busy("0+0.9x420", 7, 1000),
        [
            ("1h", PAGES, 0),
            ("7h", PAGES, 0),
            ("7h", TICKETS, 0),
            ("7h", near(RATIO + "6h", "0.9 / 1000.9"), 1),
        ],
        every="5m",
    ),
    "an idle service has no ratio and no alert": Scenario(
        [sample("200", "40x180"), sample("500", "7x180")],
        [
            ("3h", absent('{__name__=~"slo:sli_error:.+|slo:.*burn.*|slo:period_error.+"}'), 1),
            ("3h", "sum(slo:sli_total:rate5m)", 0),
            ("3h", "sum(slo:sli_errors:rate5m)", 0),
            ("3h", PAGES, 0),
            ("3h", TICKETS, 0),
        ],
        every="5m",
    ),
    "an idle night leaves the budget as it was": Scenario(
        [sample("200", "0+999x60 60939x240"), sample("500", "0+1x60 61x240")],
        [
            ("1h", near(RATIO + "30d", "0.001"), 1),
            ("4h", absent(RATIO + "5m"), 1),
            ("4h", near(RATIO + "30d", "0.001"), 1),
            ("4h", near("slo:period_error_budget_remaining:ratio", "0"), 1),
        ],
        every="5m",
    ),
    "after a gap the ratio is back, and what happened meanwhile counts": Scenario(
        [sample("200", "0+100x60 _x20 8100+100x40"), sample("500", "0x60 _x20 300x40")],
        [
            ("1h10m", absent(RATIO + "5m"), 1),
            ("1h23m", f"sum({RATIO}5m)", 0),
            ("1h30m", near("slo:sli_errors:rate1h * 3600", "300", 6), 1),
            ("1h30m", near(RATIO + "1h", "300 / 6200", 0.001), 1),
        ],
    ),
    "counters that begin again are no errors": Scenario(
        [sample("200", "0+100x60 0+100x60"), sample("500", "500x60 0x60")],
        [("1h3m", f"max({RATIO}5m)", 0), ("1h3m", PAGES, 0), ("2h", f"max({RATIO}30d)", 0)],
    ),
    "no error series yet is no errors, and the first one counts": Scenario(
        [sample("200", "0+95x180"), sample("500", "_x90 5+5x90")],
        [
            ("1h20m", f"sum({RATIO}5m)", 0),
            ("1h20m", "sum(slo:period_error_budget_remaining:ratio)", 1),
            ("2h", near(RATIO + "5m", "0.05"), 1),
            ("2h", PAGES, 1),
        ],
    ),
    "two services of one SLO are judged each by itself": Scenario(
        [
            sample("200", "0+90x120"),
            sample("500", "0+10x120"),
            sample("200", "0+10000x120", "cart"),
            sample("500", "0x120", "cart"),
        ],
        [
            ("2h", 'count(ALERTS{sloth_severity="page", service_name="shop"})', 1),
            ("2h", 'count(ALERTS{service_name="cart"}) or vector(0)', 0),
            ("2h", near('slo:current_burn_rate:ratio{service_name="shop"}', "100"), 1),
            ("2h", near('slo:period_error_budget_remaining:ratio{service_name="cart"}', "1"), 1),
        ],
        every="5m",
    ),
    "a page ends with its short window": Scenario(
        [sample("200", "0+100x540"), sample("500", "0x360 2+2x59 120x120")],
        [("6h50m", PAGES, 1), ("7h6m", PAGES, 0)],
        every="2m",
    ),
    "no data at all is no alert": Scenario(
        [sample("200", "_x60")],
        [
            ("1h", absent('{__name__=~"slo:sli.+"}'), 1),
            ("1h", near("slo:error_budget:ratio", "0.001"), 1),
            ("1h", PAGES, 0),
            ("1h", TICKETS, 0),
        ],
    ),
    "one failure among few requests is a ticket": Scenario(
        [sample("200", "0x20 1x20 2x40"), sample("500", "0x60 1x20")],
        [("1h3m", near(RATIO + "5m", "1"), 1), ("1h3m", PAGES, 0), ("1h3m", TICKETS, 1)],
    ),
    "a small service that is down pages": Scenario(
        [
            sample("200", "0x4 1x4 2x4 3x4 4x160"),
            sample("500", "0x60 " + " ".join(f"{n}x4" for n in range(1, 25))),
        ],
        [("1h10m", PAGES, 0), ("1h40m", PAGES, 1), ("2h30m", PAGES, 1)],
    ),
    "the number of errors that a page needs can be set": Scenario(
        [sample("200", "0x20 1x20 2x40"), sample("500", "0x60 1x20")],
        [("1h3m", PAGES, 1)],
        {"alerting": {"name": "ShopFails", "page_alert": {"annotations": {"minimum_errors": "1"}}}},
    ),
    "long windows weigh events and not minutes": Scenario(
        [sample("200", "0+1000x60 60000x60"), sample("500", "0x60 10+10x60")],
        [("2h", near(RATIO + window, "600 / 60600", 0.0005), 1) for window in ("1d", "3d", "30d")],
    ),
    "a changed label leaves one budget": Scenario(
        [
            sample("200", "_x60 0+60x60"),
            {"series": "slo:sli_total:rate5m" + BEFORE, "values": "1x50"},
            {"series": "slo:sli_errors:rate5m" + BEFORE, "values": "1x50"},
        ],
        [("2h", f"count({RATIO}30d)", 1), ("2h", near(RATIO + "30d", "51 / (51 + 59)", 0.01), 1)],
        {"labels": {"owner": "b"}},
    ),
    "increase is as good as rate": Scenario(
        busy("0x60 5+5x60", 2),
        [
            ("2h", near("slo:sli_total:rate1h", "105 / 60", 0.02), 1),
            ("2h", near("slo:sli_errors:rate30m", "5 / 60", 0.001), 1),
            ("2h", PAGES, 1),
        ],
        {
            "sli": {
                "events": {
                    "error_query": ERRORS.replace("rate", "increase"),
                    "total_query": TOTAL.replace("rate", "increase"),
                }
            }
        },
    ),
    "slow requests are what is above a bucket, however its bound is written": Scenario(
        [
            {"series": f'took_count{{service_name="{name}"}}', "values": "0+100x60"}
            for name in ("pushed", "scraped")
        ]
        + [
            {"series": f'took_bucket{{service_name="{name}", le="{le}"}}', "values": "0+90x60"}
            for name, le in (("pushed", "1"), ("scraped", "1.0"))
        ],
        [("1h", f"count({RATIO}5m)", 2), ("1h", near(RATIO + "5m", "0.1 + 0.1"), 1), ("1h", PAGES, 2)],
        {"sli": {"events": {"error_query": SLOW, "total_query": ALL}}},
    ),
    "a raw ratio of nothing is absent": Scenario(
        [
            {"series": "good_total", "values": "0+9x60 540x180"},
            {"series": "seen_total", "values": "0+10x60 600x180"},
        ],
        [
            ("1h", near(RATIO + "5m", "0.1"), 1),
            ("1h", PAGES, 1),
            ("4h", absent(RATIO + "5m"), 1),
            ("4h", near(RATIO + "30d", "0.1"), 1),
            ("4h", PAGES, 0),
        ],
        {"sli": {"raw": {"error_ratio_query": RATIO_SLI}}},
        every="5m",
    ),
    "with steady traffic all is as Sloth publishes it": Scenario(
        busy("0x240 0+1x240", 8),
        [
            (
                "8h",
                near(f"{RATIO}{window}", f"sum({ERRORS} / {TOTAL})".replace("{{.window}}", window), 1e-12),
                1,
            )
            for window in ("5m", "30m", "1h", "2h", "6h")
        ]
        + [
            (
                "8h",
                near(
                    f"{RATIO}30d",
                    f"sum(sum_over_time({RATIO}5m[30d]) / count_over_time({RATIO}5m[30d]))",
                    0.0001,
                ),
                1,
            )
        ],
        every="5m",
    ),
}


def judged(promtool: Path, folder: Path, scenario: Scenario, groups: list[dict[str, Any]]) -> str:
    """Empty where all is as the scenario says."""
    done = run(
        promtool,
        folder,
        "test",
        "rules",
        "tests.yaml",
        rules={"groups": groups},
        tests=scenario.tests(groups),
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_is_so_that(name: str, promtool: Path, tmp_path: Path) -> None:
    scenario = SCENARIOS[name]
    assert judged(promtool, tmp_path, scenario, made(document(**scenario.slo))) == ""


FAULTS = {
    "a fast burn pages once the hour has enough of it": (r"\(14\.4 \*", "(500 *"),
    "a slow burn pages by the half hour and the six": (r"\(6 \*", "(14.4 *"),
    "twice the budget is a ticket and no page": (r"\(1 \*", "(3 *"),
    "errors within the budget are quiet": (r"\(1 \*", "(0.8 *"),
    "an idle service has no ratio and no alert": (r" > 0\)", " >= 0)"),
    "an idle night leaves the budget as it was": (r" > 0\)", " >= 0)"),
    "after a gap the ratio is back, and what happened meanwhile counts": (r"\[1h\]", "[5m]"),
    "counters that begin again are no errors": (r"rate(\(requests_total\{[^)]*\))", r"-delta\1"),
    "no error series yet is no errors, and the first one counts": (r"\nor\n0 .*", ""),
    "two services of one SLO are judged each by itself": (r"sum by \(service_name\)", "sum"),
    "a page ends with its short window": (r"rate5m(.* > \(14)", r"rate1h\1"),
    "no data at all is no alert": (r"\((.*rate.*)\)( >= 0)", r"(\1 or vector(1))\2"),
    "one failure among few requests is a ticket": (r"\n  and\n  max.*round.*", ""),
    "a small service that is down pages": (r">= 5\b", ">= 50"),
    "the number of errors that a page needs can be set": (r" \* 0\.001\)", " * 5)"),
    "long windows weigh events and not minutes": (r"sum_over_time", "count_over_time"),
    "a changed label leaves one budget": (r"sum without \([^)]*\)", ""),
    "increase is as good as rate": (r" / \d+\b", ""),
    "slow requests are what is above a bucket, however its bound is written": (r'le=~"[^"]*"', 'le="1"'),
    "a raw ratio of nothing is absent": (r" < Inf", ""),
    "with steady traffic all is as Sloth publishes it": (r"\[30m\]", "[6h]"),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_wrong_formula_is_seen_where(name: str, promtool: Path, tmp_path: Path) -> None:
    pattern, instead = FAULTS[name]
    groups = made(document(**SCENARIOS[name].slo))
    changed = 0
    for rule in (rule for group in groups for rule in group["rules"]):
        rule["expr"], times = re.subn(pattern, instead, rule["expr"])
        changed += times
    assert changed
    # With a time, or else it is no PromQL and has not run.
    assert ", time: " in judged(promtool, tmp_path, SCENARIOS[name], groups)


def test_an_alert_says_what_burns_and_where_to_read_on(promtool: Path, tmp_path: Path) -> None:
    groups = made(document(description="Pages and API.", labels={"owner": "web"}))
    ids = {"sloth_id": "shop-availability", "sloth_service": "shop", "sloth_slo": "availability"}
    spent = "shop availability (cart): the error budget is spent too fast"
    words = {
        "summary": spent,
        "description": "20% of the latest events failed; 0.1 % may, over 30 days. Pages and API.",
        "runbook_url": "runbooks/slo/ShopFails.md",
    }
    expected = [
        {
            "exp_labels": {
                **ids,
                "owner": "web",
                "service_name": "cart",
                "severity": severity,
                "sloth_severity": kind,
            },
            "exp_annotations": {**words, "title": f"({kind}) {spent}"},
        }
        for kind, severity in (("page", "critical"), ("ticket", "warning"))
    ]
    test = {
        "interval": "1m",
        "input_series": [sample("200", "0+80x60", "cart"), sample("500", "0+20x60", "cart")],
        "alert_rule_test": [{"eval_time": "1h", "alertname": "ShopFails", "exp_alerts": expected}],
    }
    tests = judging(groups, test, "1m")
    done = run(promtool, tmp_path, "test", "rules", "tests.yaml", rules={"groups": groups}, tests=tests)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_has_nothing_to_say_of_the_rules(promtool: Path, tmp_path: Path) -> None:
    lint = ("check", "rules", "--lint=all", "--lint-fatal", "rules.yaml")
    done = run(promtool, tmp_path, *lint, rules={"groups": made(document())})
    assert done.returncode == 0, done.stdout + done.stderr
