"""`tests/*.yaml`: unit tests of rules, in promtool's format.

Facts: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from obsdeck.packs.model.base import Model, Text

MAX_SAMPLES = 100_000

Scalar = str | int | float | bool
Labels = dict[str, Scalar]
Moment = str | int


def _short(values: str | float) -> str | float:
    repeated = sum(int(times[:9]) for times in re.findall(r"x(\d+)", str(values)))
    if repeated > MAX_SAMPLES:
        raise ValueError(f"a series of a test has at most {MAX_SAMPLES} samples")
    return values


class Series(Model):
    """A series that the rules are given: `values` as in `0+10x60 _x5 stale`."""

    series: Text
    values: Annotated[str | float, AfterValidator(_short)]


class ExpectedAlert(Model):
    """An alert that fires."""

    exp_labels: Labels | None = None
    exp_annotations: Labels | None = None


class AlertCase(Model):
    """What an alert does at a moment; without `exp_alerts` it is quiet."""

    eval_time: Moment
    alertname: Text
    exp_alerts: tuple[ExpectedAlert, ...] | None = None


class ExpectedSample(Model):
    """A sample that an expression has."""

    labels: str = ""
    value: float | str | None = None
    histogram: str | None = None


class ExpressionCase(Model):
    """What an expression gives at a moment."""

    expr: Text
    eval_time: Moment
    exp_samples: tuple[ExpectedSample, ...] | None = None


class RuleTest(Model):
    """One test."""

    name: str = ""
    interval: Moment | None = None
    start_timestamp: Scalar | None = None
    input_series: tuple[Series, ...] | None = None
    alert_rule_test: tuple[AlertCase, ...] | None = None
    promql_expr_test: tuple[ExpressionCase, ...] | None = None
    external_labels: Labels | None = None
    external_url: str | None = None


class TestsFile(Model):
    """The file; `rule_files` and `group_eval_order` are written by `check`."""

    __test__ = False  # pytest would take it for a test

    rule_files: tuple[str, ...] | None = None
    group_eval_order: tuple[str, ...] | None = None
    evaluation_interval: Moment | None = None
    fuzzy_compare: bool | None = None
    tests: tuple[RuleTest, ...] = ()
