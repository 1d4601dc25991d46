"""What a PromQL expression asks for: its selectors, and whether it is PromQL at all.

The parser is the one of promql-parser, which follows Prometheus' own. Grafana's variables stand for
something that parses, since only Grafana and the reader know what they will be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import promql_parser
import re2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")
_LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)")
_STRING = re.compile(r"(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`)")
_NAME = "variable__"
"""Stands for a variable that is the name of a metric or a label."""
_NUMBERS = {"quantile": "0.95", "__range_s": "3600", "__interval_ms": "15000", "__range_ms": "3600000"}

MAX_DEPTH = 300
"""The parser calls itself for every operator and bracket; some thousands overflow the stack."""

_MATCHERS = re.compile(r"\{[^{}]*\}")
_DEEPENS = re.compile(r"[()^*/%+-]|[<>=!]=?|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)

_QUIET = re2.Options()
_QUIET.log_errors = False


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

    @property
    def is_about_metrics(self) -> bool:
        """Whether it says which metrics it wants, and not only which it does not."""
        return bool(self.name) or any(one.label == "__name__" and one.op == "=~" for one in self.matchers)


@lru_cache(maxsize=4096)
def selectors(promql: str) -> tuple[Selector, ...]:
    """The selectors of an expression, each once, in its order.

    Raises:
        ValueError: It does not parse; says why.
    """
    found = _selectors(tree(promql))
    return tuple(dict.fromkeys(one for one in found if one.name != _NAME))


def grouped_by(promql: str) -> tuple[str, ...] | None:
    """The labels that an expression's outermost aggregation keeps; None if it is no such expression."""
    top = tree(promql)
    while _keeps_labels(top):
        top = top.lhs if isinstance(top, promql_parser.BinaryExpr) else top.expr
    if not isinstance(top, promql_parser.AggregateExpr):
        return None
    modifier = top.modifier
    if modifier is None:
        return ()
    return tuple(modifier.labels) if modifier.type == promql_parser.AggModifierType.By else None


def tree(promql: str) -> Any:
    """The syntax tree of an expression.

    Raises:
        ValueError: It does not parse; says why.
    """
    try:
        return parse(substituted(promql))
    except ValueError as error:
        if not _VARIABLE.search(promql):
            raise ValueError(_reason(error)) from error
    try:
        return parse(substituted(promql, _NAME))
    except ValueError as error:
        raise ValueError(_reason(error)) from error


def parse(promql: str) -> promql_parser.Expr:
    """The syntax tree of an expression without variables.

    Raises:
        ValueError: It does not parse, or is so deep that the parser would end the process.
    """
    depth = _depth(promql)
    if depth > MAX_DEPTH:
        message = f"it has {depth} operators and nested brackets, and may have {MAX_DEPTH}"
        raise ValueError(message)
    return promql_parser.parse(promql)


def _depth(promql: str) -> int:
    """How deep the tree may get at most: brackets in brackets, and operators in a row."""
    operators = deepest = opened = 0
    for sign in _DEEPENS.findall(_MATCHERS.sub("", _STRING.sub("", promql))):
        if sign == "(":
            opened += 1
            deepest = max(deepest, opened)
        elif sign == ")":
            opened -= 1
        else:
            operators += 1
    return operators + deepest


def substituted(promql: str, unknown: str = "1") -> str:
    """The expression with every variable of Grafana replaced by something that parses.

    Args:
        promql: The expression.
        unknown: What stands for a variable that is no duration, known number or label, and in no string.
    """
    text = re.sub(r"\[\s*\$\{?\w+\}?\s*(:?)", r"[5m\1", promql)
    text = re.sub(r"(offset\s+|:\s*)\$\{?\w+\}?", r"\g<1>5m", text)
    text = _outside_strings(
        text, lambda part: _LABELS.sub(lambda found: _VARIABLE.sub(_NAME, found[0]), part)
    )
    return _with_numbers(text, unknown)


def everywhere(promql: str, window: str) -> str:
    """The expression without what the variables of a dashboard narrow: for an alert, which has none.

    Args:
        promql: With matchers such as `service_name=~"$service"`, which are left out.
        window: What stands for a variable in brackets, as in `5m`.

    Returns:
        The expression; a variable that is neither stays in it, and is told by the checks.
    """
    matcher = r"[A-Za-z_]\w*\s*(?:=~|!~|!=|=)\s*\"\$\{?\w+(?::\w+)?\}?\""
    text = re.sub(rf"{matcher}\s*,\s*|,?\s*{matcher}", "", promql).replace("{}", "")
    text = re.sub(r"\[\s*\$\{?\w+\}?\s*\]", f"[{window}]", text)
    return _with_numbers(text)


def _outside_strings(promql: str, change: Callable[[str], str]) -> str:
    parts = _STRING.split(promql)
    parts[::2] = [change(part) for part in parts[::2]]
    return "".join(parts)


def _with_numbers(promql: str, unknown: str | None = None) -> str:
    """Known numbers in place of their variables; others stay where nothing stands for them."""

    def number(found: re.Match[str]) -> str:
        return _NUMBERS.get(found[1] or found[2], found[0] if unknown is None else unknown)

    return _outside_strings(promql, lambda part: _VARIABLE.sub(number, part))


def _keeps_labels(tree: Any) -> bool:
    if isinstance(tree, promql_parser.AggregateExpr):
        return str(tree.op) in {"topk", "bottomk"}
    return isinstance(tree, promql_parser.ParenExpr | promql_parser.BinaryExpr)


def _selectors(tree: Any) -> Iterator[Selector]:
    if isinstance(tree, promql_parser.VectorSelector):
        yield _selector(tree)
    elif isinstance(tree, promql_parser.MatrixSelector):
        yield _selector(tree.vector_selector)
    for name in ("param", "expr", "lhs", "rhs"):
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
    pattern = _pattern(matcher.value)
    return pattern is not None and (pattern.fullmatch(name) is not None) == (matcher.op == "=~")


@lru_cache(maxsize=1024)
def _pattern(text: str) -> Any:
    """A pattern as Prometheus reads it; None for what is none."""
    try:
        return re2.compile(text, _QUIET)
    except re2.error:
        return None


def _reason(error: ValueError) -> str:
    return " ".join(str(error).split())
