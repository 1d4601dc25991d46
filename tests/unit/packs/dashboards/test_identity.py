from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from obsdeck.packs.dashboards import identity

from ..conftest import panel_of  # noqa: TID252 - the tests of a package share its fixtures

if TYPE_CHECKING:
    from obsdeck.packs.catalog import Catalog


@given(st.text(), st.text())
def test_an_id_is_a_positive_number_that_fits(uid: str, title: str) -> None:
    assert 0 < identity.made_of(uid, title) <= 1_000_000


def test_an_id_is_the_same_for_ever() -> None:
    """People have links to it."""
    assert identity.made_of("shop", "Failing share") == 963063


def test_a_panel_may_say_its_id(shop: Catalog) -> None:
    assert identity.panel_id("shop", panel_of(shop, "Orders")) == identity.made_of("shop", "Orders")
    assert identity.panel_id("shop", panel_of(shop, "Orders", id=7)) == 7


@given(st.from_regex(r"[a-z][a-z-]{0,80}", fullmatch=True))
def test_the_uid_of_a_pack_of_runbooks_is_one_that_grafana_takes(pack: str) -> None:
    assert len(identity.runbooks_uid(pack)) <= 40


def test_packs_with_long_names_alike_have_uids_of_their_own() -> None:
    assert identity.runbooks_uid("http") == "obsdeck-runbooks-http"
    one, other = (identity.runbooks_uid(f"orders-of-the-whole-company-{part}") for part in ("east", "west"))
    assert one != other
