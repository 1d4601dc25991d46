"""`dashboards/*.yaml`: panels that name signals."""

from __future__ import annotations

from collections import Counter
from string import ascii_uppercase
from typing import Annotated, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from obsdeck.packs.model.base import Model, Name, Text

Uid = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)]
Emitted = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_:][A-Za-z0-9_.:-]*$", max_length=255)]
"""The name of a signal, or of what a rule records."""
VariableName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=50)]
Standard = Literal[
    "environment", "service", "instance", "route", "method", "status_class", "quantile", "window"
]
Measure = Literal["rate", "per_minute", "increase", "share", "mean", "quantile", "buckets", "last", "age"]
Show = Literal[
    "timeseries", "stat", "gauge", "bargauge", "table", "heatmap", "piechart", "status", "logs", "traces",
    "trace", "exemplars", "graph", "text",
]  # fmt: skip
Language = Literal["promql", "logql", "traceql"]
LevelName = Literal["normal", "anomaly", "critical"]
Matcher = str | int | tuple[str | int, ...]


class Variable(Model):
    """A variable of one's own; one of `of`, `values` and `text` says where its choices come from.

    Attributes:
        name: As in `$name`.
        title: As people see it.
        attribute: What it narrows; empty for nothing.
        of: The signal, or the recording, whose values of that attribute are the choices.
        values: The choices themselves.
        text: What stands in the field at first; people type.
        multi: Whether several may be chosen, and all; not of a field.
    """

    name: VariableName
    title: Text
    attribute: Name | None = None
    of: Emitted | None = None
    values: tuple[str, ...] = ()
    text: str | None = None
    multi: bool = True

    @model_validator(mode="after")
    def _has_choices(self) -> Variable:
        if sum((self.of is not None, bool(self.values), self.text is not None)) != 1:
            message = "a variable has one of: of (a signal), values, text"
            raise ValueError(message)
        if self.of and not self.attribute:
            message = "a variable with choices of a signal names the attribute"
            raise ValueError(message)
        return self


AnyVariable = Annotated[
    Annotated[Standard, Tag("standard")] | Annotated[Variable, Tag("own")],
    Discriminator(lambda given: "standard" if isinstance(given, str) else "own"),
]
"""So that what is wrong with one's own is not told as if a standard one were meant."""


class Query(Model):
    """One query of a panel: of a signal, or written out.

    Attributes:
        name: Of a table's column; a letter by default.
        legend: Names each line, as in `{{http_route}}`.
        signal: The signal's name.
        measure: What of it.
        by: Attributes to split by.
        where: Attribute to what it must be: `value`, `~regex`, `!value`, `!~regex`, or a list of values.
        aggregate: How gauges are put together.
        quantile: Of `measure: quantile`.
        top: Only the largest so many.
        query: Written out instead.
        language: Of `query`.
        instant: Whether one value is asked for, not a line; by `show` if not given.
        unit: Grafana's unit of its values; the signal's if not given.
    """

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")] | None = None
    legend: str | None = None
    signal: Name | None = None
    measure: Measure | None = None
    by: tuple[Name, ...] = ()
    where: dict[Name, Matcher] = Field(default_factory=dict)
    aggregate: Literal["sum", "max", "min", "avg"] | None = None
    quantile: Annotated[float, Field(gt=0, lt=1)] | None = None
    top: Annotated[int, Field(gt=0)] | None = None
    query: Text | None = None
    language: Language | None = None
    instant: bool | None = None
    unit: Text | None = None

    @model_validator(mode="after")
    def _derived_or_written(self) -> Query:
        derived = ("measure", "by", "where", "aggregate", "quantile", "top")
        given = [name for name in derived if getattr(self, name)]
        if self.query and (self.signal or given):
            what = ", ".join(["signal"] * bool(self.signal) + given)
            message = f"a query that is written out has no {what}: say it in the query"
            raise ValueError(message)
        if given and not self.signal:
            message = f"{', '.join(given)} of what? name a signal"
            raise ValueError(message)
        if self.measure == "share" and not self.where:
            message = "a share needs `where`: which part of the whole"
            raise ValueError(message)
        return self


class Panel(Query):
    """A panel; see docs/guides/packs.md for its keys."""

    title: Text
    description: Text
    id: Annotated[int, Field(gt=0, lt=1 << 31)] | None = None
    show: Show | None = None
    queries: Annotated[tuple[Query, ...], Field(max_length=26)] = ()
    decimals: Annotated[int, Field(ge=0, le=10)] | None = None
    min: float | None = Field(default=None)
    max: float | None = Field(default=None)
    levels: dict[LevelName, str | tuple[str, ...]] = Field(default_factory=dict)
    empty: Text | None = None
    runbook: Text | None = None
    stack: bool = False
    columns: dict[str, str] = Field(default_factory=dict)
    links: dict[str, Text] = Field(default_factory=dict)
    text: Text | None = None
    width: Annotated[int, Field(ge=2, le=24)] | None = None
    height: Annotated[int, Field(ge=2, le=40)] | None = None
    follow: bool = True

    @model_validator(mode="after")
    def _shows_something(self) -> Panel:
        if self.show == "text":
            if not self.text or self.asked:
                message = "a text panel has `text`, and no query"
                raise ValueError(message)
        elif self.show != "graph" and not self.asked:
            message = "a panel needs a signal, a query or queries"
            raise ValueError(message)
        if self.queries and (self.signal or self.query):
            message = "a panel has either one query of its own or a list of queries"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _tells_queries_apart(self) -> Panel:
        twice = [name for name, count in Counter(self.refs).items() if count > 1]
        if twice:
            message = f"two queries are called {twice[0]!r}; those without a name are A, B, C in their order"
            raise ValueError(message)
        return self

    @property
    def asked(self) -> tuple[Query, ...]:
        """Its queries, however they are written."""
        return self.queries or ((self,) if self.signal or self.query else ())

    @property
    def refs(self) -> tuple[str, ...]:
        """What each of them is called."""
        return tuple(one.name or letter for one, letter in zip(self.asked, ascii_uppercase, strict=False))


class Row(Model):
    """A row of panels; collapsed rows load when they are opened."""

    title: Text
    collapsed: bool = False
    panels: tuple[Panel, ...] = ()


class DashboardFile(Model):
    """A dashboard."""

    uid: Uid
    title: Text
    description: Text
    variables: tuple[AnyVariable, ...] = ()
    time: Annotated[str, StringConstraints(pattern=r"^\d+[mhdw]$")] = "1h"
    refresh: Annotated[str, StringConstraints(pattern=r"^\d+[smh]$")] | Literal[""] = "30s"
    rows: tuple[Row, ...] = ()
