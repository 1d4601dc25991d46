"""The windows over which errors are judged: the SRE workbook's for a period of 30 days.

Source: https://sre.google/workbook/alerting-on-slos/ (multiwindow, multi-burn-rate alerts). A page goes out
when 2 % of the budget are spent in an hour or 5 % in six, a ticket at 10 % in a day or in three; the short
window of a pair ends the alert soon after the errors end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["page", "ticket"]

SECONDS = {"5m": 300, "30m": 1800, "1h": 3600, "2h": 7200, "6h": 21600}
"""The windows that are computed from the user's queries, and how long they are."""

BASE = "5m"
"""The window whose records the long ones are sums of."""

LONG = ("1d", "3d", "30d")
"""The windows that are summed."""

PERIOD = LONG[-1]
"""The window for which the budget is given."""

MINIMUM_ERRORS = 5
"""Failed events that a page needs in its long window, where its annotations have no `minimum_errors`.

Below it a rate says little: one failure of 20 requests in an hour is 50 times the budget of 99.9 %. With 350
or more requests an hour it changes nothing at 99.9 %, since 14.4 times that budget is more than 5 of them.
"""

INTERVAL = "1m"
"""How often the indicators are recorded.

Written into the group: in a sum over 30 days, what was recorded more often weighs more, so it must not
follow the server's default. A page is late by so much at most. Half of it would be four times the work: the
sum over 30 days, most of the cost, is then made twice as often of twice as many records.
"""


@dataclass(frozen=True)
class Pair:
    """Two windows that must both burn too fast.

    Attributes:
        factor: How many times faster than the budget allows, as written into the rule.
        short: The window that ends the alert.
        long: The window that is evidence enough.
    """

    factor: str
    short: str
    long: str


PAIRS: dict[Severity, tuple[Pair, Pair]] = {
    "page": (Pair("14.4", "5m", "1h"), Pair("6", "30m", "6h")),
    "ticket": (Pair("3", "2h", "1d"), Pair("1", "6h", "3d")),
}
