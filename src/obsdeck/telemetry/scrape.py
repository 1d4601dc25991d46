"""The content of `/metrics`: what the service's instruments hold now, in OpenMetrics or text.

The page also shows what the process has registered with `prometheus_client` itself, but for those of its
own collectors that measure the process once more. It carries no exemplars: those
go by OTLP. One family that cannot be shown is left out and counted; it never costs the others.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder

from obsdeck.telemetry import fork
from obsdeck.telemetry.fence import LeftOut, fence
from obsdeck.telemetry.page import Answer, fallback, unavailable

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Iterator

    from opentelemetry.sdk.metrics.export import MetricsData
    from prometheus_client.core import Metric as Family

    from obsdeck.telemetry.durations import Durations

_logger = logging.getLogger(__name__)


class PageReader(PrometheusMetricReader):
    """The reader behind the page: a registry of its own, fed with fenced metrics.

    Args:
        durations: Counted beside the SDK, and shown with its metrics.
    """

    def __init__(self, durations: Durations | None = None) -> None:
        self.families = CollectorRegistry(auto_describe=False)
        self.left_out: list[LeftOut] = []
        self._durations = durations
        super().__init__(scope_info_enabled=False, registry=self.families)

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        if self._durations:
            metrics_data = self._durations.join(metrics_data, exemplars=False)
        fenced, self.left_out = fence(metrics_data)
        super()._receive_metrics(fenced, timeout_millis, **kwargs)


@dataclass(frozen=True)
class _One:
    """One family, as the collector that the encoders ask for."""

    family: Family

    def collect(self) -> Iterable[Family]:
        return (self.family,)


class Page:
    """Answers at the page's path.

    Args:
        reader: Where the service's metrics come from.
        strict: Whether a page with gaps is refused with 503.
        partial: Whether this process is one worker of several, so that any page is a part of the truth.
        errors: Count of what was left out so far, by reason; the caller's, to start from zero.
    """

    def __init__(self, reader: PageReader, *, strict: bool, partial: bool, errors: Counter[str]) -> None:
        self._reader = reader
        self._strict = strict
        self._partial = partial
        self._errors = errors
        # The exporter hands its families over through a queue that two scrapes at once would mix up.
        self._lock = Lock()
        fork.in_child(self._unlock)

    def _unlock(self) -> None:
        self._lock = Lock()

    def answer(self, accept: str) -> Answer:
        """The page for a request with this `Accept` header."""
        if self._strict and self._partial:
            return unavailable(["this is one worker of several; only OTLP tells about all of them"])
        encode, content_type = choose_encoder(accept)
        with self._lock:
            try:
                parts, left_out = self._encoded(encode)
            except Exception as error:
                _logger.exception("the page of metrics could not be made")
                return unavailable([repr(error)]) if self._strict else fallback()
        if self._strict and left_out:
            return unavailable([one.what for one in left_out])
        end = b"# EOF\n" if content_type.startswith("application/openmetrics-text") else b""
        return Answer(200, content_type, b"".join(parts) + end)

    def _encoded(self, encode: Callable[[Any], bytes]) -> tuple[list[bytes], list[LeftOut]]:
        left_out: list[LeftOut] = []
        parts = [part for family in self._families(left_out) for part in _encoded(family, encode, left_out)]
        self._errors.update(one.reason for one in left_out)
        parts += [
            part
            for family in _own(self._errors, self._partial)
            for part in _encoded(family, encode, left_out)
        ]
        return parts, left_out

    def _families(self, left_out: list[LeftOut]) -> Iterator[Family]:
        names = set()
        for family in self._reader.families.collect():
            names.add(family.name)
            yield family
        left_out += self._reader.left_out
        yield from _of_prometheus_client(names, left_out)


def _of_prometheus_client(taken: set[str], left_out: list[LeftOut]) -> Iterator[Family]:
    try:
        for family in REGISTRY.collect():
            if family.name in taken:
                left_out.append(LeftOut("conflict", f"{family.name} is prometheus_client's name too"))
            else:
                yield family
    except Exception as error:  # noqa: BLE001 - one of the application's own collectors
        left_out.append(LeftOut("collector", f"a collector of prometheus_client failed: {error!r}"))


def _encoded(family: Family, encode: Callable[[Any], bytes], left_out: list[LeftOut]) -> Iterator[bytes]:
    try:
        yield encode(_One(family)).removesuffix(b"# EOF\n")
    except Exception as error:  # noqa: BLE001 - whatever one family does, the others are shown
        left_out.append(LeftOut("encoding", f"{family.name}: {error!r}"))


def _own(errors: Counter[str], partial: bool) -> Iterator[Family]:  # noqa: FBT001
    yield GaugeMetricFamily(
        "obsdeck_metrics_partial", "1 where this page shows one worker of several.", value=int(partial)
    )
    yield GaugeMetricFamily(
        "obsdeck_metrics_fallback", "1 while this page cannot show the service's metrics.", value=0
    )
    counted = CounterMetricFamily(
        "obsdeck_scrape_errors", "What this page had to leave out, by reason.", labels=["reason"]
    )
    for reason, count in sorted(errors.items()):
        counted.add_metric([reason], count)
    yield counted
