"""The series that a PromQL expression reads, as they are asked for exemplars."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from obsdeck.errors import UsageError

if TYPE_CHECKING:
    from obsdeck.packs.promql import Selector

_COUNTS = ("_count", "_sum")


def selectors(expression: str) -> tuple[Selector, ...]:
    """Every selector of an expression, each once, the one with the most conditions first.

    Raises:
        UsageError: The expression is no PromQL.
    """
    from obsdeck.packs import promql  # noqa: PLC0415 - only two of five ways to a trace read PromQL

    try:
        found = promql.selectors(expression)
    except ValueError as error:
        raise UsageError(
            f"{expression!r} is no PromQL", why=str(error), hint="try it at Prometheus' own page first"
        ) from error
    return tuple(sorted(found, key=lambda one: -len(one.matchers)))


def written(selector: Selector) -> str:
    """A selector as PromQL, without range and offset, quoted whatever its values hold."""
    matchers = (
        f"{one.label}{one.op}{json.dumps(one.value, ensure_ascii=False)}" for one in selector.matchers
    )
    return f"{selector.name}{{{','.join(matchers)}}}"


def with_exemplars(selector: Selector) -> tuple[Selector, ...]:
    """The selector, and the buckets of the histogram whose count or sum it is: they have the exemplars."""
    name = selector.name
    family = next((name.removesuffix(end) for end in _COUNTS if name.endswith(end)), "")
    return (selector, replace(selector, name=f"{family}_bucket")) if family else (selector,)


def asked(selector: Selector, label: str) -> str:
    """The one value that it asks of a label; empty where it asks none, or for a pattern."""
    return next((one.value for one in selector.matchers if (one.label, one.op) == (label, "=")), "")
