"""`signals.yaml`: metrics and attributes in OpenTelemetry's semantic-convention registry format.

Facts: https://github.com/open-telemetry/weaver/blob/main/schemas/semconv-syntax.md. Of it we read groups of
metrics and of attributes; other types of groups (spans, events) are accepted and not used yet.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from obsdeck.packs.model.base import Model, Name, Text
from obsdeck.packs.model.pack import EmittedBy

Instrument = Literal["counter", "updowncounter", "gauge", "histogram"]
Stability = Literal[
    "stable", "development", "alpha", "beta", "release_candidate", "deprecated", "experimental"
]


class Attribute(Model):
    """An attribute, defined (`id`) or named (`ref`)."""

    id: Name | None = None
    ref: Name | None = None
    type: str | dict[str, Any] | None = None
    brief: str = ""
    note: str = ""
    stability: Stability | None = None
    examples: Any = None
    requirement_level: Any = None
    deprecated: Any = None
    annotations: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _has_one_name(self) -> Attribute:
        if bool(self.id) == bool(self.ref):
            message = "an attribute has either an id, which defines it, or a ref to one that is defined"
            raise ValueError(message)
        if self.id and not (self.type and self.brief):
            message = "an attribute that is defined needs a type and a brief"
            raise ValueError(message)
        return self

    @property
    def name(self) -> str:
        """Its key."""
        return self.id or self.ref or ""


class Annotations(Model):
    """What we add to a group: who emits it, where that differs from the pack."""

    emitted_by: EmittedBy | None = None


class Group(Model):
    """One group of the registry."""

    id: Name
    type: Literal["metric", "attribute_group", "span", "event", "entity"]
    brief: Text
    note: str = ""
    stability: Stability | None = None
    deprecated: Any = None
    metric_name: Name | None = None
    instrument: Instrument | None = None
    unit: str | None = None
    span_kind: Literal["client", "server", "producer", "consumer", "internal"] | None = None
    name: str | None = None
    extends: str | None = None
    prefix: str | None = None
    attributes: tuple[Attribute, ...] = ()
    annotations: Annotations | None = None

    @model_validator(mode="after")
    def _metric_is_whole(self) -> Group:
        if self.type == "metric" and not (self.metric_name and self.instrument and self.unit is not None):
            message = "a metric needs metric_name, instrument and unit (unit may be '1')"
            raise ValueError(message)
        return self


class SignalsFile(Model):
    """`signals.yaml`."""

    groups: tuple[Group, ...] = ()
