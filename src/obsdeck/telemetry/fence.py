"""Metrics made safe for the Prometheus exporter, and named as Prometheus itself would name them.

`opentelemetry-exporter-prometheus` 0.66b2 has faults that one instrument is enough to meet: two scopes
with one metric name and different attribute keys come out with values under the wrong label names, an
exponential histogram takes the whole page down, and a gauge with unit `1` gets another name than by OTLP.
So what it is given here is one metric per name, labels already translated, and nothing it cannot show.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import (
    Gauge,
    Histogram,
    Metric,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from obsdeck.errors import UsageError
from obsdeck.names import InstrumentKind, label_name, metric_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SCOPE = InstrumentationScope("obsdeck")


@dataclass(frozen=True)
class LeftOut:
    """Something that the page cannot show.

    Attributes:
        reason: `type`, `name`, `label`, `conflict`, `duplicate`, `encoding` or `collector`.
        what: The instrument and the trouble, for a person.
    """

    reason: str
    what: str


@dataclass
class _Family:
    kind: InstrumentKind
    metric: Metric
    points: list[Any] = field(default_factory=list)
    seen: set[frozenset[tuple[str, Any]]] = field(default_factory=set)


def fence(data: MetricsData) -> tuple[MetricsData, list[LeftOut]]:
    """The same metrics in a form that the exporter shows correctly, and what had to be left out."""
    left_out: list[LeftOut] = []
    out = []
    for of_resource in data.resource_metrics:
        families: dict[str, _Family] = {}
        for metric in (metric for scope in of_resource.scope_metrics for metric in scope.metrics):
            left_out += _place(metric, families)
        metrics = [_merged(name, family) for name, family in families.items()]
        out.append(
            ResourceMetrics(of_resource.resource, [ScopeMetrics(_SCOPE, metrics, "")], of_resource.schema_url)
        )
    return MetricsData(out), left_out


def _place(metric: Metric, families: dict[str, _Family]) -> Iterator[LeftOut]:
    """Put a metric's points into the family of its name."""
    kind = _kind(metric)
    if kind is None:
        yield LeftOut("type", f"{metric.name}: no page can show {type(metric.data).__name__}")
        return
    try:
        name = metric_name(metric.name, metric.unit or "", kind)
    except UsageError as error:
        yield LeftOut("name", str(error))
        return
    family = families.setdefault(name, _Family(kind, metric))
    if family.kind != kind:
        yield LeftOut("conflict", f"{metric.name}: {name} is a {family.kind} and a {kind}")
        return
    for point in metric.data.data_points:
        yield from _add(family, point, name)


def _add(family: _Family, point: Any, name: str) -> Iterator[LeftOut]:
    try:
        labels = _labels(point.attributes or {}, family.kind)
    except UsageError as error:
        yield LeftOut("label", f"{name}: {error}")
        return
    series = frozenset(labels.items())
    if series in family.seen:
        yield LeftOut("duplicate", f"{name}{labels} comes from two instruments")
        return
    family.seen.add(series)
    family.points.append(replace(point, attributes=labels))


def _kind(metric: Metric) -> InstrumentKind | None:
    match metric.data:
        case Sum(is_monotonic=True):
            return "counter"
        case Sum():
            return "updowncounter"
        case Gauge():
            return "gauge"
        case Histogram():
            return "histogram"
    return None


def _labels(attributes: Mapping[str, Any], kind: InstrumentKind) -> dict[str, Any]:
    labels: dict[str, Any] = {}
    # Sorted, as Prometheus' receiver does before it joins keys that become one label.
    for key in sorted(attributes):
        label = label_name(key)
        if label.startswith("__") or (label == "le" and kind == "histogram"):
            raise UsageError(f"the label {label} is Prometheus' own")
        value = attributes[key]
        if not isinstance(value, (str, bool, int, float)):
            value = json.dumps(value, separators=(",", ":"), default=str)
        labels[label] = f"{labels[label]};{value}" if label in labels else value
    return labels


def _merged(name: str, family: _Family) -> Metric:
    # The exporter appends what it thinks fit; without a unit, and without `_total`, that is nothing
    # but the `_total` again.
    bare = name.removesuffix("_total") if family.kind == "counter" else name
    data: Any = replace(family.metric.data, data_points=family.points)  # type: ignore[arg-type]
    return Metric(bare, family.metric.description, "", data)
