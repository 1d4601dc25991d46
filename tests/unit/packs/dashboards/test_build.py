from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obsdeck.packs import promql
from obsdeck.packs.dashboards import build, runbooks
from obsdeck.packs.model.dashboard import DashboardFile

from ..conftest import DATA, Repository, board  # noqa: TID252 - the tests of a package share its fixtures

if TYPE_CHECKING:
    from obsdeck.packs.catalog import Catalog

SHOP = Repository(DATA).catalog()

panels = st.fixed_dictionaries(
    {
        "query": st.just("up"),
        "description": st.just("a"),
        "show": st.sampled_from(["timeseries", "stat", "table"]),
    },
    optional={"width": st.integers(2, 24), "height": st.integers(2, 40)},
)
rows = st.lists(st.tuples(st.booleans(), st.lists(panels, max_size=9)), max_size=5)


def made(rows: list[tuple[bool, list[dict[str, Any]]]]) -> dict[str, Any]:
    written = [
        {
            "title": f"row {number}",
            "collapsed": collapsed,
            "panels": [{**one, "title": f"{number}.{index}"} for index, one in enumerate(inside)],
        }
        for number, (collapsed, inside) in enumerate(rows)
    ]
    file = DashboardFile.model_validate({"uid": "a", "title": "a", "description": "a", "rows": written})
    return build.dashboard(file, SHOP.packs[0], SHOP, runbooks.places(SHOP))


def apart(one: dict[str, int], other: dict[str, int]) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    return beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]


@given(rows)
def test_panels_lie_apart_and_within_the_page(rows: list[tuple[bool, list[dict[str, Any]]]]) -> None:
    top = made(rows)["panels"]
    for level in (top, *(one["panels"] for one in top if one["type"] == "row")):
        places = [one["gridPos"] for one in level]
        assert all(apart(one, other) for one, other in combinations(places, 2))
        assert all(place["x"] + place["w"] <= 24 for place in places)


@given(rows)
def test_panels_stand_in_the_order_in_which_they_are_written(
    rows: list[tuple[bool, list[dict[str, Any]]]],
) -> None:
    shown: list[str] = []
    for one in made(rows)["panels"]:
        shown += [one["title"], *(inside["title"] for inside in one.get("panels", []))]
    expected: list[str] = []
    for number, (_, inside) in enumerate(rows):
        expected += [f"row {number}", *(f"{number}.{index}" for index in range(len(inside)))]
    assert shown == expected


def test_panels_of_a_collapsed_row_are_inside_of_it() -> None:
    top = made([(True, [{"query": "up", "description": "a"}]), (False, [])])["panels"]
    assert [(one["title"], one["collapsed"], len(one["panels"])) for one in top] == [
        ("row 0", True, 1),
        ("row 1", False, 0),
    ]
    assert [one["gridPos"]["y"] for one in top] == [0, 1]


def test_a_dashboard_has_what_is_declared() -> None:
    found = build.dashboard(board(SHOP), SHOP.packs[0], SHOP, runbooks.places(SHOP))
    assert (found["uid"], found["title"], found["description"]) == ("shop", "Shop", "How orders go.")
    assert found["tags"] == ["obsdeck", "shop"]
    assert found["time"] == {"from": "now-1h", "to": "now"}
    assert found["refresh"] == "30s"
    assert [one["title"] for one in found["links"]] == ["obsdeck"]


@pytest.mark.parametrize(
    ("variables", "narrowed"),
    [
        ([], set()),
        (["service"], {"service_name"}),
        (["environment", "service"], {"service_name", "deployment_environment_name"}),
    ],
)
def test_annotations_of_deployments_and_alerts_are_those_of_the_selection(
    variables: list[str], narrowed: set[str]
) -> None:
    file = DashboardFile.model_validate(
        {"uid": "a", "title": "a", "description": "a", "variables": variables}
    )
    found = build.dashboard(file, SHOP.packs[0], SHOP, runbooks.places(SHOP))["annotations"]["list"]
    deployments, alerts = (promql.selectors(one["expr"]) for one in found)
    assert [one["name"] for one in found] == ["Deployments", "Alerts"]
    assert {one.name for one in deployments} == {"target_info"}
    assert {match.label for one in deployments for match in one.matchers} == narrowed
    assert {one.name for one in alerts} == {"ALERTS"}
    by_variable = {match.label for one in alerts for match in one.matchers if "$" in match.value}
    assert by_variable == narrowed & {"service_name"}


def test_a_dashboard_without_rows_is_empty() -> None:
    assert made([])["panels"] == []


def test_a_change_of_one_title_changes_one_id(repository: Repository) -> None:
    def ids(catalog: Catalog) -> dict[str, int]:
        found = build.dashboard(board(catalog), catalog.packs[0], catalog, runbooks.places(catalog))
        every = [one for top in found["panels"] for one in (top, *top.get("panels", []))]
        return {one["title"]: one["id"] for one in every}

    before = ids(repository.catalog())
    repository.change("dashboards/shop.yaml", "title: Waiting", "title: In the queue")
    after = ids(repository.catalog())
    assert {title for title in before.keys() & after.keys() if before[title] != after[title]} == set()
    assert set(before) ^ set(after) == {"Waiting", "In the queue"}
