"""The classic JSON of a dashboard, read tolerantly: what people have is older than any schema.

Read are exports (`{"dashboard": ...}` and `{"spec": ...}` around them too), rows with their panels inside
or after them, data sources as text, as object, missing or `-- Mixed --`, and variables whose query is a
text or an object. The tree of the second schema (`elements`, `layout`) is refused with a word.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from obsdeck.errors import ConfigError
from obsdeck.grafana.dashboard import Dashboard, Link, Panel, Reference, Target, Variable

if TYPE_CHECKING:
    from pathlib import Path

_MIXED = "-- Mixed --"
_COLUMNS = 24


def read(path: Path) -> Dashboard:
    """The dashboard in a file.

    Raises:
        ConfigError: It cannot be read, is no JSON, or no dashboard.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ConfigError("this is no JSON", path=path, line=error.lineno, why=error.msg) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("the dashboard cannot be read", path=path, why=str(error)) from error
    if not isinstance(document, Mapping):
        raise ConfigError("this is no dashboard", path=path, why="the file is no JSON object")
    inner = _unwrapped(document)
    if "elements" in inner:
        raise ConfigError(
            "this dashboard has the second schema",
            path=path,
            why="it has `elements` where the classic form has `panels`",
            hint="export it again in Grafana with the model Classic",
        )
    if not {"panels", "rows", "templating", "schemaVersion"} & inner.keys():
        raise ConfigError("this is no dashboard", path=path, why="it has neither panels nor a schema version")
    return parse(inner)


def parse(document: Mapping[str, Any]) -> Dashboard:
    """The dashboard in a JSON object; whatever is missing is empty."""
    model = _unwrapped(document)
    time = _mapping(model.get("time"))
    return Dashboard(
        uid=_text(model.get("uid")),
        title=_text(model.get("title")),
        time=(_text(time.get("from")) or "now-6h", _text(time.get("to")) or "now"),
        variables=tuple(map(_variable, _mappings(_mapping(model.get("templating")).get("list")))),
        panels=tuple(_panels(model)),
        annotations=tuple(_annotations(_mapping(model.get("annotations")))),
        links=_links(model.get("links")),
        model=model,
    )


def _unwrapped(document: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in ("dashboard", "spec"):
        if isinstance(document.get(key), Mapping):
            return _unwrapped(document[key])
    return document


def _panels(model: Mapping[str, Any]) -> Iterator[Panel]:
    """Those in collapsed rows and in the rows of old files too, each with the row it is in."""
    row: Mapping[str, Any] = {}
    for one in _mappings(model.get("panels")):
        if one.get("type") == "row":
            row = one
            yield from (_panel(inner, row) for inner in _mappings(one.get("panels")))
        else:
            yield _panel(one, row)
    for old in _mappings(model.get("rows")):
        yield from (_panel(inner, old) for inner in _mappings(old.get("panels")))


def _panel(model: Mapping[str, Any], row: Mapping[str, Any]) -> Panel:
    config = _mapping(model.get("fieldConfig"))
    defaults = _mapping(config.get("defaults"))
    own = _reference(model.get("datasource"))
    width = _mapping(model.get("gridPos")).get("w") or 2 * _number(model.get("span")) or _COLUMNS
    return Panel(
        id=_number(model.get("id")),
        title=_text(model.get("title")),
        type=_text(model.get("type")),
        row=_text(row.get("title")),
        targets=tuple(_target(one, own) for one in _mappings(model.get("targets"))),
        links=_data_links(config, _renamed(model)) + _links(model.get("links")),
        no_value=_text(defaults.get("noValue")),
        width=_number(width),
        max_points=_number(model.get("maxDataPoints")),
        interval=_text(model.get("interval")),
        time_from=_text(model.get("timeFrom")),
        time_shift=_text(model.get("timeShift")),
        repeat=_text(model.get("repeat") or row.get("repeat")),
        library=_text(_mapping(model.get("libraryPanel")).get("uid")),
        model=model,
    )


def _target(model: Mapping[str, Any], panel: Reference) -> Target:
    own = _reference(model.get("datasource"))
    reference = own if own.uid or own.type else panel
    if reference.uid == _MIXED:
        reference = replace(reference, uid="")
    return Target(_text(model.get("refId")), reference, bool(model.get("hide")), model)


def _annotations(model: Mapping[str, Any]) -> Iterator[Target]:
    """Not the built-in one, which shows what was written into Grafana by hand."""
    for one in _mappings(model.get("list")):
        if one.get("builtIn") or one.get("type") == "dashboard":
            continue
        inner = {**one, **_mapping(one.get("target"))}
        disabled = one.get("enable") is False
        yield Target(_text(one.get("name")), _reference(one.get("datasource")), disabled, inner)


def _variable(model: Mapping[str, Any]) -> Variable:
    query = model.get("query")
    current = _mapping(model.get("current")).get("value", "")
    return Variable(
        name=_text(model.get("name")),
        type=_text(model.get("type")),
        query=_variable_query(query) or _text(model.get("definition")),
        datasource=_reference(model.get("datasource")),
        regex=_text(model.get("regex")),
        multi=bool(model.get("multi")),
        include_all=bool(model.get("includeAll")),
        all_value=_text(model.get("allValue")),
        sort=_number(model.get("sort")),
        current=tuple(map(_text, current)) if isinstance(current, list) else _text(current),
        model=model,
    )


def _variable_query(query: Any) -> str:
    """A text, Prometheus' `{query, qryType}`, or Loki's and Tempo's `{type, label, stream}`."""
    if not isinstance(query, Mapping):
        return _text(query)
    if query.get("label"):
        stream = _text(query.get("stream"))
        return f"label_values({stream}, {query['label']})" if stream else f"label_values({query['label']})"
    return _text(query.get("query"))


def _reference(found: Any) -> Reference:
    if isinstance(found, Mapping):
        return Reference(_text(found.get("uid")), _text(found.get("type")))
    return Reference(_text(found))


def _data_links(config: Mapping[str, Any], renamed: Mapping[str, str]) -> tuple[Link, ...]:
    """Those of all fields, then those of single ones, whose headings are turned into the data's names."""
    found = _links(_mapping(config.get("defaults")).get("links"))
    for override in _mappings(config.get("overrides")):
        matcher = _mapping(override.get("matcher"))
        heading = _text(matcher.get("options")) if matcher.get("id") == "byName" else ""
        for one in _mappings(override.get("properties")):
            if one.get("id") == "links":
                found += _links(one.get("value"), renamed.get(heading, heading))
    return found


def _renamed(model: Mapping[str, Any]) -> dict[str, str]:
    """Headings of a table to the names that its transformations have made them of."""
    return {
        _text(heading): name
        for one in _mappings(model.get("transformations"))
        for name, heading in _mapping(_mapping(one.get("options")).get("renameByName")).items()
    }


def _links(found: Any, column: str = "") -> tuple[Link, ...]:
    return tuple(Link(_text(one.get("title")), _text(one.get("url")), column) for one in _mappings(found))


def _mappings(found: Any) -> tuple[Mapping[str, Any], ...]:
    return tuple(one for one in found if isinstance(one, Mapping)) if isinstance(found, list) else ()


def _mapping(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


def _text(found: Any) -> str:
    return "" if found is None else found if isinstance(found, str) else str(found)


def _number(found: Any) -> int:
    number = isinstance(found, (int, float)) and not isinstance(found, bool) and math.isfinite(found)
    return int(found) if number else 0
