"""The rules as text: named as Sloth names them, equal to its formulas where they are meant to be."""

from __future__ import annotations

from decimal import Decimal

import promql_parser
import pytest

from obsdeck.packs.slos.budget import exact
from obsdeck.packs.slos.model import Slos
from obsdeck.packs.slos.rules import groups, recorded
from obsdeck.packs.slos.windows import PAIRS

from .conftest import ERRORS, TOTAL, document, made, rules

IDS = {"sloth_id": "shop-availability", "sloth_service": "shop", "sloth_slo": "availability"}
SELECTOR = '{sloth_id="shop-availability", sloth_service="shop", sloth_slo="availability"}'
ON = "on(sloth_id, sloth_slo, sloth_service) group_left"
EACH = {"alerting": {"name": "ShopFails", "page_alert": {"annotations": {"minimum_errors": "1"}}}}


def same(ours: str, published: str) -> bool:
    return promql_parser.parse(ours).prettify() == promql_parser.parse(published).prettify()


def test_groups_are_named_as_sloths() -> None:
    assert [group["name"] for group in made(document())] == [
        "sloth-slo-sli-recordings-shop-availability",
        "sloth-slo-meta-recordings-shop-availability",
        "sloth-slo-alerts-shop-availability",
    ]


def test_what_is_summed_later_is_recorded_at_an_interval_of_its_own() -> None:
    intervals = [group.get("interval") for group in made(document())]
    assert intervals == ["1m", "1m", None]


def test_a_file_of_two_has_groups_of_both_in_its_order() -> None:
    file = document()
    file["slos"].append({**file["slos"][0], "name": "another"})
    names = [group["name"] for group in made(file)]
    assert names[3:] == [name.replace("availability", "another") for name in names[:3]]


def test_everything_that_sloth_records_is_recorded() -> None:
    windows = ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d")
    published = {f"slo:sli_error:ratio_rate{window}" for window in windows} | {
        "slo:objective:ratio",
        "slo:error_budget:ratio",
        "slo:time_period:days",
        "slo:current_burn_rate:ratio",
        "slo:period_burn_rate:ratio",
        "slo:period_error_budget_remaining:ratio",
        "sloth_slo_info",
    }
    ours = recorded(Slos.model_validate(document()))
    assert ours == sorted(ours)
    assert {name for name in ours if not name.startswith(("slo:sli_errors", "slo:sli_total"))} == published


def test_the_ratio_divides_the_errors_by_all() -> None:
    found = rules(document())
    for window in ("5m", "30m", "1h", "2h", "6h"):
        errors, total = (query.replace("{{.window}}", window) for query in (ERRORS, TOTAL))
        assert same(found[f"slo:sli_total:rate{window}"]["expr"], f"({total}) >= 0")
        assert same(
            found[f"slo:sli_errors:rate{window}"]["expr"], f"(({errors}) >= 0) or 0 * (({total}) >= 0)"
        )
        assert same(
            found[f"slo:sli_error:ratio_rate{window}"]["expr"],
            f"slo:sli_errors:rate{window}{SELECTOR} / (slo:sli_total:rate{window}{SELECTOR} > 0)",
        )


@pytest.mark.parametrize("window", ["1d", "3d", "30d"])
def test_long_windows_divide_sums(window: str) -> None:
    sums = [
        f"sum without (sloth_window) (sum_over_time(slo:sli_{what}:rate5m{SELECTOR}[{window}]))"
        for what in ("errors", "total")
    ]
    ours = rules(document())[f"slo:sli_error:ratio_rate{window}"]
    assert same(ours["expr"], f"{sums[0]} / ({sums[1]} > 0)")


@pytest.mark.parametrize(
    ("metric", "published"),
    [
        ("slo:objective:ratio", "vector(0.999)"),
        ("slo:error_budget:ratio", "vector(0.001)"),
        ("slo:time_period:days", "vector(30)"),
        (
            "slo:current_burn_rate:ratio",
            f"slo:sli_error:ratio_rate5m{SELECTOR} / {ON} slo:error_budget:ratio{SELECTOR}",
        ),
        (
            "slo:period_burn_rate:ratio",
            f"slo:sli_error:ratio_rate30d{SELECTOR} / {ON} slo:error_budget:ratio{SELECTOR}",
        ),
        ("slo:period_error_budget_remaining:ratio", f"1 - slo:period_burn_rate:ratio{SELECTOR}"),
        ("sloth_slo_info", "vector(1)"),
    ],
)
def test_the_budget_is_as_sloth_publishes_it(metric: str, published: str) -> None:
    assert same(rules(document())[metric]["expr"], published)


def burns(window: str, factor: str) -> str:
    return f"max(slo:sli_error:ratio_rate{window}{SELECTOR} > ({factor} * 0.001)) without (sloth_window)"


@pytest.mark.parametrize(
    ("kind", "pairs"),
    [
        ("page", (("5m", "1h", "14.4"), ("30m", "6h", "6"))),
        ("ticket", (("2h", "1d", "3"), ("6h", "3d", "1"))),
    ],
)
def test_alerts_are_as_sloth_publishes_them(kind: str, pairs: tuple[tuple[str, str, str], ...]) -> None:
    published = " or ".join(f"({burns(short, by)} and {burns(long, by)})" for short, long, by in pairs)
    assert same(rules(document(**EACH))[kind]["expr"], published)


def test_factors_are_the_workbooks_shares_of_the_budget() -> None:
    hours = {"1h": 1, "6h": 6, "1d": 24, "3d": 72}
    spent = [
        round(float(pair.factor) * hours[pair.long] / (30 * 24), 6)
        for pair in (*PAIRS["page"], *PAIRS["ticket"])
    ]
    assert spent == [0.02, 0.05, 0.1, 0.1]


def test_a_page_counts_errors_where_it_is_told_nothing() -> None:
    found = rules(document())
    assert f"round(slo:sli_errors:rate1h{SELECTOR} * 3600) >= 5" in found["page"]["expr"]
    assert f"round(slo:sli_errors:rate6h{SELECTOR} * 21600) >= 5" in found["page"]["expr"]
    assert "round" not in found["ticket"]["expr"]


def test_series_are_labelled_as_sloths() -> None:
    found = rules({**document(labels={"tier": "1"}), "labels": {"tier": "2", "owner": "web"}})
    labels = {**IDS, "tier": "1", "owner": "web"}
    assert found["slo:sli_total:rate5m"]["labels"] == {**labels, "sloth_window": "5m"}
    assert found["slo:objective:ratio"]["labels"] == labels
    assert found["sloth_slo_info"]["labels"] == {
        **labels,
        "sloth_mode": "obsdeck",
        "sloth_objective": "99.9",
        "sloth_spec": "prometheus/v1",
        "sloth_version": "v0.16.0",
    }


def test_alerts_of_both_severities_share_a_name() -> None:
    found = rules(document())
    assert found["page"]["alert"] == found["ticket"]["alert"] == "ShopFails"
    assert found["page"]["labels"] == {"severity": "critical", "sloth_severity": "page"}
    assert found["ticket"]["labels"] == {"severity": "warning", "sloth_severity": "ticket"}


def test_what_is_nearer_to_the_alert_is_stronger() -> None:
    alerting = {
        "name": "ShopFails",
        "labels": {"severity": "low", "team": "a"},
        "annotations": {"summary": "Both", "runbook_url": "mine.md"},
        "page_alert": {"labels": {"severity": "high"}, "annotations": {"summary": "Page"}},
    }
    found = rules(document(alerting=alerting))
    assert [found[kind]["labels"]["severity"] for kind in ("page", "ticket")] == ["high", "low"]
    assert [found[kind]["annotations"]["summary"] for kind in ("page", "ticket")] == ["Page", "Both"]
    assert found["page"]["annotations"]["runbook_url"] == "mine.md"
    assert rules(document())["page"]["annotations"]["runbook_url"] == "runbooks/slo/ShopFails.md"


def test_disabled_alerts_are_left_out() -> None:
    off = {"disable": True}
    assert "ticket" not in rules(document(alerting={"name": "A", "ticket_alert": off}))
    none = made(document(alerting={"page_alert": off, "ticket_alert": off}))
    assert [group["name"].split("-")[2] for group in none] == ["sli", "meta"]


def test_equal_files_make_equal_rules() -> None:
    file = Slos.model_validate(document(labels={"b": "1", "a": "2"}))
    again = Slos.model_validate(document(labels={"a": "2", "b": "1"}))
    assert repr(groups(file, lambda _: {"z": "1"})) == repr(groups(again, lambda _: {"z": "1"}))


@pytest.mark.parametrize(
    ("objective", "budget"),
    [(99.9, "0.001"), (99.99, "0.0001"), (99, "0.01"), (90, "0.1"), (99.99999, "0.0000001")],
)
def test_a_budget_has_the_decimals_that_were_written(objective: float, budget: str) -> None:
    assert f"{exact(objective):f}" == budget
    assert exact(objective) == Decimal(budget)
    assert f"* {budget})" in rules(document(objective=objective))["page"]["expr"]


def test_a_raw_ratio_is_taken_as_it_is() -> None:
    found = rules(document(sli={"raw": {"error_ratio_query": "1 - avg(avg_over_time(ok[{{.window}}]))"}}))
    assert found["slo:sli_error:ratio_rate3d"]["expr"] == "(1 - avg(avg_over_time(ok[3d]))) < Inf"
    mean = [
        f"sum without (sloth_window) ({how}_over_time(slo:sli_error:ratio_rate5m{SELECTOR}[30d]))"
        for how in ("sum", "count")
    ]
    assert same(found["slo:sli_error:ratio_rate30d"]["expr"], " / ".join(mean))
    assert "round" not in found["page"]["expr"]
    assert "slo:sli_total:rate5m" not in found
