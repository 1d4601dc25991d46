"""The variables at the top of a dashboard, each narrowed by those before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from obsdeck import names
from obsdeck.packs.model.dashboard import Variable
from obsdeck.packs.queries import NARROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from obsdeck.packs.model.dashboard import DashboardFile
    from obsdeck.packs.signal import Signal

PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}
HTTP = "http.server.request.duration"

_TITLES = {
    "environment": "Environment",
    "service": "Service",
    "instance": "Instance",
    "route": "Route",
    "method": "Method",
    "status_class": "Status class",
    "quantile": "Quantile",
    "window": "Window",
}
_CHOICES = {
    "status_class": {"2xx": "2..", "3xx": "3..", "4xx": "4..", "5xx": "5.."},
    "quantile": {"0.95": "0.95", "0.5": "0.5", "0.9": "0.9", "0.99": "0.99"},
    "window": {"auto": "$__rate_interval", "1m": "1m", "5m": "5m", "15m": "15m", "1h": "1h"},
}
_SORT_BY_NAME = 1
_ON_TIME_RANGE = 2


def variables(board: DashboardFile, job: str, signals: Mapping[str, Signal]) -> list[dict[str, Any]]:
    """All variables of a dashboard.

    Args:
        board: The dashboard.
        job: The job whose instances are asked for; empty for those of services.
        signals: Every signal, by name.
    """
    made = [_datasource()]
    narrowed: dict[str, str] = {}
    for one in board.variables:
        if isinstance(one, Variable):
            made.append(_own(one, narrowed, signals))
            if one.attribute and one.text is None:
                narrowed[one.attribute] = one.name
        else:
            made.append(_standard(one, job, narrowed))
            if one in NARROWS:
                narrowed[NARROWS[one]] = one
    return made


def _datasource() -> dict[str, Any]:
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Metrics",
        "query": "prometheus",
        "current": {"text": "Prometheus", "value": "prometheus"},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "refresh": 1,
        "regex": "",
        "options": [],
    }


def _standard(name: str, job: str, narrowed: Mapping[str, str]) -> dict[str, Any]:
    if name in _CHOICES:
        many = name in NARROWS
        return _custom(name, _TITLES[name], _CHOICES[name], many=many)
    label = names.label_name(NARROWS[name])
    if name in {"route", "method"}:
        metric = "http_server_request_duration_seconds_count"
        kept = narrowed
    elif name == "instance" and job:
        metric, kept = f'up{{job="{job}"}}', {}
    else:
        metric = "target_info"
        kept = {
            key: one for key, one in narrowed.items() if key in {NARROWS["environment"], NARROWS["service"]}
        }
    # A service without an environment has no such label, and belongs to all of them.
    every = ".*" if name == "environment" else ".+"
    return _query(name, _TITLES[name], _values(metric, kept, label), every=every)


def _own(one: Variable, narrowed: Mapping[str, str], signals: Mapping[str, Signal]) -> dict[str, Any]:
    if one.text is not None:
        value = {"text": one.text, "value": one.text}
        return {
            "type": "textbox",
            "name": one.name,
            "label": one.title,
            "query": one.text,
            "current": value,
            "options": [{**value, "selected": True}],
            "hide": 0,
        }
    if one.of:
        signal = signals.get(one.of)
        # What is recorded has no declared labels, so nothing narrows it.
        metric = signal.series[min(1, len(signal.series) - 1)] if signal else one.of
        kept = {key: name for key, name in narrowed.items() if signal and signal.has(key)}
        query = _values(metric, kept, names.label_name(one.attribute or ""))
        return _query(one.name, one.title, query, every=".*", many=one.multi)
    return _custom(one.name, one.title, {value: value for value in one.values}, many=one.multi)


def _values(metric: str, narrowed: Mapping[str, str], label: str) -> str:
    matchers = ", ".join(f'{names.label_name(key)}=~"${name}"' for key, name in narrowed.items())
    return (
        f"label_values({metric}{{{matchers}}}, {label})" if matchers else f"label_values({metric}, {label})"
    )


def _query(name: str, title: str, query: str, *, every: str, many: bool = True) -> dict[str, Any]:
    return {
        "type": "query",
        "name": name,
        "label": title,
        "datasource": PROMETHEUS,
        "query": query,
        "definition": query,
        "refresh": _ON_TIME_RANGE,
        "sort": _SORT_BY_NAME,
        "regex": "",
        "hide": 0,
        "options": [],
        **_choosing(many=many, every=every),
        **({} if many else {"current": {}}),
    }


def _custom(name: str, title: str, choices: Mapping[str, str], *, many: bool) -> dict[str, Any]:
    first = next(iter(choices.items()))
    options = [
        _option(text, value, selected=not many and text == first[0]) for text, value in choices.items()
    ]
    return {
        "type": "custom",
        "name": name,
        "label": title,
        "query": ", ".join(_written(text, value) for text, value in choices.items()),
        "hide": 0,
        "options": options,
        **_choosing(many=many, every=".*"),
        **({} if many else {"current": _option(*first, selected=True)}),
    }


def _choosing(*, many: bool, every: str) -> dict[str, Any]:
    if not many:
        return {"multi": False, "includeAll": False}
    return {
        "multi": True,
        "includeAll": True,
        "allValue": every,
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _option(text: str, value: str, *, selected: bool) -> dict[str, Any]:
    return {"text": text, "value": value, "selected": selected}


def _written(text: str, value: str) -> str:
    return (value if text == value else f"{text} : {value}").replace(",", "\\,")


def names_of(board: DashboardFile) -> Sequence[str]:
    """The names of a dashboard's variables, `datasource` first."""
    return ("datasource", *(_names(board)))


def _names(board: DashboardFile) -> Iterator[str]:
    for one in board.variables:
        yield one.name if isinstance(one, Variable) else one
