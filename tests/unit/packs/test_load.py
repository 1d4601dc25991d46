from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from obsdeck.packs.load import Loader

if TYPE_CHECKING:
    from obsdeck.packs.findings import Finding
    from obsdeck.packs.pack import Pack

    from .conftest import Repository

ALERTS, BOARD = "alerts.yaml", "dashboards/shop.yaml"
FILL = "signal: shop.fill"


def load(repository: Repository) -> tuple[tuple[Pack, ...], list[Finding]]:
    loader = Loader()
    return loader.packs(repository.packs), loader.findings


def told(repository: Repository) -> list[tuple[str, str, int, int]]:
    """Check, file, line and column of what is found."""
    _, findings = load(repository)
    return [(one.check, one.place.path.name, one.place.line, one.place.column) for one in findings]


def test_a_pack_is_read_whole(repository: Repository) -> None:
    (pack,), findings = load(repository)
    assert findings == []
    assert (pack.name, pack.about.value.title) == ("shop", "Shop")
    assert (
        next(group.value.metric_name for group in pack.groups if group.value.type == "metric")
        == "shop.orders"
    )
    assert [board.value.uid for board in pack.dashboards] == ["shop"]
    assert [one.value.record for one in pack.recordings] == ["service:shop_orders:rate5m"]
    assert [one.value.alert for one in pack.alerts] == ["ShopFails", "ShopIdle"]
    assert [one.value.name for one in pack.links] == ["Orders per second"]
    assert [one.path.name for one in pack.tests] == ["shop.yaml"]
    assert pack.slos
    assert pack.slos.value.service == "shop"
    assert [one.path.stem for one in pack.runbooks] == ["ShopBudgetBurns", "ShopFails", "ShopIdle"]


def test_only_pack_yaml_must_be_there(repository: Repository) -> None:
    folder = repository.packs / "bare"
    folder.mkdir()
    (folder / "pack.yaml").write_text("title: Bare\ndescription: Nothing.\nowner: nobody\n")
    packs, findings = load(repository)
    assert findings == []
    assert [pack.name for pack in packs] == ["bare", "shop"]
    assert packs[0].about.value.folder == "obsdeck"


def test_every_part_knows_where_it_stands(repository: Repository) -> None:
    (pack,), _ = load(repository)
    text = repository.file(ALERTS).read_text().splitlines()
    assert text[pack.alerts[1].place("alert").line - 1].endswith("ShopIdle")


def test_a_folder_without_pack_yaml_is_told(repository: Repository) -> None:
    (repository.packs / "empty").mkdir()
    (repository.packs / ".git").mkdir()
    assert told(repository) == [("no-pack", "empty", 0, 1)]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("signal.yaml", "did you mean signals.yaml?"),
        ("notes.txt", "remove it, or keep it beside the pack"),
        ("dashboards/other.yml", "remove it, or keep it beside the pack"),
        ("tests/below/other.yaml", "remove it, or keep it beside the pack"),
    ],
)
def test_a_file_that_nothing_reads_is_told(repository: Repository, name: str, hint: str) -> None:
    repository.put(name, "")
    _, (finding,) = load(repository)
    assert (finding.check, finding.place.path, finding.hint) == ("stray-file", repository.file(name), hint)


def test_a_link_out_of_the_pack_is_told_and_not_followed(repository: Repository, tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text("uid: outside\ntitle: a\ndescription: a\n")
    repository.file("dashboards/outside.yaml").symlink_to(outside)
    (pack,), findings = load(repository)
    assert [one.check for one in findings] == ["outside"]
    assert [board.value.uid for board in pack.dashboards] == ["shop"]


def test_faults_of_all_files_are_told_at_once(repository: Repository) -> None:
    repository.change("pack.yaml", "title: Shop", "titel: Shop")
    repository.change("signals.yaml", "instrument: counter", "instrument: counting")
    repository.change(BOARD, "uid: shop", "uid: Shop")
    repository.put("links.yaml", "a: ]")
    assert told(repository) == [
        ("missing-key", "pack.yaml", 1, 1),
        ("unknown-key", "pack.yaml", 1, 1),
        ("wrong-value", "signals.yaml", 6, 17),
        ("unreadable", "links.yaml", 1, 4),
        ("wrong-value", "shop.yaml", 1, 6),
    ]


def test_a_key_that_is_misspelt_has_a_suggestion(repository: Repository) -> None:
    repository.change(ALERTS, "    for: 6m", "    fro: 6m")
    repository.change(BOARD, "measure: share", "mesure: share")
    _, findings = load(repository)
    hints = {one.message: one.hint for one in findings if one.check == "unknown-key"}
    assert hints == {
        "'fro' is no key here": "did you mean `for`?",
        "'mesure' is no key here": "did you mean `measure`?",
    }


def test_a_value_of_the_wrong_kind_is_shown(repository: Repository) -> None:
    repository.change(BOARD, "collapsed: true", "collapsed: [yes]")
    repository.change(ALERTS, "severity: warning", "severity: loud")
    _, findings = load(repository)
    assert {(one.check, one.why) for one in findings} == {
        ("wrong-value", ""),
        ("wrong-value", "it is 'loud'"),
    }


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (ALERTS, "    level: critical\n", "", "an alert has either a level of its panel, or an expr"),
        (ALERTS, "    expr: service", "    by: [a]\n    expr: service", "an alert with its own expr"),
        (BOARD, "where: {shop.outcome: failed}", "", "a share needs `where`"),
        (BOARD, FILL, "by: [a]", "by of what? name a signal"),
        (BOARD, FILL, "query: up\n        by: [a]", "has no by: say it in the query"),
        (BOARD, FILL, "unit: s", "a panel needs a signal, a query or queries"),
        (BOARD, FILL, "show: text", "a text panel has `text`, and no query"),
        (
            BOARD,
            FILL,
            "query: up\n        queries: [{query: up}]",
            "a panel has either one query of its own or a list",
        ),
        (
            BOARD,
            FILL,
            "queries: [{name: B, query: up}, {query: up}]",
            "two queries are called 'B'",
        ),
        (
            BOARD,
            FILL,
            f"queries: [{', '.join(['{query: up}'] * 27)}]",
            "at most 26 items",
        ),
        (BOARD, "of: shop.fill", "values: [a], text: b", "one of: of (a signal), values, text"),
        ("signals.yaml", "instrument: counter", "", "a metric needs metric_name, instrument and unit"),
        ("signals.yaml", "{ref: till}", "{}", "either an id"),
        ("signals.yaml", "type: string, brief: The till.,", "", "needs a type and a brief"),
        ("pack.yaml", "folder: Shops", "folder: ..", "should match pattern"),
        ("pack.yaml", "folder: Shops", 'folder: "a\\0b"', "should match pattern"),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_told(
    repository: Repository, name: str, old: str, new: str, message: str
) -> None:
    repository.change(name, old, new)
    _, findings = load(repository)
    assert any(message in one.message for one in findings), [one.message for one in findings]
    assert {one.place.path.name for one in findings} == {Path(name).name}


def test_runbooks_lie_beside_the_folder_that_holds_the_packs(repository: Repository) -> None:
    repository.put("ShopFails.md", "# No front matter\n")
    (pack,), findings = load(repository)
    assert [one.path.stem for one in pack.runbooks] == ["ShopBudgetBurns", "ShopIdle"]
    assert [one.check for one in findings] == ["unreadable"]


def test_packs_may_lie_at_the_root_of_a_file_system(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.packs.parent)
    loader = Loader()
    (pack,) = loader.packs(Path("packs"))
    assert pack.name == "shop"
