"""Where the links of panels and dashboards lead: an address of Explore, of a dashboard, or another page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from obsdeck.errors import UsageError
from obsdeck.grafana import explore, timerange
from obsdeck.grafana.formats import uriencode
from obsdeck.grafana.interpolate import interpolate
from obsdeck.grafana.links import BrokenLinkError, Opening

if TYPE_CHECKING:
    from obsdeck.grafana.dashboard import Link
    from obsdeck.grafana.sources import DataSources
    from obsdeck.grafana.variables import Scope

_DASHBOARD = re.compile(r".*/d/([^/]+)(?:/[^/]*)?/?")


@dataclass(frozen=True)
class Address:
    """The address of a dashboard.

    Attributes:
        uid: Which dashboard.
        panel: The one panel that is shown, 0 for all.
        chosen: What the address chooses for variables, by name.
        range: From and to, as written; empty where the dashboard decides.
    """

    uid: str
    panel: int
    chosen: Mapping[str, tuple[str, ...]]
    range: tuple[str, str]


def url_of(link: Link, scope: Scope) -> str:
    """The address that a link has at a point.

    Args:
        link: A data link, a panel's or a dashboard's link.
        scope: The values of the variables, of the time range, and of the point.

    Raises:
        BrokenLinkError: References in it stayed.
    """
    done = interpolate(link.url, scope, uriencode)
    if done.unknown:
        raise BrokenLinkError(link.title, f"nobody knows {', '.join(done.unknown)}")
    return done.text


def openings(title: str, url: str, sources: DataSources, *, now: int) -> tuple[Opening, ...]:
    """What an address of Explore opens.

    Args:
        title: What is read on the link.
        url: As `url_of` answers.
        sources: All data sources.
        now: Milliseconds since the epoch.

    Raises:
        BrokenLinkError: It is no address of Explore, or one that Grafana could not read.
        NoSourceError: A data source is not declared.
    """
    try:
        return tuple(_openings(title, explore.panes(url), sources, now))
    except (ValueError, UsageError) as error:
        raise BrokenLinkError(title, f"{error}: {url}") from error


def _openings(
    title: str, panes: tuple[explore.Pane, ...], sources: DataSources, now: int
) -> Iterator[Opening]:
    for pane in panes:
        span = timerange.parse(*pane.range, now=now)
        for model in pane.queries:
            own = model.get("datasource")
            uid = own.get("uid") if isinstance(own, Mapping) else own
            yield Opening(title, sources.by_uid(str(uid or pane.datasource)), model, span)


def address(url: str) -> Address | None:
    """The dashboard that an address leads to, None where it leads elsewhere."""
    parts = urlsplit(url)
    found = _DASHBOARD.fullmatch(parts.path)
    if not found:
        return None
    words = parse_qs(parts.query)
    panel = re.search(r"\d+", words.get("viewPanel", [""])[0])
    return Address(
        uid=found[1],
        panel=int(panel[0]) if panel else 0,
        chosen={name[4:]: tuple(values) for name, values in words.items() if name.startswith("var-")},
        range=(words.get("from", [""])[0], words.get("to", [""])[0]),
    )
