"""The formats in which a variable is written into a text: `${name:csv}` and its siblings.

Facts: https://grafana.com/docs/grafana/latest/dashboards/variables/variable-syntax/, and for what a
data source does where none is named, the `interpolateQueryExpr` of each.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from obsdeck.grafana.variables import ALL, Value, written

if TYPE_CHECKING:
    from collections.abc import Iterable

Format = Callable[[Value, tuple[str, ...]], str]
"""Takes the value and what stands after the format's name, split at colons."""

_URI = ";,/?:@&=+$#"
_REGEX = re.compile(r"[\\^$*+?.()|\[\]{}/]")
_SOURCE_REGEX = re.compile(r"[$^*{}\[\]+?.()|]")
_LUCENE = re.compile(r"([!*+\-=<>\s&|()\[\]{}^~?:\\/\"])")
_MOMENT = re.compile(r"\[([^\]]*)\]|YYYY|YY|MMMM|MMM|MM|M|DD|D|HH|H|mm|m|ss|s|SSS|dddd|ddd|A|x|X")


def prometheus(value: Value, _: tuple[str, ...] = ()) -> str:
    """As the Prometheus data source does by default: escaped, as a regular expression where many can be."""
    if not value.multi:
        return _sole(value).replace("\\", "\\\\").replace("'", "\\\\'")
    return _alternatives([_in_regex(one) for one in value.values])


def loki(value: Value, _: tuple[str, ...] = ()) -> str:
    """As the Loki data source does by default: without the parentheses around many."""
    if not value.multi:
        return _sole(value).replace("'", "\\\\'")
    return "|".join(_in_regex(one).replace("'", "\\\\'") for one in value.values)


def pipe(value: Value, _: tuple[str, ...] = ()) -> str:
    """`a|b`: as the Tempo data source does by default."""
    return "|".join(value.values)


def glob(value: Value, _: tuple[str, ...] = ()) -> str:
    """`{a,b}`, one value as it is: the default of everything else."""
    return _braced(value) if len(value.values) > 1 else _sole(value)


def uriencode(value: Value, _: tuple[str, ...] = ()) -> str:
    """For a whole URL, whose own characters stay: the default in links."""
    return quote(_braced(value), safe=_URI)


def _in_regex(text: str) -> str:
    """Escaped twice: once for the regular expression, once for the string it stands in."""
    return _SOURCE_REGEX.sub(r"\\\\\g<0>", text.replace("\\", "\\\\\\\\"))


def _sole(value: Value) -> str:
    return ",".join(value.values)


def _braced(value: Value) -> str:
    return "{" + ",".join(value.values) + "}" if isinstance(value.value, tuple) else _sole(value)


def _alternatives(escaped: list[str]) -> str:
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _regex(value: Value, _: tuple[str, ...]) -> str:
    return _alternatives([_REGEX.sub(r"\\\g<0>", one) for one in value.values])


def _json(value: Value, _: tuple[str, ...]) -> str:
    if isinstance(value.value, str):
        return value.value
    return json.dumps(value.value, ensure_ascii=False, separators=(",", ":"))


def _quoted(values: Iterable[str], mark: str, escaped: str) -> str:
    return ",".join(f"{mark}{one.replace(mark, escaped)}{mark}" for one in values)


def _sqlstring(value: Value, _: tuple[str, ...]) -> str:
    return _quoted((one.replace('"', '\\"') for one in value.values), "'", "''")


def _lucene(value: Value, _: tuple[str, ...]) -> str:
    escaped = [_LUCENE.sub(r"\\\1", one) for one in value.values]
    if not isinstance(value.value, tuple):
        return escaped[0]
    return "(" + " OR ".join(f'"{one}"' for one in escaped) + ")" if escaped else "__empty__"


def _join(value: Value, arguments: tuple[str, ...]) -> str:
    return (arguments[0] if arguments else ",").join(value.values)


def _distributed(value: Value, _: tuple[str, ...]) -> str:
    return f",{value.name}=".join(value.values)


def queryparam(value: Value, _: tuple[str, ...] = ()) -> str:
    """`var-name=a&var-name=b`, as the address bar of Grafana has it."""
    values = (ALL,) if value.all else value.values
    return "&".join(f"var-{value.name}={quote(one, safe='@:$,').replace('%20', '+')}" for one in values)


def _customqueryparam(value: Value, arguments: tuple[str, ...]) -> str:
    name, prefix = (*arguments, "", "")[:2]
    return "&".join(
        f"{quote(name or value.name, safe='')}={quote(prefix, safe='')}{quote(one, safe='')}"
        for one in value.values
    )


def _text(value: Value, _: tuple[str, ...]) -> str:
    return value.text or " + ".join(value.values)


def _date(value: Value, arguments: tuple[str, ...]) -> str:
    """Of milliseconds since the epoch; in UTC, where Grafana takes the time zone of the person."""
    text = _sole(value)
    whole = re.match(r"-?\d+", text)
    if whole is None:
        return "NaN"
    milliseconds = int(whole.group(0))
    pattern = ":".join(arguments) or "iso"
    if pattern == "ms":
        return text
    if pattern == "seconds":
        return str(round(milliseconds / 1000))
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    if pattern == "iso":
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"
    return _MOMENT.sub(lambda token: _part(token, moment), pattern)


def _part(token: re.Match[str], moment: datetime) -> str:
    """One token of moment.js' formats."""
    if token.group(1) is not None:
        return token.group(1)
    padded = {"YYYY": "%Y", "YY": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "DD": "%d", "HH": "%H"}
    padded |= {"mm": "%M", "ss": "%S", "dddd": "%A", "ddd": "%a", "A": "%p"}
    bare = {"M": moment.month, "D": moment.day, "H": moment.hour, "m": moment.minute, "s": moment.second}
    bare |= {"x": round(moment.timestamp() * 1000), "X": round(moment.timestamp())}
    word = token.group(0)
    if word == "SSS":
        return f"{moment.microsecond // 1000:03d}"
    return moment.strftime(padded[word]) if word in padded else str(bare[word])


FORMATS: dict[str, Format] = {
    "csv": lambda value, _: ",".join(value.values),
    "customqueryparam": _customqueryparam,
    "date": _date,
    "distributed": _distributed,
    "doublequote": lambda value, _: _quoted(value.values, '"', '\\"'),
    "glob": glob,
    "html": lambda value, _: html.escape(", ".join(value.values)).replace("&#x27;", "&#39;"),
    "join": _join,
    "json": _json,
    "lucene": _lucene,
    "percentencode": lambda value, _: quote(_braced(value), safe=""),
    "pipe": pipe,
    "queryparam": queryparam,
    "raw": lambda value, _: written(value.value),
    "regex": _regex,
    "singlequote": lambda value, _: _quoted(value.values, "'", "\\'"),
    "sqlstring": _sqlstring,
    "text": _text,
    "uriencode": uriencode,
}
"""By the name after the colon; one that is not here means `glob`, as in Grafana."""

BY_SOURCE: dict[str, Format] = {"prometheus": prometheus, "loki": loki, "tempo": pipe}
"""The default in a query, by the type of its data source; `glob` for others."""
