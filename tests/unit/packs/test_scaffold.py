from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from obsdeck.errors import MissingError, UsageError
from obsdeck.packs import deck, promtool, scaffold

names = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,8}){0,2}", fullmatch=True)


def write(root: Path, name: str) -> list[str]:
    written = scaffold.write(root / "observability" / "packs", name)
    return [str(path.relative_to(root)) for path in written]


def test_a_pack_has_a_signal_a_panel_an_alert_its_tests_and_its_runbook(tmp_path: Path) -> None:
    assert write(tmp_path, "order-flow") == [
        "observability/packs/order-flow/alerts.yaml",
        "observability/packs/order-flow/dashboards/order-flow.yaml",
        "observability/packs/order-flow/pack.yaml",
        "observability/packs/order-flow/signals.yaml",
        "observability/packs/order-flow/tests/order-flow.yaml",
        "runbooks/order-flow/OrderFlowFails.md",
    ]


@settings(max_examples=20)
@given(names.filter(lambda name: not name.startswith("obsdeck")))
@example("order-total")
@example("sum")
@example("ratio-by")
def test_whatever_it_is_called_nothing_is_found(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), name)
        read = deck.read([Path(folder) / "observability" / "packs"])
        assert [one.message for one in read.findings] == []
        assert [pack.name for pack in read.catalog.packs] == [name]


@pytest.mark.parametrize("name", ["order-flow", "order-total"])
def test_its_tests_pass(name: str, tmp_path: Path, promtool_of_prometheus: Path) -> None:
    write(tmp_path, name)
    catalog = deck.read([tmp_path / "observability" / "packs"]).catalog
    assert list(promtool.run(promtool_of_prometheus, catalog)) == []


@pytest.fixture
def promtool_of_prometheus(request: pytest.FixtureRequest) -> Path:
    """Under a name of its own: the module that runs it is called promtool as well."""
    found: Path = request.getfixturevalue("promtool")
    return found


@pytest.mark.parametrize(
    "name", ["", "A", "a_b", "a--b", "-a", "a-", "1a", "../a", "a/b", "a b", "ä", "a\n", "a" * 41]
)
def test_a_name_that_cannot_be_one_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no name of a pack"):
        write(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_a_name_of_obsdecks_own_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'http' is a name of obsdeck's own"):
        scaffold.write(tmp_path, "http", frozenset({"http"}))
    with pytest.raises(UsageError, match="is a name of obsdeck's own"):
        scaffold.write(tmp_path, "obsdeck-http")


@pytest.mark.parametrize("there", ["observability/packs/shop", "runbooks/shop"])
def test_nothing_is_overwritten(there: str, tmp_path: Path) -> None:
    (tmp_path / there).mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match=f"{there} is there already"):
        write(tmp_path, "shop")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_link_that_leads_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks/shop").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is there already"):
        write(tmp_path, "shop")
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "observability").write_text("a file\n")
    with pytest.raises(MissingError, match="cannot be written"):
        write(tmp_path, "shop")


def test_a_second_pack_lies_beside_the_first(tmp_path: Path) -> None:
    write(tmp_path, "shop")
    write(tmp_path, "shop-two")
    assert deck.read([tmp_path / "observability" / "packs"]).findings == ()
