from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsdeck.packs import levels
from obsdeck.packs.levels import WORST_FIRST, Range

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

numbers = st.integers(-1000, 1000) | st.floats(-1e6, 1e6, allow_nan=False)


@st.composite
def written(draw: st.DrawFn) -> dict[str, list[str]]:
    """Levels that hold every value once: two ranges, or a closed one between two open ones."""
    low, high = sorted(draw(st.tuples(numbers, numbers)))
    whole = draw(st.sampled_from([(f"< {low}", f">= {low}"), (f"<= {low}", f"> {low}"), ()]))
    texts = whole or (f"< {low}", f"{low} .. {high}", f"> {high}")
    found: dict[str, list[str]] = {}
    for text in texts:
        found.setdefault(draw(st.sampled_from(WORST_FIRST)), []).append(text)
    return found


def parsed(given_levels: Mapping[str, Any]) -> tuple[Range, ...]:
    return levels.parse(cast("Any", given_levels))


def edges(ranges: Sequence[Range]) -> list[float]:
    return [edge for one in ranges for edge in (one.low, one.high) if math.isfinite(edge)]


def truth(condition: str, value: float) -> bool:
    """What a condition made of `(x)` says of a value, read as PromQL reads it."""
    signs = {"<": float.__lt__, "<=": float.__le__, ">": float.__gt__, ">=": float.__ge__}
    return any(
        all(signs[sign](value, float(number)) for sign, number in re.findall(r"([<>]=?) (\S+)", part))
        for part in condition.split(" or ")
    )


@given(written(), numbers.map(float))
def test_every_value_has_exactly_one_level(given_levels: dict[str, list[str]], value: float) -> None:
    ranges = parsed(given_levels)
    for one in (value, *edges(ranges)):
        assert sum(part.holds(one) for part in ranges) == 1


@given(
    st.dictionaries(
        st.sampled_from(WORST_FIRST), st.text(max_size=20) | st.from_regex(r"[<>]=? ?-?[0-9]{1,3}")
    )
)
def test_levels_that_are_accepted_leave_no_gap(given_levels: dict[str, str]) -> None:
    try:
        ranges = parsed(given_levels)
    except ValueError:
        return
    assert ranges == () or all(sum(part.holds(one) for part in ranges) == 1 for one in edges(ranges))


@given(written(), numbers.map(float), st.sampled_from(["anomaly", "critical"]))
def test_a_condition_holds_where_the_level_is_reached(
    given_levels: dict[str, list[str]], value: float, level: str
) -> None:
    ranges = parsed(given_levels)
    bad = WORST_FIRST[: WORST_FIRST.index(level) + 1]
    if level not in given_levels or set(given_levels) <= set(bad):
        with pytest.raises(ValueError, match="the panel"):
            levels.condition("x", ranges, level)
        return
    condition = levels.condition("x", ranges, level)
    for one in (value, *edges(ranges)):
        assert truth(condition, one) == (levels.level_of(ranges, one) in bad)


def test_a_condition_names_the_numbers_as_they_are_written() -> None:
    ranges = parsed({"normal": "< 0.01", "anomaly": "0.01..0.05", "critical": "> 0.05"})
    assert levels.condition("x", ranges, "critical") == "(x) > 0.05"
    assert levels.condition("x", ranges, "anomaly") == "(x) >= 0.01"
    large = parsed({"normal": "< 12345678901", "critical": ">= 12345678901"})
    assert levels.condition("x", large, "critical") == "(x) >= 12345678901"


def test_a_condition_between_two_numbers_has_both() -> None:
    ranges = parsed({"normal": ("< 10", "> 20"), "critical": "10..20"})
    assert levels.condition("x", ranges, "critical") == "(x) >= 10 <= 20"


def test_a_condition_on_both_sides_is_either() -> None:
    ranges = parsed({"critical": ("< 10", "> 90"), "normal": "10..90"})
    assert levels.condition("x", ranges, "critical") == "(x) < 10 or (x) > 90"


def test_an_alert_needs_values_at_which_it_is_quiet() -> None:
    ranges = parsed({"anomaly": "< 5", "critical": ">= 5"})
    assert levels.condition("x", ranges, "critical") == "(x) >= 5"
    with pytest.raises(ValueError, match="every value of the panel is 'anomaly', or worse"):
        levels.condition("x", ranges, "anomaly")


def test_an_alert_asks_for_a_level_that_the_panel_has() -> None:
    with pytest.raises(ValueError, match="the panel has no level 'critical'"):
        levels.condition("x", parsed({"normal": "< 5", "anomaly": ">= 5"}), "critical")


def test_the_first_step_begins_nowhere() -> None:
    ranges = parsed({"critical": ("< 1", "> 3"), "normal": "1..3"})
    assert levels.steps(ranges)[:2] == ((None, "critical"), (1.0, "normal"))


@given(written(), numbers.map(float))
def test_a_panel_colours_a_value_by_its_level(given_levels: dict[str, list[str]], value: float) -> None:
    ranges = parsed(given_levels)
    for one in (value, *edges(ranges)):
        reached = [level for begin, level in levels.steps(ranges) if begin is None or one >= begin]
        assert reached[-1] == levels.level_of(ranges, one)


def test_what_is_no_number_has_no_level() -> None:
    assert levels.level_of(parsed({"normal": "< 1", "critical": ">= 1"}), math.nan) is None
    assert parsed({}) == ()


@pytest.mark.parametrize(
    ("given_levels", "message"),
    [
        ({"normal": "< 70", "critical": "> 80"}, "values between 70 and 80 have no level"),
        ({"normal": "< 70", "critical": "> 70"}, "exactly 70 has no level: write <= or >="),
        ({"normal": "<= 70", "critical": ">= 70"}, "70 is both normal and critical"),
        ({"normal": "< 80", "critical": ">= 70"}, "between 70 and 80 is both normal and critical"),
        ({"normal": "0..70", "critical": "> 70"}, "values below 0 have no level"),
        ({"normal": "< 70"}, "values above 70 have no level"),
        ({"normal": "90..70"}, "normal: '90..70' ends before it begins"),
        ({"normal": "about 7"}, "normal: 'about 7' is no range; write `< 70`"),
    ],
)
def test_gaps_and_overlaps_are_told_with_their_numbers(given_levels: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parsed(given_levels)
