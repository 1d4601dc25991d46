"""The series that a PromQL expression reads."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from obsdeck.errors import UsageError

_COUNTS = ("_count", "_sum")


@dataclass(frozen=True)
class Matcher:
    """One condition on a label: `op` is `=`, `!=`, `=~` or `!~`."""

    label: str
    op: str
    value: str

    @property
    def promql(self) -> str:
        """As it is written, quoted whatever its value holds."""
        return f"{self.label}{self.op}{json.dumps(self.value, ensure_ascii=False)}"


@dataclass(frozen=True)
class Selector:
    """One vector selector.

    Attributes:
        name: The metric; empty where a matcher names it.
        matchers: In the order in which they are written.
    """

    name: str
    matchers: tuple[Matcher, ...]

    @property
    def promql(self) -> str:
        """As it is written, without range and offset."""
        return f"{self.name}{{{','.join(one.promql for one in self.matchers)}}}"

    def with_exemplars(self) -> tuple[Selector, ...]:
        """Itself, and the buckets of the histogram whose count or sum it is: they have the exemplars."""
        family = next((self.name.removesuffix(end) for end in _COUNTS if self.name.endswith(end)), "")
        return (self, replace(self, name=f"{family}_bucket")) if family else (self,)

    def value(self, label: str) -> str:
        """The one value that it asks of a label; empty where it asks none, or for a pattern."""
        return next((one.value for one in self.matchers if (one.label, one.op) == (label, "=")), "")


def selectors(expression: str) -> tuple[Selector, ...]:
    """Every selector of an expression, each once, the one with the most conditions first.

    Raises:
        UsageError: The expression is no PromQL.
    """
    import promql_parser  # noqa: PLC0415 - only two of five ways to a trace read PromQL

    found: dict[Selector, None] = {}

    def visit(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found[_selector(node)] = None
        return True

    try:
        promql_parser.walk(promql_parser.parse(expression), visit)
    except ValueError as error:
        raise UsageError(
            f"{expression!r} is no PromQL", why=str(error), hint="try it at Prometheus' own page first"
        ) from error
    return tuple(sorted(found, key=lambda one: -len(one.matchers)))


def _selector(node: object) -> Selector:
    from promql_parser import MatchOp  # noqa: PLC0415 - as above

    signs = ((MatchOp.Equal, "="), (MatchOp.NotEqual, "!="), (MatchOp.Re, "=~"), (MatchOp.NotRe, "!~"))
    matchers = (
        Matcher(one.name, next(sign for op, sign in signs if one.op == op), one.value)
        for one in node.matchers.matchers  # type: ignore[attr-defined]
    )
    return Selector(node.name or "", tuple(matchers))  # type: ignore[attr-defined]
