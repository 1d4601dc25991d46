"""Which route served a request, as its full template.

The scope says too little after the fact: an included router's prefix, a mount's template and plain
Starlette routes stand nowhere in it. FastAPI (0.142 and later) tracks exactly this for its own telemetry,
in a note under `fastapi.telemetry` that routing fills in as it descends and that survives copied scopes.
A note of ours in that place gives us the template, and tells FastAPI and every mounted sub-app that this
request has an observer, so that nothing is counted twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import MutableMapping

try:
    from fastapi.telemetry._api import _RequestTelemetry as _Note
except ImportError:  # another FastAPI: the template then lacks prefixes of routers and mounts
    _Note = None  # type: ignore[assignment, misc]

UNKNOWN = "__unknown__"
_KEY = "fastapi.telemetry"


def is_observed(scope: MutableMapping[str, Any]) -> bool:
    """Whether an app further out observes this request already."""
    return _KEY in scope


def begin(scope: MutableMapping[str, Any]) -> object:
    """Put the note into the scope; returns it for `end`."""
    # Not the server's root_path: behind a mount of another framework it has the client's own values.
    note = _Note(span=None, span_method="", data=None) if _Note is not None else None
    scope[_KEY] = note
    return note


def end(scope: MutableMapping[str, Any], note: object) -> str:
    """The template of the route that was taken, `__unknown__` for none."""
    template = getattr(note, "route", None)
    if note is None:
        template = getattr(scope.get("route"), "path", None)
    return template or UNKNOWN


def clear(scope: MutableMapping[str, Any]) -> None:
    """Take the note out again, with the exceptions that FastAPI may have left in it."""
    scope.pop(_KEY, None)
