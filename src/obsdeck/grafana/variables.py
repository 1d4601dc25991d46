"""What the names in a dashboard's texts stand for: the values of variables, and what Grafana itself knows.

A scope maps a name to a `Value`, to plain text or a number, or to a tree of mappings into which a
reference goes by a path: `${__field.labels.http_route}`, `${__data.fields["trace id"]}`. Its
entry without a name is what a reference without a path stands for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from obsdeck.grafana import interval

if TYPE_CHECKING:
    from obsdeck.grafana.timerange import TimeRange

Scalar = str | int | float
Scope = Mapping[str, "Value | Scalar | Mapping[str, Any]"]

ALL = "$__all"
"""The value of a variable for which All is chosen."""


@dataclass(frozen=True)
class Value:
    """What a variable of a dashboard stands for.

    Attributes:
        name: The variable's name.
        value: The chosen value; several as a tuple, also where All is chosen.
        text: What the person sees in its place; the value itself by default.
        multi: Whether several could be chosen: data sources then escape it for a regular expression.
        all: Whether All is chosen; a URL then says so and does not list the values.
        verbatim: Whether it is an `allValue`, which is inserted as it is written.
    """

    name: str
    value: Scalar | tuple[str, ...]
    text: str = ""
    multi: bool = False
    all: bool = False
    verbatim: bool = False

    @property
    def values(self) -> tuple[str, ...]:
        """Every chosen value as text."""
        return self.value if isinstance(self.value, tuple) else (written(self.value),)


def written(value: object) -> str:
    """A value as JavaScript writes it: `2` for 2.0, `true`, the items of a list with commas between."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (tuple, list)):
        return ",".join(map(written, value))
    return str(value)


def of_time(span: TimeRange, step: int, scrape: int = interval.DEFAULT_SCRAPE) -> dict[str, Any]:
    """The names that follow from the time range and the resolution.

    Args:
        span: The range.
        step: `$__interval` in milliseconds.
        scrape: The data source's `timeInterval`, or the query's lowest step, in milliseconds.
    """
    seconds = round(span.length / 1000)
    rate = interval.rate_interval(step, scrape)
    return {
        "__from": span.start,
        "__to": span.end,
        "__range": f"{seconds}s",
        "__range_s": seconds,
        "__range_ms": span.length,
        "__interval": interval.write(step),
        "__interval_ms": step,
        "__auto": interval.write(step),
        "__rate_interval": interval.write(rate),
        "__rate_interval_ms": rate,
        "__url_time_range": Value(
            "__url_time_range", f"from={span.raw_from}&to={span.raw_to}", verbatim=True
        ),
    }


def of_point(
    value: Scalar,
    *,
    time: int,
    labels: Mapping[str, str],
    name: str = "Value",
    fields: Mapping[str, Scalar] | None = None,
) -> dict[str, Any]:
    """The names that follow from the point in a panel, or the cell of a table, whose link is clicked.

    Args:
        value: The value of the field there.
        time: Milliseconds since the epoch.
        labels: The series' labels.
        name: The name of the field as it is shown: the legend of a series, the head of a column.
        fields: The other fields of the same row, by name.
    """
    text = written(value)
    return {
        "__value": {"": text, "raw": value, "numeric": value, "text": text, "time": time},
        "__field": {"name": name, "displayName": name, "labels": labels},
        "__series": {"name": name},
        "__data": {"fields": {"Time": time, name: value, **(fields or {})}},
    }


def of_dashboard(uid: str, title: str) -> dict[str, Any]:
    """The names that follow from the dashboard that is shown; organisation and person as Grafana begins."""
    return {
        "__dashboard": {"": title, "name": title, "uid": uid},
        "__org": {"": 1, "id": 1, "name": "Main Org."},
        "__user": {"": 1, "id": 1, "login": "admin", "email": "admin@localhost"},
    }
