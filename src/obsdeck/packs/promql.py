"""What a PromQL expression asks for: its selectors, and whether it is PromQL at all.

The parser is the one of promql-parser, which follows Prometheus' own. Grafana's variables stand for
something that parses, since only Grafana and the reader know what they will be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import promql_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")
_NUMBERS = {"quantile": "0.95", "__range_s": "3600", "__interval_ms": "15000", "__range_ms": "3600000"}


@dataclass(frozen=True)
class Matcher:
    """One condition of a selector.

    Attributes:
        label: The label.
        op: `=`, `!=`, `=~` or `!~`.
        value: What it is compared with.
    """

    label: str
    op: str
    value: str


@dataclass(frozen=True)
class Selector:
    """Series that an expression asks for.

    Attributes:
        name: The metric's name; empty where a pattern says which.
        matchers: Its conditions, without that on an exact name.
    """

    name: str
    matchers: tuple[Matcher, ...]

    def wants(self, name: str) -> bool:
        """Whether it asks for a metric of this name."""
        if self.name:
            return name == self.name
        patterns = [one for one in self.matchers if one.label == "__name__"]
        return bool(patterns) and all(_matches(one, name) for one in patterns)


def selectors(promql: str) -> tuple[Selector, ...]:
    """The selectors of an expression, each once, in its order.

    Raises:
        ValueError: It does not parse; says why.
    """
    try:
        tree = promql_parser.parse(substituted(promql))
    except ValueError as error:
        raise ValueError(_reason(error)) from error
    return tuple(dict.fromkeys(_selectors(tree)))


def grouped_by(promql: str) -> tuple[str, ...] | None:
    """The labels that an expression's outermost aggregation keeps; None if it is no such expression."""
    tree = promql_parser.parse(substituted(promql))
    while isinstance(tree, promql_parser.ParenExpr | promql_parser.BinaryExpr):
        tree = tree.expr if isinstance(tree, promql_parser.ParenExpr) else tree.lhs
    if not isinstance(tree, promql_parser.AggregateExpr):
        return None
    modifier = tree.modifier
    if modifier is None:
        return ()
    return tuple(modifier.labels) if modifier.type == promql_parser.AggModifierType.By else None


def substituted(promql: str) -> str:
    """The expression with every variable of Grafana replaced by something that parses."""
    text = re.sub(r"\[\s*\$\{?\w+\}?\s*(:?)", r"[5m\1", promql)
    text = re.sub(r"(offset\s+|:\s*)\$\{?\w+\}?", r"\g<1>5m", text)
    parts = re.split(r"(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`)", text)
    # Outside of strings a variable is a number or a name; inside it may be anything.
    parts[::2] = [
        _VARIABLE.sub(lambda found: _NUMBERS.get(found[1] or found[2], "x"), part) for part in parts[::2]
    ]
    return "".join(parts)


def everywhere(promql: str, window: str) -> str:
    """The expression without what the variables of a dashboard narrow: for an alert, which has none.

    Args:
        promql: With matchers such as `service_name=~"$service"`, which are left out.
        window: What stands for a variable in brackets, as in `5m`.
    """
    matcher = r"[A-Za-z_]\w*\s*(?:=~|!~|!=|=)\s*\"\$\{?\w+(?::\w+)?\}?\""
    text = re.sub(rf"{matcher}\s*,\s*|,?\s*{matcher}", "", promql).replace("{}", "")
    text = re.sub(r"\[\s*\$\{?\w+\}?\s*\]", f"[{window}]", text)
    return substituted(text)


def _selectors(tree: Any) -> Iterator[Selector]:
    if isinstance(tree, promql_parser.VectorSelector):
        yield _selector(tree)
    elif isinstance(tree, promql_parser.MatrixSelector):
        yield _selector(tree.vector_selector)
    for name in ("expr", "param", "lhs", "rhs"):
        child = getattr(tree, name, None)
        if child is not None:
            yield from _selectors(child)
    for child in getattr(tree, "args", ()):
        yield from _selectors(child)


def _selector(tree: Any) -> Selector:
    matchers = tuple(
        Matcher(one.name, _OPS[str(one.op).rpartition(".")[2]], one.value)
        for group in (tree.matchers.matchers, *tree.matchers.or_matchers)
        for one in group
    )
    exact = [one.value for one in matchers if one.label == "__name__" and one.op == "="]
    name = tree.name or (exact[0] if exact else "")
    return Selector(name, tuple(one for one in matchers if (one.label, one.op) != ("__name__", "=")))


_OPS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}


def _matches(matcher: Matcher, name: str) -> bool:
    if matcher.op in {"=", "!="}:
        return (name == matcher.value) == (matcher.op == "=")
    try:
        found = re.fullmatch(matcher.value, name) is not None
    except re.error:
        return False
    return found == (matcher.op == "=~")


def _reason(error: ValueError) -> str:
    return " ".join(str(error).split())
