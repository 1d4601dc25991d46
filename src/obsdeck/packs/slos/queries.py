"""What can be known of an SLO's query from its text: whether it parses, its labels, its unit."""

from __future__ import annotations

import re

import promql_parser as promql

from obsdeck.packs.promql import parse
from obsdeck.packs.slos import windows

_PLACE = re.compile(r"\{\{-?\s*\.window\s*-?\}\}")
_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)

_AGGREGATIONS = {"sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "quantile"}
"""Those that leave just the labels they are told to; `topk` and the like keep all."""

_COUNTS = {"increase", "delta", "changes", "resets", "count_over_time", "sum_over_time"}
"""Functions whose result grows with the window."""


def checked(query: str) -> str:
    """The query, if rules can be made of it.

    Raises:
        ValueError: It has no window, another template, is no PromQL, or gives no vector.
    """
    if not _PLACE.search(query):
        raise ValueError("has no {{.window}}: write rate(...[{{.window}}]), each rule fills in its own")
    other = [template for template in _TEMPLATE.findall(query) if not _PLACE.fullmatch(template)]
    if other:
        raise ValueError(f"has {other[0]}: {{{{.window}}}} is the only template that is filled in")
    expression = _parsed(query)
    if isinstance(expression, promql.MatrixSelector | promql.SubqueryExpr):
        # pydantic places a ValueError at its line of the file, and nothing else.
        raise ValueError("gives a range of samples: wrap it in rate() or the like")  # noqa: TRY004
    return query


def over(query: str, window: str) -> str:
    """The query for one window, in parentheses that hold even where it ends in a comment."""
    text = _PLACE.sub(window, query).strip()
    return f"(\n{text}\n)" if "\n" in text or "#" in text else f"({text})"


def per_second(query: str, window: str) -> str:
    """The query for one window in events per second, whether it is written with `rate` or with `increase`."""
    text = over(query, window)
    return f"{text} / {windows.SECONDS[window]}" if _counts(query) else text


def labels(query: str) -> frozenset[str] | None:
    """The labels of what a query gives; None where the text alone does not tell."""
    return _labels(_parsed(query))


def _parsed(query: str) -> promql.Expr:
    try:
        return parse(_PLACE.sub(windows.BASE, query))
    except ValueError as error:
        raise ValueError(f"is not PromQL: {error}") from None


def _counts(query: str) -> bool:
    called: set[str] = set()

    def note(expression: promql.Expr) -> None:
        if isinstance(expression, promql.Call):
            called.add(expression.func.name)

    promql.walk(_parsed(query), note)
    return bool(called & _COUNTS)


def _labels(expression: promql.Expr) -> frozenset[str] | None:
    match expression:
        case promql.ParenExpr() | promql.UnaryExpr():
            return _labels(expression.expr)
        case promql.AggregateExpr() if str(expression.op) in _AGGREGATIONS:
            kept = expression.modifier
            if kept is None:
                return frozenset()
            return frozenset(kept.labels) if kept.type == promql.AggModifierType.By else None
        case promql.BinaryExpr():
            return _labels_of_both(expression)
        case _:
            return None


def _labels_of_both(expression: promql.BinaryExpr) -> frozenset[str] | None:
    sides = [side for side in (expression.lhs, expression.rhs) if not isinstance(side, promql.NumberLiteral)]
    matching = expression.modifier and expression.modifier.matching
    found = {_labels(side) for side in sides}
    return found.pop() if len(found) == 1 and not matching else None
