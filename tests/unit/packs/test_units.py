from __future__ import annotations

import pytest

from obsdeck.packs import units


@pytest.mark.parametrize("unit", ["s", "ms", "By", "1", "", "%", "{request}", "By/s", "{order}/h", "kg"])
def test_a_unit_that_exists(unit: str) -> None:
    assert units.exists(unit)


@pytest.mark.parametrize("unit", ["sec", "bytes", "requests", "{a}{b}", "s/s/s", "{", "s ", "BY"])
def test_a_unit_that_does_not(unit: str) -> None:
    assert not units.exists(unit)


def test_grafana_formats_a_value_by_its_unit() -> None:
    assert [units.of_value(unit) for unit in ("s", "By", "1", "%", "{order}", "kg")] == [
        "s", "bytes", "percentunit", "percent", "short", "short",
    ]  # fmt: skip


def test_grafana_formats_a_rate_by_what_is_counted() -> None:
    assert [units.of_rate(unit) for unit in ("{request}", "By", "s", "{order}", "1", "", "kg")] == [
        "reqps", "binBps", "percentunit", "cps", "cps", "cps", "short",
    ]  # fmt: skip
