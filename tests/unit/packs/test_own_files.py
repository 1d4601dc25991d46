"""Dashboards and rule files that belong to no pack, held to what a pack declares."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.packs import generate
from obsdeck.packs.checks import own_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from packs.conftest import Repository

    from obsdeck.packs.catalog import Catalog

    Check = Callable[..., list[tuple[str, str, str]]]

PANEL = {
    "type": "timeseries",
    "title": "Orders",
    "description": "Orders per second.",
    "fieldConfig": {"defaults": {"unit": "ops", "noValue": "None yet."}},
}
GOOD = "sum(rate(shop_orders_total[$__rate_interval]))"


@pytest.fixture
def check(tmp_path: Path, shop: Catalog) -> Check:
    """Severity, check and message of what is found in files, written as their names say."""

    def run(**contents: Any) -> list[tuple[str, str, str]]:
        paths = []
        for name, content in contents.items():
            stem, _, ending = name.rpartition("_")
            path = tmp_path / f"{stem}.{ending}"
            path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
            paths.append(path)
        return [(one.severity, one.check, one.message) for one in own_files.check(paths, shop)]

    return run


def board(expr: str = GOOD, *, variables: tuple[dict[str, Any], ...] = (), **changed: Any) -> dict[str, Any]:
    """A dashboard with one panel; what is changed to None is left out."""
    panel = {**PANEL, "targets": [{"refId": "A", "expr": expr}], **changed}
    return {
        "title": "Mine",
        "templating": {"list": list(variables)},
        "panels": [{key: value for key, value in panel.items() if value is not None}],
    }


def test_a_sound_dashboard_yields_nothing(check: Check) -> None:
    assert check(mine_json=board()) == []


def test_our_own_dashboards_and_rules_yield_nothing(repository: Repository) -> None:
    catalog = repository.catalog()
    generate.write(generate.files(catalog), repository.generated)
    paths = [*repository.generated.glob("dashboards/**/*.json"), *repository.generated.glob("rules/*.yaml")]
    assert len(paths) > 2
    assert list(own_files.check(paths, catalog)) == []


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ("sum(rate(shop_orders_total[5m])", ("error", "query-syntax")),
        ("sum(rate(shop_order_total[5m]))", ("warning", "unknown-metric")),
        ('sum(rate(shop_orders_total{lane="a"}[5m]))', ("warning", "unknown-label")),
        ('sum(rate(shop_orders_total{service_name="$service"}[5m]))', ("warning", "unknown-variable")),
        ("sum(shop_orders_total)", ("warning", "raw-counter")),
        ("shop_order_duration_seconds_count", ("warning", "raw-counter")),
        ("topk(3, shop_orders_total) / 2", ("warning", "raw-counter")),
        ("sum(rate(shop_queue_size[5m]))", ("warning", "rate-of-gauge")),
        ("max_over_time(increase(shop_fill_ratio[5m])[1h:])", ("warning", "rate-of-gauge")),
    ],
)
def test_a_query_is_held_to_what_is_declared(expr: str, found: tuple[str, str], check: Check) -> None:
    assert [told[:2] for told in check(mine_json=board(expr))] == [found]


@pytest.mark.parametrize(
    "expr",
    [
        "count(shop_orders_total)",
        "absent(shop_orders_total)",
        "shop_fill_ratio and on (shop_lane) shop_orders_total",
        "changes(shop_orders_total[1h])",
        "histogram_quantile(0.9, sum by (le) (rate(shop_order_duration_seconds_bucket[5m])))",
        "deriv(shop_queue_size[5m])",
        '{__name__=~"shop_fill.*"}',
        "ALERTS",
    ],
)
def test_what_is_sound_is_left_alone(expr: str, check: Check) -> None:
    assert check(mine_json=board(expr)) == []


@pytest.mark.parametrize(
    ("changed", "lacks"),
    [
        ({"title": None}, "no title"),
        ({"description": "  "}, "no description"),
        ({"fieldConfig": {"defaults": {"noValue": "-"}}}, "no unit"),
        ({"fieldConfig": {"defaults": {"unit": "s"}}}, "no noValue"),
        ({"fieldConfig": None, "description": None}, "no description, no unit, no noValue"),
    ],
)
def test_a_bare_panel_is_told(changed: dict[str, Any], lacks: str, check: Check) -> None:
    ((severity, id_, message),) = check(mine_json=board(**changed))
    assert (severity, id_) == ("warning", "bare-panel")
    assert message.endswith(lacks)


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "graph", "fieldConfig": None, "yaxes": [{"format": "s"}]},
        {"type": "singlestat", "fieldConfig": None, "format": "s"},
        {"type": "logs", "fieldConfig": None},
        {
            "fieldConfig": {
                "defaults": {"noValue": "-"},
                "overrides": [{"properties": [{"id": "unit", "value": "s"}]}],
            }
        },
        {"libraryPanel": {"uid": "x"}, "title": None},
    ],
    ids=["old axis", "old format", "no numbers", "override", "library"],
)
def test_a_unit_may_stand_elsewhere(changed: dict[str, Any], check: Check) -> None:
    assert check(mine_json=board(**changed)) == []


@pytest.mark.parametrize(
    ("datasource", "found"),
    [
        ({"type": "prometheus", "uid": "prometheus"}, []),
        ("Prometheus", []),
        (None, []),
        ("default", []),
        ({"type": "prometheus", "uid": "${metrics}"}, []),
        ({"type": "datasource", "uid": "grafana"}, []),
        ({"type": "prometheus", "uid": "P4169E866C3094E38"}, ["unknown-datasource"]),
        ("thanos", ["unknown-datasource"]),
    ],
)
def test_a_data_source_must_be_provisioned(datasource: Any, found: list[str], check: Check) -> None:
    variable = {"name": "metrics", "type": "datasource", "query": "prometheus"}
    told = check(mine_json=board(datasource=datasource, variables=(variable,)))
    assert [one[1] for one in told] == found


def test_a_variable_may_choose_only_what_is_provisioned(check: Check) -> None:
    variable = {"name": "metrics", "type": "datasource", "query": "jaeger"}
    assert [told[1] for told in check(mine_json=board(variables=(variable,)))] == ["unknown-datasource"]


@pytest.mark.parametrize(
    ("kind", "key", "query", "found"),
    [
        ("loki", "expr", '{service_name="a"', ["query-syntax"]),
        ("loki", "expr", '{service_name="a"} |= "x"', []),
        ("tempo", "query", "{ .a = }", ["query-syntax"]),
        ("tempo", "query", "{ .a = 1 }", []),
        ("grafana-opensearch-datasource", "query", "anything", ["unknown-datasource"]),
    ],
)
def test_a_query_is_read_in_the_language_of_its_data_source(
    kind: str, key: str, query: str, found: list[str], check: Check
) -> None:
    target = {"refId": "A", key: query, "datasource": {"type": kind, "uid": kind}}
    assert [told[1] for told in check(mine_json=board(targets=[target]))] == found


def test_queries_of_annotations_are_checked(check: Check) -> None:
    content = board() | {"annotations": {"list": [{"name": "Deploys", "expr": "no_such_metric"}]}}
    assert [told[1] for told in check(mine_json=content)] == ["unknown-metric"]


@pytest.mark.parametrize("frame", ["dashboard", "spec"])
def test_an_export_with_a_frame_is_read_and_its_places_are_right(
    frame: str, tmp_path: Path, shop: Catalog
) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"meta": {}, frame: board("no_such_metric", title=None)}, indent=1))
    lines = path.read_text().splitlines()
    for one in own_files.check([path], shop):
        written = lines[one.place.line - 1][one.place.column - 1 :][: one.place.width]
        assert written == {"unknown-metric": '"no_such_metric"', "bare-panel": "{"}[one.check]


def test_panels_in_rows_have_their_places(tmp_path: Path, shop: Catalog) -> None:
    inner = board("no_such_metric")["panels"][0]
    path = tmp_path / "x.json"
    rows = [{"panels": [inner]}, {"panels": [PANEL, inner]}]
    path.write_text(json.dumps({"rows": rows, "panels": [{"type": "row", "panels": [inner]}]}, indent=1))
    lines = path.read_text().splitlines()
    found = [one.place for one in own_files.check([path], shop)]
    assert len({place.line for place in found}) == 3
    assert all('"expr": "no_such_metric"' in lines[place.line - 1] for place in found)


RULES = """\
groups:
  - name: mine
    rules:
      - record: shop:fill:max
        expr: max(shop_fill_ratio)
      - alert: Full
        expr: shop:fill:max > 0.9
        labels: {severity: warning}
        annotations: {summary: Nearly full, runbook_url: pages/full.md}
"""


@pytest.fixture
def page(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "full.md").touch()


@pytest.mark.usefixtures("page")
def test_sound_rules_yield_nothing(check: Check) -> None:
    assert check(mine_yaml=RULES) == []


@pytest.mark.usefixtures("page")
def test_rules_of_kubernetes_are_read(check: Check) -> None:
    inner = RULES.replace("\n", "\n  ")
    assert check(mine_yaml=f"kind: PrometheusRule\nspec:\n  {inner}".rstrip()) == []
    assert (
        len(check(mine_yaml=f"kind: PrometheusRule\nspec:\n  {inner}".rstrip().replace("ratio)", "rati)")))
        == 1
    )


@pytest.mark.usefixtures("page")
def test_a_dashboard_may_ask_for_what_another_file_records(check: Check) -> None:
    assert check(mine_json=board("shop:fill:max"), mine_yaml=RULES) == []
    assert [told[1] for told in check(mine_json=board("shop:fill:max"))] == ["unknown-metric"]


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("labels: {severity: warning}", "for: 5m", ("warning", "bare-alert")),
        ("summary: Nearly full, ", "", ("warning", "bare-alert")),
        (", runbook_url: pages/full.md", "", ("warning", "bare-alert")),
        ("full.md", "empty.md", ("error", "no-runbook")),
        ("full.md", "full.md#a-part", None),
        ("pages/full.md", "https://example.com/full", None),
        ("pages/full.md", "'{{ $externalURL }}/full'", None),
        ("max(shop_fill_ratio)", "max(shop_fill_ratio", ("error", "query-syntax")),
        ("> 0.9", "> $limit", ("warning", "unknown-variable")),
        ("expr: shop:fill:max > 0.9", "expr: shop_orders_total > 9", ("warning", "raw-counter")),
        ("expr: max(shop_fill_ratio)", "exp: 1", ("error", "missing-key")),
        ("  - name: mine", "  - {name: mine, rules: []}\n  - name: mine", ("error", "duplicate-group")),
    ],
)
def test_wrong_rules_are_told(old: str, new: str, found: tuple[str, str] | None, check: Check) -> None:
    assert old in RULES
    told = [one[:2] for one in check(mine_yaml=RULES.replace(old, new))]
    assert told[:1] == ([found] if found else [])


@pytest.mark.parametrize(
    "content",
    [
        {"mine_json": []},
        {"mine_json": {"name": "x"}},
        {"mine_json": {"spec": {"elements": {}, "layout": {}}}},
        {"mine_json": {"dashboard": {"dashboard": 1}}},
        {"mine_yaml": "services: {}"},
        {"mine_yaml": "groups: 1"},
        {"mine_yaml": ""},
        {"mine_md": "# groups"},
    ],
    ids=str,
)
def test_a_file_that_is_neither_is_told(content: dict[str, Any], check: Check) -> None:
    assert [told[1] for told in check(**content)] == ["unknown-file"]


@pytest.mark.parametrize(
    "content", [{"mine_json": "{"}, {"mine_yaml": "a: b: c"}, {"mine_json": "[" * 100_000}]
)
def test_a_file_that_cannot_be_read_is_told_and_the_others_are_checked(
    content: dict[str, Any], check: Check
) -> None:
    found = check(**content, other_json=board("no_such_metric"))
    assert [told[1] for told in found] == ["unreadable", "unknown-metric"]


@pytest.mark.parametrize(
    "content",
    [
        {
            "mine_json": {
                "panels": [1, None, [], {"targets": {}}, {"targets": [None, 1, {}]}],
                "templating": [],
            }
        },
        {"mine_json": {"panels": {"a": 1}, "templating": {"list": [1, {"name": 1}]}, "annotations": 3}},
        {
            "mine_json": {
                "rows": [None, {"panels": [{"fieldConfig": [], "yaxes": [1], "targets": [{"expr": 7}]}]}]
            }
        },
        {"mine_json": {"panels": [{"title": ["x"], "fieldConfig": {"overrides": [1, {"properties": [2]}]}}]}},
        {"mine_yaml": "groups: [1, null, {rules: 2}, {rules: [3, null]}, {name: [x]}]"},
        {"mine_yaml": "groups: [{name: a, rules: [{alert: [x], expr: 1, labels: [], annotations: 3}]}]"},
        {"mine_yaml": "groups: [{name: b, rules: [{record: {}, expr: [1]}]}]"},
        {"mine_yaml": "groups: [{name: c, rules: [{alert: A, expr: 1, annotations: {runbook_url: [x]}}]}]"},
    ],
    ids=str,
)
def test_wrong_types_everywhere_are_borne(content: dict[str, Any], check: Check) -> None:
    check(**content)
