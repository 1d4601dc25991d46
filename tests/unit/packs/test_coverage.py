from __future__ import annotations

from typing import TYPE_CHECKING

from obsdeck.packs import coverage

if TYPE_CHECKING:
    from .conftest import Repository

TESTS = "tests/shop.yaml"


def lacking(repository: Repository) -> dict[str, tuple[str, ...]]:
    (pack,) = repository.read().catalog.packs
    return {
        name: one.lacks
        for name, one in coverage.of_pack(pack, repository.read().catalog).items()
        if one.lacks
    }


def test_every_alert_is_seen_firing_quiet_without_data_and_pending(repository: Repository) -> None:
    pack, catalog = repository.pack()
    found = coverage.of_pack(pack, catalog)
    assert {name: one.shown for name, one in found.items()} == {
        "ShopFails": {"fires", "quiet", "missing", "pending"},
        "ShopIdle": {"fires", "quiet", "missing", "pending"},
        "ShopBudgetBurns": {"fires", "quiet", "missing"},  # it has no `for`
    }
    assert lacking(repository) == {}


def test_what_no_test_shows_is_lacking(repository: Repository) -> None:
    repository.file("tests/shop.yaml").unlink()
    assert lacking(repository) == {
        "ShopFails": ("fires", "quiet", "missing", "pending"),
        "ShopIdle": ("fires", "quiet", "missing", "pending"),
        "ShopBudgetBurns": ("fires", "quiet", "missing"),
    }
    assert "untested-alert" in repository.found()


def test_a_quiet_alert_without_data_does_not_show_it_quiet_with_data(repository: Repository) -> None:
    repository.change(TESTS, "{eval_time: 80m, alertname: ShopB", "{eval_time: 999m, alertname: ShopB")
    assert lacking(repository) == {"ShopBudgetBurns": ("quiet",)}


def test_an_alert_that_is_only_seen_firing_later_than_its_duration_lacks_that(repository: Repository) -> None:
    repository.change("alerts.yaml", "for: 6m", "for: 30s")  # less than from one evaluation to the next
    assert lacking(repository) == {}
    repository.change(TESTS, "{eval_time: 6m, alertname: ShopFails", "{eval_time: 5m, alertname: ShopFails")
    assert lacking(repository) == {"ShopFails": ("pending",)}
    assert "untested-alert" in repository.found()


def test_each_severity_of_an_alert_is_seen_pending(repository: Repository) -> None:
    both = "  - {alert: ShopFails, panel: shop/Failing share, level: critical, by: [service.name], for: 1m, "
    repository.change(
        "alerts.yaml",
        "  - alert: ShopIdle",
        f"{both}severity: info, summary: a, description: b}}\n  - alert: ShopIdle",
    )
    assert lacking(repository) == {"ShopFails": ("pending",)}


def test_an_alert_without_a_duration_is_never_pending(repository: Repository) -> None:
    repository.change("alerts.yaml", "    for: 6m\n", "")
    pack, catalog = repository.pack()
    assert coverage.of_pack(pack, catalog)["ShopFails"].shown == {"fires", "quiet", "missing"}
    assert lacking(repository) == {}


def test_data_is_found_through_what_is_recorded_from_it(repository: Repository) -> None:
    """ShopIdle asks for a recording; its tests have the counter that it is made of."""
    assert "ShopIdle" not in lacking(repository)
    repository.change(
        "alerts.yaml", "(rate(shop_orders_total[5m]))\n", "(rate(shop_order_duration_seconds_count[5m]))\n"
    )
    assert lacking(repository) == {"ShopIdle": ("quiet",)}


def test_recordings_that_ask_for_each_other_end(repository: Repository) -> None:
    more = "".join(
        f"  - {{record: '{name}', description: a, expr: '{expr}'}}\n"
        for name, expr in (("a:b:c", "d:e:f"), ("d:e:f", "a:b:c"))
    )
    repository.change("alerts.yaml", "alerts:\n", f"{more}alerts:\n")
    repository.change("alerts.yaml", "expr: service:shop_orders:rate5m == 0", "expr: a:b:c == 0")
    assert "ShopIdle" not in lacking(repository)


def test_what_asks_for_no_series_only_fires(repository: Repository) -> None:
    repository.change("alerts.yaml", "expr: service:shop_orders:rate5m == 0", "expr: vector(1)")
    assert lacking(repository) == {}


def test_a_test_of_an_alert_that_is_not_there_is_told(repository: Repository) -> None:
    repository.change("tests/shop.yaml", "alertname: ShopIdle", "alertname: ShopIdles")
    found = [one for one in repository.read().findings if one.check == "unknown-alert"]
    assert next((one.message, one.hint) for one in found) == (
        "ShopIdles is no alert of this pack",
        "did you mean ShopIdle?",
    )
