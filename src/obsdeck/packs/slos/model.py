"""A file of SLOs in Sloth's format `prometheus/v1`: https://sloth.dev/specs/default/.

Its keys and no others. SLI plugins and SLO plugins are Go code that only Sloth can run, and are refused.
All faults are ValueErrors inside pydantic's ValidationError, whose `loc` is the path to the key at fault.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from obsdeck.packs.model.base import Model
from obsdeck.packs.slos import queries, windows

_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MINIMUM = "minimum_errors"


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("is letters, digits, '.', '_' and '-', and begins and ends with a letter or digit")
    return name


def _annotated(annotations: dict[str, str]) -> dict[str, str]:
    for name, text in annotations.items():
        if not _LABEL.fullmatch(name):
            raise ValueError(f"{name!r} is no name: letters, digits and '_', not beginning with a digit")
        if not text:
            raise ValueError(f"{name!r} is empty: write a value or leave it out")
    return annotations


def _labelled(labels: dict[str, str]) -> dict[str, str]:
    for name in _annotated(labels):
        if name.startswith(("sloth_", "__")):
            raise ValueError(f"{name!r} is not free: labels that begin with 'sloth_' or '__' are set for you")
    return labels


def _refused(given: Any) -> Any:
    if given is not None:
        raise ValueError("is Go code that only Sloth can run: write events or raw queries under sli")
    return given


Name = Annotated[str, AfterValidator(_named)]
Query = Annotated[str, AfterValidator(queries.checked)]
Labels = Annotated[dict[str, str], AfterValidator(_labelled)]
Annotations = Annotated[dict[str, str], AfterValidator(_annotated)]
Plugin = Annotated[None, BeforeValidator(_refused)]


class Events(Model):
    """An indicator as two rates of events.

    Attributes:
        error_query: The bad ones.
        total_query: All, with the same labels as the bad ones: each series of it is judged by itself.
    """

    error_query: Query
    total_query: Query

    @model_validator(mode="after")
    def _match(self) -> Self:
        if self.error_query == self.total_query:
            raise ValueError("error_query and total_query are the same: every event would be an error")
        errors, total = queries.labels(self.error_query), queries.labels(self.total_query)
        if errors is not None and total is not None and errors != total:
            raise ValueError(
                f"error_query gives labels {_listed(errors)} and total_query {_listed(total)}:"
                " no error would meet its total; aggregate both by the same"
            )
        return self


class Raw(Model):
    """An indicator that already is a ratio.

    Attributes:
        error_ratio_query: Bad over all, from 0 to 1.
    """

    error_ratio_query: Query


class Sli(Model):
    """What is judged: exactly one of the two kinds.

    Attributes:
        events: Bad events and all events.
        raw: A ratio.
        plugin: Refused.
    """

    events: Events | None = None
    raw: Raw | None = None
    plugin: Plugin = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.events is None) == (self.raw is None):
            raise ValueError("needs one of events and raw")
        return self

    @property
    def labels(self) -> frozenset[str]:
        """The labels that the queries keep, as far as their text tells."""
        query = self.events.total_query if self.events else self.raw.error_ratio_query if self.raw else ""
        return queries.labels(query) or frozenset()


class Alert(Model):
    """What is special about the page, or about the ticket.

    Attributes:
        disable: Leave this alert out.
        labels: Added to those of both alerts, and stronger.
        annotations: Added to those of both alerts, and stronger.
    """

    disable: bool = Field(default=False, strict=True)
    labels: Labels = Field(default_factory=dict)
    annotations: Annotations = Field(default_factory=dict)


class Alerting(Model):
    """The alerts of one SLO.

    Attributes:
        name: The alert's name, the same for page and ticket. May be left out where both are disabled.
        labels: Of both.
        annotations: Of both.
        page_alert: The one that wakes people; `minimum_errors` among its annotations is how many failed
            events it needs in its long window, 5 by default.
        ticket_alert: The one for working hours.
    """

    name: str = Field(default="", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$|^$")
    labels: Labels = Field(default_factory=dict)
    annotations: Annotations = Field(default_factory=dict)
    page_alert: Alert = Alert()
    ticket_alert: Alert = Alert()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.name and not (self.page_alert.disable and self.ticket_alert.disable):
            raise ValueError("needs a name, or page_alert and ticket_alert with `disable: true`")
        if _MINIMUM in self.annotations or _MINIMUM in self.ticket_alert.annotations:
            raise ValueError(f"{_MINIMUM} is for pages: move it to the annotations of page_alert")
        if not re.fullmatch(r"[1-9]\d{0,8}", self.page_alert.annotations.get(_MINIMUM, "1")):
            raise ValueError(f"{_MINIMUM} of page_alert is a whole number from 1 up")
        return self

    @property
    def minimum_errors(self) -> int:
        """Failed events that a page needs in its long window."""
        return int(self.page_alert.annotations.get(_MINIMUM, windows.MINIMUM_ERRORS))


class Slo(Model):
    """One objective.

    Attributes:
        name: Unique in its file.
        description: For people; goes into the alerts.
        objective: Percent of events that are to be good over 30 days.
        labels: Of all its series and alerts.
        sli: What is judged.
        alerting: Its alerts.
        plugins: Refused.
    """

    name: Name
    description: str = ""
    objective: float = Field(strict=True, gt=0, lt=100, allow_inf_nan=False)
    labels: Labels = Field(default_factory=dict)
    sli: Sli
    alerting: Alerting
    plugins: Plugin = None

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        factor = min(float(pair.factor) for pair in windows.PAIRS["page"])
        least = 100 - 100 / factor
        if self.objective <= least and not self.alerting.page_alert.disable:
            raise ValueError(
                f"a page can never fire at an objective of {self.objective:g}: it needs {factor:g} times the"
                f" budget, which is more than all events; set one above {least:.1f} or disable page_alert"
            )
        if self.sli.raw and _MINIMUM in self.alerting.page_alert.annotations:
            raise ValueError(f"{_MINIMUM} needs events: a raw ratio does not tell how many failed")
        _not_kept(self.labels, self.sli)
        return self


class Slos(Model):
    """A file of SLOs.

    Attributes:
        version: The format.
        service: Whose they are; a label of all series.
        labels: Of all series and alerts; an SLO's own are stronger.
        slos: At least one.
        slo_plugins: Refused.
    """

    version: Literal["prometheus/v1"]
    service: Name
    labels: Labels = Field(default_factory=dict)
    slos: tuple[Slo, ...]
    slo_plugins: Plugin = None

    @field_validator("slos")
    @classmethod
    def _some_and_unique(cls, slos: tuple[Slo, ...]) -> tuple[Slo, ...]:
        # Not `min_length`: pydantic counts only what is valid, and would call a file of faults empty as well.
        if not slos:
            raise ValueError("needs at least one SLO")
        twice = [name for name, times in Counter(slo.name for slo in slos).items() if times > 1]
        if twice:
            raise ValueError(f"two SLOs have the name {twice[0]!r}: their rules would be the same series")
        return slos

    @model_validator(mode="after")
    def _free(self) -> Self:
        for slo in self.slos:
            _not_kept(self.labels, slo.sli)
        return self


def _not_kept(labels: dict[str, str], sli: Sli) -> None:
    """One value for a label that tells series apart would make them the same series."""
    both = sli.labels & labels.keys()
    if both:
        raise ValueError(
            f"labels has {_listed(both)}, which the queries keep: rename it or aggregate it away"
        )


def _listed(labels: frozenset[str] | set[str]) -> str:
    return f"({', '.join(sorted(labels))})"
