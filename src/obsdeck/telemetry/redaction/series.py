"""Metrics on their last step: labels without secrets, by OTLP and on the page of metrics.

Two series that differ in nothing but a secret would become one, which no backend takes twice in an export:
the second and those after it are numbered.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from obsdeck.telemetry.redaction.batches import Resources
from obsdeck.telemetry.scrape import PageReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.export import Metric, MetricsData

    from obsdeck.telemetry.redaction.redactor import Redactor


def points(redactor: Redactor) -> Callable[[MetricsData], MetricsData]:
    """What scrubs an export of metrics."""
    resources = Resources(redactor)
    return lambda data: scrubbed(data, redactor, resources)


class ScrubbedPageReader(PageReader):
    """The reader behind the page of metrics, scrubbed.

    Args:
        redactor: What scrubs.
        arguments: As `PageReader` has them.
    """

    def __init__(self, redactor: Redactor, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._scrub = points(redactor)

    def _receive_metrics(self, metrics_data: MetricsData, *arguments: Any, **options: Any) -> None:
        super()._receive_metrics(self._scrub(metrics_data), *arguments, **options)


def scrubbed(data: MetricsData, redactor: Redactor, resources: Resources) -> MetricsData:
    """The same metrics without secrets in attributes of the resource, the series and the exemplars."""
    return replace(
        data,
        resource_metrics=[
            replace(
                of_resource,
                resource=resources.scrubbed(of_resource.resource),
                scope_metrics=[
                    replace(scope, metrics=[_metric(metric, redactor) for metric in scope.metrics])
                    for scope in of_resource.scope_metrics
                ],
            )
            for of_resource in data.resource_metrics
        ],
    )


def _metric(metric: Metric, redactor: Redactor) -> Metric:
    points: Any = metric.data.data_points
    if all(_is_clean(point, redactor) for point in points):
        return metric
    seen: set[str] = set()
    data: Any = metric.data
    return replace(metric, data=replace(data, data_points=[_point(one, redactor, seen) for one in points]))


def _is_clean(point: Any, redactor: Redactor) -> bool:
    return redactor.is_clean(point.attributes) and all(
        redactor.is_clean(exemplar.filtered_attributes) for exemplar in point.exemplars
    )


def _point(point: Any, redactor: Redactor, seen: set[str]) -> Any:
    found: set[str] = set()
    attributes = redactor.attributes(point.attributes, found)
    if found:
        attributes = _apart(attributes, dict(point.attributes), seen)
    seen.add(_series(attributes))
    exemplars = [
        replace(one, filtered_attributes=redactor.attributes(one.filtered_attributes, set()))
        for one in point.exemplars
    ]
    return replace(point, attributes=attributes, exemplars=exemplars)


def _apart(attributes: dict[str, Any], original: dict[str, Any], seen: set[str]) -> dict[str, Any]:
    """The attributes, with a number behind what was scrubbed if there is such a series already."""
    changed = next(key for key, value in attributes.items() if value != original[key])
    numbered, number = attributes, 1
    while _series(numbered) in seen:
        number += 1
        numbered = attributes | {changed: f"{attributes[changed]} {number}"}
    return numbered


def _series(attributes: dict[str, Any]) -> str:
    return repr(sorted(attributes.items()))
