"""`alerts.yaml`: recording rules and alerts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints, model_validator

from obsdeck.packs.model.base import Model, Name, Text

Duration = Annotated[str, StringConstraints(pattern=r"^(\d+(ms|s|m|h|d|w|y))+$|^0$")]
MetricName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")]
AlertName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9]*$", max_length=80)]
Severity = Literal["critical", "warning", "info", "none"]


class Recording(Model):
    """A recording rule.

    Attributes:
        record: The name of what is recorded, as level:metric:operation.
        description: What it is for.
        expr: PromQL.
        labels: Added to every series.
    """

    record: MetricName
    description: Text
    expr: Text
    labels: dict[str, str] = {}  # noqa: RUF012 - frozen


class Alert(Model):
    """An alert.

    Attributes:
        alert: Its name, and its runbook's.
        panel: What shows it: dashboard's uid / panel's title.
        level: The level of that panel at and beyond which it fires; else `expr` says when.
        by: Attributes by which the panel's query is split further.
        expr: PromQL.
        duration: How long it must last (`for`).
        keep_firing_for: How long it goes on after that.
        severity: `critical`: a person, now; `warning`: in working hours; `info`: to know; `none`: the
            Watchdog.
        summary: One line, a template.
        description: What happened, a template.
        labels: Added.
    """

    alert: AlertName
    panel: Text
    level: Literal["anomaly", "critical"] | None = None
    by: tuple[Name, ...] = ()
    expr: Text | None = None
    duration: Duration | None = None
    keep_firing_for: Duration | None = None
    severity: Severity
    summary: Text
    description: Text
    labels: dict[str, str] = {}  # noqa: RUF012 - frozen

    @model_validator(mode="before")
    @classmethod
    def _for(cls, data: object) -> object:
        if isinstance(data, dict) and "for" in data and "duration" not in data:
            return {("duration" if key == "for" else key): value for key, value in data.items()}
        return data

    @model_validator(mode="after")
    def _says_when(self) -> Alert:
        if (self.level is None) == (self.expr is None):
            message = "an alert has either a level of its panel, or an expr"
            raise ValueError(message)
        if self.expr and self.by:
            message = "`by` splits the panel's query; an alert with its own expr says it there"
            raise ValueError(message)
        return self


class AlertsFile(Model):
    """`alerts.yaml`."""

    recordings: tuple[Recording, ...] = ()
    alerts: tuple[Alert, ...] = ()
