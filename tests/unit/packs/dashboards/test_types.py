from __future__ import annotations

from typing import get_args

from obsdeck.packs.dashboards.types import TYPES
from obsdeck.packs.model.dashboard import Show


def test_everything_that_a_panel_may_show_has_a_type() -> None:
    assert set(TYPES) == set(get_args(Show))


def test_a_type_fits_on_the_page() -> None:
    assert all(2 <= one.width <= 24 and one.height >= 2 for one in TYPES.values())


def test_what_grafana_hides_by_default_is_shown() -> None:
    assert TYPES["timeseries"].options["legend"]["showLegend"]
    assert TYPES["logs"].options["enableLogDetails"]
    assert TYPES["timeseries"].custom["spanNulls"] is False
    for show in ("stat", "gauge", "bargauge", "piechart"):
        assert TYPES[show].options["reduceOptions"]["calcs"] == ["lastNotNull"]
