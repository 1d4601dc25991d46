"""Unit tests of rules, in promtool's format: what each case shows, and the file that promtool runs.

Facts: https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from obsdeck.packs import promql
    from obsdeck.packs.source import Document, Place

Kind = Literal["fires", "quiet", "missing", "pending"]
LOOKBACK = 300.0
"""Seconds for which Prometheus takes a sample as the value."""

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}


@dataclass(frozen=True)
class Case:
    """One expectation of an alert.

    Attributes:
        alert: The alert.
        kind: It fires; it stays quiet although its data is there; it stays quiet and its data is missing.
            That it is pending is what two of them show together: `pending`.
        place: Where it is written.
    """

    alert: str
    kind: Kind
    place: Place


def cases(document: Document, leaves: Mapping[str, Collection[promql.Selector]]) -> Iterator[Case]:
    """What the tests of a file show.

    Args:
        document: The file.
        leaves: Alert to the selectors of the series that it is made of in the end.
    """
    for index, test in _tests(document):
        for number, expected in _expected(test):
            place = document.place(("tests", index, "alert_rule_test", number))
            yield Case(str(expected["alertname"]), _kind(test, expected, leaves), place)


def pending(document: Document, durations: Mapping[tuple[str, str], float]) -> Iterator[tuple[str, str]]:
    """The alerts that a file shows pending: quiet while their condition holds, and firing later.

    An alert that fires has had its condition for its `for`. So where the same test expects it quiet before,
    by no more than its `for`, the condition held there too.

    Args:
        document: The file.
        durations: Alert and severity to its `for`, in seconds.
    """
    for _, test in _tests(document):
        every = seconds(str(document.data.get("evaluation_interval", ""))) or 60
        for (alert, severity), duration in durations.items():
            own = [expected for _, expected in _expected(test) if str(expected["alertname"]) == alert]
            fires = {_step(one, every) for one in own if severity in _severities(one)}
            quiet = {_step(one, every) for one in own if severity not in _severities(one)}
            # It fires in the first evaluation that is its `for` or more after the one that began it.
            steps = duration / every + 1
            if any(0 < step - earlier < steps for step in fires for earlier in quiet):
                yield alert, severity


def _step(expected: Mapping[str, Any], every: float) -> int:
    """The number of the evaluation that an expectation is about."""
    return int(seconds(str(expected.get("eval_time", "0"))) / every)


def _severities(expected: Mapping[str, Any]) -> set[str]:
    labels = [alert.get("exp_labels") or {} for alert in expected.get("exp_alerts") or ()]
    return {str(one.get("severity")) for one in labels}


def _tests(document: Document) -> list[tuple[int, Mapping[str, Any]]]:
    tests = document.data.get("tests") if isinstance(document.data, dict) else None
    numbered = enumerate(tests if isinstance(tests, list) else ())
    return [(index, test) for index, test in numbered if isinstance(test, dict)]


def _expected(test: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, expected in enumerate(test.get("alert_rule_test") or ()):
        if isinstance(expected, dict) and "alertname" in expected:
            yield number, expected


def runnable(
    document: Document,
    rule_files: Sequence[str],
    groups: Sequence[str],
    added: Mapping[str, Mapping[str, str]],
) -> dict[str, Any]:
    """The file as promtool takes it: with rules, and expected alerts without annotations as samples.

    promtool compares all annotations of an alert, so a test that does not speak of them asks for the
    alert's own series instead.

    Args:
        document: The file.
        rule_files: The files of rules, as promtool finds them.
        groups: The names of all groups in them; promtool evaluates them in any order otherwise.
        added: Alert to the annotations that nobody writes: runbook_url, dashboard, panel.
    """
    tests = [_runnable(test, added) for test in document.data.get("tests", ())]
    rest = {key: value for key, value in document.data.items() if key not in {"rule_files", "tests"}}
    return {"rule_files": list(rule_files), "group_eval_order": list(groups), **rest, "tests": tests}


def needed(document: Document, groups: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The groups with the rules that the tests of a file name, and those that these ask for, in order."""
    rules = [rule for group in groups for rule in group["rules"]]
    found: dict[int, Mapping[str, Any]] = {}
    waiting = [json.dumps(document.data, default=str)]
    while waiting:
        text = waiting.pop()
        for rule in rules:
            if id(rule) not in found and _word(rule.get("alert") or rule["record"], text):
                found[id(rule)] = rule
                waiting.append(rule["expr"])
    kept = ({**group, "rules": [rule for rule in group["rules"] if id(rule) in found]} for group in groups)
    return [group for group in kept if group["rules"]]


def _word(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w:]){re.escape(name)}(?![\w:])", text) is not None


def seconds(duration: str) -> float:
    """A duration as Prometheus writes it, as in `1h30m`; 0 for what is none."""
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdwy])", duration))


def has_sample(values: str, index: int, lookback: int) -> bool:
    """Whether a series in promtool's notation has a value at an index, or a valid one shortly before.

    Args:
        values: As in `1 2 _x3 1+1x5 stale`.
        index: Counted from 0.
        lookback: How many intervals back a sample still counts.
    """
    samples = list(_samples(values))
    for at in range(min(index, len(samples) - 1), max(-1, index - lookback), -1):
        if samples[at] is not None:
            return bool(samples[at])
    return False


def _kind(
    test: Mapping[str, Any], expected: Mapping[str, Any], leaves: Mapping[str, Collection[promql.Selector]]
) -> Kind:
    if expected.get("exp_alerts"):
        return "fires"
    wanted = leaves.get(str(expected["alertname"]), ())
    interval = seconds(str(test.get("interval", "1m"))) or 60
    moment = seconds(str(expected.get("eval_time", "0")))
    there = any(
        has_sample(str(series.get("values", "")), int(moment / interval), int(LOOKBACK / interval))
        for series in test.get("input_series") or ()
        if any(selector.wants(_name(str(series.get("series", "")))) for selector in wanted)
    )
    return "quiet" if there or not wanted else "missing"


def _name(series: str) -> str:
    return re.split(r"[{\s]", series, maxsplit=1)[0]


def _samples(values: str) -> Iterator[bool | None]:
    """True for a value, None for a gap, False for the mark that a series has ended."""
    for word in re.sub(r"\{\{.*?\}\}", "1", values).split():
        match = re.fullmatch(r"(_|[-+\w.]*?)x(\d+)", word)
        if match is None:
            yield _sample(word)
            continue
        # `1x3` is the value and three more; `_x3` is three gaps.
        times = int(match[2]) + (match[1] != "_")
        yield from [_sample(match[1])] * times


def _sample(word: str) -> bool | None:
    return None if word == "_" else word != "stale"


def _runnable(test: Mapping[str, Any], added: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    kept, asked = [], []
    for expected in test.get("alert_rule_test") or ():
        alerts = expected.get("exp_alerts") or ()
        if not alerts or all("exp_annotations" in alert for alert in alerts):
            kept.append({**expected, "exp_alerts": [_annotated(expected, alert, added) for alert in alerts]})
        else:
            asked.append(_as_samples(expected, alerts))
    made = {key: value for key, value in test.items() if key not in {"alert_rule_test", "promql_expr_test"}}
    asked += test.get("promql_expr_test") or ()
    return {
        **made,
        **({"alert_rule_test": kept} if kept else {}),
        **({"promql_expr_test": asked} if asked else {}),
    }


def _annotated(
    expected: Mapping[str, Any], alert: Mapping[str, Any], added: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    own = alert.get("exp_annotations") or {}
    return {**alert, "exp_annotations": {**added.get(str(expected["alertname"]), {}), **own}}


def _as_samples(expected: Mapping[str, Any], alerts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    name = expected["alertname"]
    fixed = {"alertname": name, "alertstate": "firing"}
    samples = [
        {"labels": _series("ALERTS", {**fixed, **alert.get("exp_labels", {})}), "value": 1}
        for alert in alerts
    ]
    expr = f'ALERTS{{alertname="{name}", alertstate="firing"}}'
    return {"expr": expr, "eval_time": expected["eval_time"], "exp_samples": samples}


def _series(name: str, labels: Mapping[str, Any]) -> str:
    inside = ", ".join(f'{key}="{_escaped(str(value))}"' for key, value in labels.items())
    return f"{name}{{{inside}}}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
