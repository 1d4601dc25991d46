"""The indicator's group: how many events there were, how many failed, and the ratio, over each window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from obsdeck.packs.slos import queries, windows

if TYPE_CHECKING:
    from obsdeck.packs.slos.identity import Identity
    from obsdeck.packs.slos.model import Events, Raw, Sli

RATIO = "slo:sli_error:ratio_rate"
ERRORS = "slo:sli_errors:rate"
TOTAL = "slo:sli_total:rate"


def group(who: Identity, sli: Sli) -> dict[str, Any]:
    """The group of one SLO. Its rules run in order: each sees what those before it have just recorded."""
    rules = _events(who, sli.events) if sli.events else _raw(who, sli.raw) if sli.raw else []
    return {"name": f"sloth-slo-sli-recordings-{who.id}", "interval": windows.INTERVAL, "rules": rules}


def _events(who: Identity, events: Events) -> list[dict[str, Any]]:
    rules = []
    for window in windows.SECONDS:
        errors, total = (
            f"{queries.per_second(query, window)} >= 0" for query in (events.error_query, events.total_query)
        )
        # `>= 0` leaves out what is not a number. A record has labels that a query has not, so `or` needs the
        # query for the total once more, and not its record.
        rules += [
            _rule(who, TOTAL, window, total),
            _rule(who, ERRORS, window, f"({errors})\nor\n0 * ({total})"),
            _rule(who, RATIO, window, _ratio(who.series(ERRORS + window), who.series(TOTAL + window))),
        ]
    for window in windows.LONG:
        summed = (_sum("sum", who, metric + windows.BASE, window) for metric in (ERRORS, TOTAL))
        rules.append(_rule(who, RATIO, window, _ratio(*summed)))
    return rules


def _raw(who: Identity, raw: Raw) -> list[dict[str, Any]]:
    """A ratio tells no volume, so a ratio over 30 days can only be the mean of ratios."""
    rules = [
        # Not a number and infinity, both of which are a division by no events, are left out.
        _rule(who, RATIO, window, f"{queries.over(raw.error_ratio_query, window)} < Inf")
        for window in (*windows.SECONDS, *windows.LONG)
        if window != windows.PERIOD
    ]
    sums = (_sum(kind, who, RATIO + windows.BASE, windows.PERIOD) for kind in ("sum", "count"))
    return [*rules, _rule(who, RATIO, windows.PERIOD, "\n/\n".join(sums))]


def _ratio(errors: str, total: str) -> str:
    return f"{errors}\n/\n({total} > 0)"


def _sum(kind: str, who: Identity, metric: str, window: str) -> str:
    """What was recorded over a window, whichever values the user's labels had at the time."""
    return f"sum without ({who.own()}) ({kind}_over_time({who.series(metric, window)}))"


def _rule(who: Identity, metric: str, window: str, expr: str) -> dict[str, Any]:
    labels = {**who.labels, "sloth_window": window}
    return {"record": metric + window, "expr": expr, "labels": dict(sorted(labels.items()))}
