"""Signals resolved: what a metric is called in Prometheus, which labels it has, who emits it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from obsdeck import names

if TYPE_CHECKING:
    from obsdeck.packs.model.pack import EmittedBy
    from obsdeck.packs.model.signal import Group, Instrument
    from obsdeck.packs.source import Sourced

RESOURCE = ("service.name", "service.namespace", "service.version", "deployment.environment.name")
"""Attributes of the resource that are labels of every series by OTLP; see prometheus.yml."""

COMMON = ("job", "instance")


@dataclass(frozen=True)
class Signal:
    """A metric that is emitted.

    Attributes:
        name: Its name in OpenTelemetry, or in Prometheus if it is scraped.
        instrument: What it is.
        unit: UCUM.
        brief: What it measures.
        attributes: The keys of its own attributes.
        emitted_by: Who emits it.
        pack: The pack that declares it.
        metric: The name of its family in Prometheus.
        source: Where it is declared.
    """

    name: str
    instrument: Instrument
    unit: str
    brief: str
    attributes: tuple[str, ...]
    emitted_by: EmittedBy
    pack: str
    metric: str
    source: Sourced[Group]

    @property
    def series(self) -> tuple[str, ...]:
        """The names of its series."""
        if self.instrument == "histogram":
            return tuple(f"{self.metric}_{part}" for part in ("bucket", "count", "sum"))
        return (self.metric,)

    def has(self, attribute: str) -> bool:
        """Whether its series have a label of that attribute."""
        of_resource = self.emitted_by.via == "otlp" and attribute in RESOURCE
        return attribute in self.attributes or attribute in COMMON or of_resource

    @property
    def labels(self) -> frozenset[str]:
        """The labels that its series may have."""
        keys = [*self.attributes, *COMMON, *(RESOURCE if self.emitted_by.via == "otlp" else ())]
        own = {"le", "quantile"} if self.instrument == "histogram" else set()
        scope = {"otel_scope_name", "otel_scope_version", "otel_scope_schema_url", "otel_metric_overflow"}
        return frozenset(self.label(key) for key in keys) | own | scope

    def label(self, attribute: str) -> str:
        """The label of one of its attributes."""
        return names.label_name(attribute)


def resolve(group: Sourced[Group], pack: str, default: EmittedBy) -> Signal:
    """A signal of a group of metrics; raises UsageError for a name that Prometheus cannot have."""
    value = group.value
    emitted_by = (value.annotations and value.annotations.emitted_by) or default
    name, instrument, unit = value.metric_name or "", value.instrument or "gauge", value.unit or ""
    scraped = emitted_by.via == "scrape"
    return Signal(
        name=name,
        instrument=instrument,
        unit=unit,
        brief=value.brief,
        attributes=tuple(attribute.name for attribute in value.attributes),
        emitted_by=emitted_by,
        pack=pack,
        metric=name if scraped else names.metric_name(name, unit, instrument),
        source=group,
    )
