"""All packs together: every name that a query may use, and who stands behind it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from obsdeck.packs import signal
from obsdeck.packs.slos import rules as slo_rules

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obsdeck.packs.model.alerts import Alert, Recording
    from obsdeck.packs.model.dashboard import DashboardFile, Panel
    from obsdeck.packs.pack import Pack
    from obsdeck.packs.runbook import Runbook
    from obsdeck.packs.signal import Signal
    from obsdeck.packs.source import Sourced

PROMETHEUS_OWN = frozenset(
    {"up", "ALERTS", "ALERTS_FOR_STATE", "target_info", "scrape_duration_seconds", "scrape_samples_scraped"}
    | {"scrape_samples_post_metric_relabeling", "scrape_series_added"}
)
"""Series that Prometheus makes itself: of targets, of alerts, and of resources that arrive by OTLP."""


@dataclass(frozen=True)
class Catalog:
    """Packs that are looked at together.

    Attributes:
        packs: By name.
        recorded_elsewhere: Names that rules outside of packs record.
    """

    packs: tuple[Pack, ...]
    recorded_elsewhere: frozenset[str] = frozenset()

    @cached_property
    def signals(self) -> dict[str, Signal]:
        """Every signal, by its name."""
        return {one.name: one for one in self.declared()}

    def declared(self) -> Iterator[Signal]:
        """Every signal as it is declared, twice if it is declared twice."""
        for pack in self.packs:
            for group in pack.groups:
                if group.value.type == "metric":
                    yield signal.resolve(group, pack.name, pack.about.value.emitted_by)

    @cached_property
    def series(self) -> dict[str, Signal]:
        """Every signal, by the names of its series."""
        return {name: one for one in self.signals.values() for name in one.series}

    @cached_property
    def recorded(self) -> dict[str, Sourced[Recording] | None]:
        """Every name that a rule records; what is made of an objective has no rule to show."""
        found: dict[str, Sourced[Recording] | None] = {
            name: None for pack in self.packs if pack.slos for name in slo_rules.recorded(pack.slos.value)
        }
        return found | {one.value.record: one for pack in self.packs for one in pack.recordings}

    @cached_property
    def names(self) -> frozenset[str]:
        """Every metric name that a query may use."""
        own = PROMETHEUS_OWN | {"obsdeck_alert_info"} | self.recorded_elsewhere
        return frozenset(self.series) | frozenset(self.recorded) | own

    @cached_property
    def dashboards(self) -> dict[str, Sourced[DashboardFile]]:
        """Every dashboard, by uid; of two with one uid the first."""
        found: dict[str, Sourced[DashboardFile]] = {}
        for pack in self.packs:
            for one in pack.dashboards:
                found.setdefault(one.value.uid, one)
        return found

    @cached_property
    def panels(self) -> dict[str, tuple[Sourced[DashboardFile], Sourced[Panel]]]:
        """Every panel with its dashboard, by uid / title."""
        return {
            f"{board.value.uid}/{panel.value.title}": (board, panel)
            for board in self.dashboards.values()
            for panel in panels(board)
        }

    @cached_property
    def runbooks(self) -> dict[str, tuple[Pack, Runbook]]:
        """Every runbook with its pack, by the name of its file."""
        return {page.path.stem: (pack, page) for pack in self.packs for page in pack.runbooks}

    def alerts(self) -> Iterator[tuple[Pack, Sourced[Alert]]]:
        """Every alert with its pack; those of objectives are not among them."""
        for pack in self.packs:
            for alert in pack.alerts:
                yield pack, alert


def panels(board: Sourced[DashboardFile]) -> Iterator[Sourced[Panel]]:
    """The panels of a dashboard, in order."""
    for row, content in enumerate(board.value.rows):
        for index, panel in enumerate(content.panels):
            yield board.part(panel, "rows", row, "panels", index)
