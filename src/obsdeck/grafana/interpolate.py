"""Write values into a text as Grafana does: `$name`, `[[name:format]]`, `${name.path:format}`.

What nobody knows stays as it is written, as in Grafana, and is told: a query with a `$name` left in it is
a broken one. Two rules of Grafana are worth knowing: a named format wins over the default of the data
source, and a value that is inserted is not looked through again, unless it is an `allValue`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from obsdeck.grafana.formats import FORMATS, glob, queryparam
from obsdeck.grafana.variables import ALL, Value, written

if TYPE_CHECKING:
    from obsdeck.grafana.formats import Format
    from obsdeck.grafana.variables import Scope

_REFERENCE = re.compile(
    r"\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}", re.ASCII
)
_STEP = re.compile(r"""\[\s*"([^"]*)"\s*\]|\[\s*'([^']*)'\s*\]|\[(\d+)\]|([^.\[\]]+)""")


@dataclass(frozen=True)
class Interpolated:
    """A text with its values in it.

    Attributes:
        text: The text.
        unknown: The references that stayed, as written, each once. `$1` of a replacement is none.
    """

    text: str
    unknown: tuple[str, ...]


def interpolate(text: str, scope: Scope, default: Format = glob) -> Interpolated:
    """Replace every reference that the scope knows.

    Args:
        text: A query, a URL, a title.
        scope: What the names stand for.
        default: How a value is written where the reference names no format.
    """
    unknown: list[str] = []

    def replace(match: re.Match[str]) -> str:
        name = match[1] or match[2] or match[4]
        value = _value(name, match[5], scope)
        if value is None:
            if not name.isdigit():
                unknown.append(match[0])
            return match[0]
        if value.verbatim:
            return _verbatim(value, match[3] or match[6], scope, unknown)
        return _formatted(value, match[3] or match[6], default)

    return Interpolated(_REFERENCE.sub(replace, text), tuple(dict.fromkeys(unknown)))


def names(text: str) -> tuple[str, ...]:
    """The names that a text refers to, in order, without repetitions."""
    return tuple(dict.fromkeys(match[1] or match[2] or match[4] for match in _REFERENCE.finditer(text)))


def _value(name: str, path: str | None, scope: Scope) -> Value | None:
    """What a reference stands for; None where the scope does not know it."""
    if name == "__all_variables":
        chosen = [one for one in scope.values() if isinstance(one, Value) and not one.name.startswith("__")]
        return Value(name, "&".join(map(queryparam, chosen)), verbatim=True)
    found = scope.get(name)
    if isinstance(found, Mapping):
        found = found.get("") if path is None else _at(found, path)
    elif isinstance(found, Value):
        return found
    if found is None:
        return None
    if isinstance(found, (list, tuple)):
        return Value(name, tuple(map(written, found)))
    return Value(name, found if isinstance(found, (str, int, float)) else written(found))


def _at(tree: Mapping[str, Any], path: str) -> Any:
    """What a path leads to; empty where it ends on the way, as in Grafana, which shows nothing there."""
    node: Any = tree
    for quoted, single, index, plain in _STEP.findall(path):
        if isinstance(node, Mapping):
            node = (
                list(node.values())[int(index)]
                if index and int(index) < len(node)
                else node.get(quoted or single or plain or index, "")
            )
        elif isinstance(node, Sequence) and index and int(index) < len(node):
            node = node[int(index)]
        else:
            return ""
    return node


def _verbatim(value: Value, name: str | None, scope: Scope, unknown: list[str]) -> str:
    if name in {"text", "queryparam"}:
        return FORMATS[name](value, ())
    inner = interpolate(written(value.value), {key: one for key, one in scope.items() if key != value.name})
    unknown.extend(one for one in inner.unknown if one != ALL)
    return inner.text


def _formatted(value: Value, written_format: str | None, default: Format) -> str:
    if not written_format:
        return default(value, ())
    name, *arguments = written_format.split(":")
    return FORMATS.get(name, glob)(value, tuple(arguments))
