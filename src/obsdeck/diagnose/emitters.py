"""Who sends a metric at this moment, as Prometheus has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from obsdeck.backends import prometheus
from obsdeck.errors import ObsdeckError
from obsdeck.stack import record
from obsdeck.stack.components import PROMETHEUS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from obsdeck.stack.environment import Settings
    from obsdeck.stack.home import Home


@dataclass(frozen=True)
class Emitter:
    """One source of a metric.

    Attributes:
        job: The job; of a service its namespace and name.
        service: The service's name; empty where it is scraped.
        version: The service's version; empty where it tells none.
        series: How many series it sends.
    """

    job: str
    service: str
    version: str
    series: int


def now(settings: Settings, home: Home, names: Sequence[str]) -> tuple[Emitter, ...] | None:
    """Who sends series of these names; None where no stack runs that could tell."""
    running = record.read(home)
    if running is None:
        return None
    url = PROMETHEUS.url(running.settings(settings))
    pattern = "|".join(names)
    try:
        found = prometheus.query(
            url, f'count by (job, service_name, service_version) ({{__name__=~"{pattern}"}})'
        )
    except ObsdeckError:
        return None
    rows = (
        Emitter(
            one.labels.get("job", ""),
            one.labels.get("service_name", ""),
            one.labels.get("service_version", ""),
            int(one.value),
        )
        for one in found
    )
    return tuple(sorted(rows, key=lambda row: (row.job, row.service, row.version)))
