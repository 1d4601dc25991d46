"""A dashboard: what it asks, by which variables, and where its links lead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Reference:
    """Which data source is meant; both parts may hold a variable, and an empty one means the default.

    Attributes:
        uid: Its uid, or its name where the file is that old.
        type: `prometheus`, `loki`, `tempo`; empty where the file does not say.
    """

    uid: str = ""
    type: str = ""


@dataclass(frozen=True)
class Target:
    """One query of a panel.

    Attributes:
        ref_id: `A`, `B`; unique in its panel.
        datasource: Its own, or else the panel's.
        hidden: Whether the panel keeps it without running it.
        model: All that the file says of it.
    """

    ref_id: str
    datasource: Reference
    hidden: bool
    model: Mapping[str, Any]


@dataclass(frozen=True)
class Link:
    """A link of a panel's data, of a panel or of the dashboard.

    Attributes:
        title: What is read on it.
        url: With variables; empty for a list of dashboards by tag.
        column: The one label or field of the data that it is on; empty for all of them.
    """

    title: str
    url: str
    column: str = ""


@dataclass(frozen=True)
class Panel:
    """One panel that shows something; rows are no panels here.

    Attributes:
        id: Its number in the dashboard.
        title: Its head, with variables.
        type: The plugin: `timeseries`, `stat`, `logs`.
        row: The title of the row that it is in, empty for none.
        targets: Its queries, in order.
        links: The data links of its fields, those of overrides too, then the panel's own.
        no_value: What it shows where there is nothing.
        width: Columns out of 24.
        max_points: `maxDataPoints`, 0 where the width decides.
        interval: The lowest step, empty where the data source decides.
        time_from: A range of its own (`1h`), empty for the dashboard's.
        time_shift: How much earlier it looks, empty for not.
        repeat: The variable for each value of which it is shown, empty for none.
        library: The uid of the library panel that it is, empty where it is none.
        model: All that the file says of it.
    """

    id: int
    title: str
    type: str
    row: str
    targets: tuple[Target, ...]
    links: tuple[Link, ...]
    no_value: str
    width: int
    max_points: int
    interval: str
    time_from: str
    time_shift: str
    repeat: str
    library: str
    model: Mapping[str, Any]


@dataclass(frozen=True)
class Variable:
    """One variable as the file has it, before it is resolved.

    Attributes:
        name: What it is referred to by.
        type: `query`, `datasource`, `custom`, `interval`, `textbox`, `constant`, `adhoc` or another.
        query: The text of its query, whatever form the file has.
        datasource: Whom a query asks.
        regex: What its options are filtered and cut by.
        multi: Whether several values may be chosen.
        include_all: Whether All may be chosen.
        all_value: What All stands for where it is not the union of the options.
        sort: Grafana's number for the order, 0 for none.
        current: The value that the file was saved with: a text or a list of texts.
        model: All that the file says of it.
    """

    name: str
    type: str
    query: str
    datasource: Reference
    regex: str
    multi: bool
    include_all: bool
    all_value: str
    sort: int
    current: str | tuple[str, ...]
    model: Mapping[str, Any]


@dataclass(frozen=True)
class Dashboard:
    """One dashboard.

    Attributes:
        uid: Its uid, empty where the file has none.
        title: Its name.
        time: From and to, as written: `("now-1h", "now")`.
        variables: In the order of the file.
        panels: In the order of the file, those of rows after the row's place.
        annotations: Those that run a query, as targets; `ref_id` is their name.
        links: Those at the head of the dashboard.
        model: All that the file says.
    """

    uid: str
    title: str
    time: tuple[str, str]
    variables: tuple[Variable, ...]
    panels: tuple[Panel, ...]
    annotations: tuple[Target, ...]
    links: tuple[Link, ...]
    model: Mapping[str, Any]
