"""What can be told of LogQL without Loki: that its brackets and strings close, and that it selects streams.

There is no parser of LogQL for Python; whether Loki takes a query is asked of Loki, in the tests that run
every query.
"""

from __future__ import annotations

import re

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`')
_PAIRS = {")": "(", "]": "[", "}": "{"}
_MATCHER = re.compile(r"\s*[A-Za-z_]\w*\s*(=~|!~|!=|=)\s*S\s*")
_SELECTOR = re.compile(r"\{([^{}]*)\}")


def check(logql: str) -> str:
    """What is wrong with a query; empty where nothing is seen."""
    strings = _STRING.findall(logql)
    text = _STRING.sub("S", re.sub(r"\$\{(\w+)(:\w+)?\}", r"$\1", logql))
    if '"' in text or "`" in text:
        return "a string does not end"
    unclosed = _brackets(text)
    if unclosed:
        return unclosed
    found = _SELECTOR.findall(text)
    if not found:
        return "it selects no streams: begin with {label=...}"
    for inside in found:
        for matcher in inside.rstrip().removesuffix(",").split(","):
            if not _MATCHER.fullmatch(matcher):
                return f"{{{inside}}} is no selector: write label, operator, quoted value"
    return _empty(logql, strings)


def _brackets(text: str) -> str:
    opened: list[str] = []
    for character in text:
        if character in "([{":
            opened.append(character)
        elif character in _PAIRS and (not opened or opened.pop() != _PAIRS[character]):
            return f"{character!r} closes nothing"
    return f"{opened[-1]!r} is not closed" if opened else ""


def _empty(logql: str, strings: list[str]) -> str:
    """Loki refuses a selector that matches a stream without any of its labels."""
    for inside in re.findall(
        r"\{([^{}]*)\}", _STRING.sub(lambda found: found[0].replace("{", "").replace("}", ""), logql)
    ):
        pairs = re.findall(r"(=~|!~|!=|=)\s*(\"(?:[^\"\\]|\\.)*\"|`[^`]*`)", inside)
        if strings and pairs and all(_matches_nothing(op, value[1:-1]) for op, value in pairs):
            return f"{{{inside}}} also selects streams without these labels, which Loki refuses: use .+"
    return ""


def _matches_nothing(op: str, value: str) -> bool:
    if op == "=~":
        return value in {".*", ""}
    return op in {"!=", "!~"} or value == ""
