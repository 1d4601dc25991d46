"""Files of a user's own that belong to no pack: Grafana's dashboards and Prometheus' rules.

They are held to what the packs declare, gently: such a file may well use what no pack declares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from obsdeck.packs import json_source, source
from obsdeck.packs.checks import own_dashboards, own_rules
from obsdeck.packs.findings import Finding
from obsdeck.packs.source import Document, Loc, Place, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from obsdeck.packs.catalog import Catalog

_EASED = frozenset({"unknown-metric", "unknown-label", "unknown-variable"})


@dataclass(frozen=True)
class OwnFile:
    """A file that was read.

    Attributes:
        document: Its content.
        kind: What it is.
        loc: Where in the file that begins; exports of Grafana and Kubernetes have a frame around it.
    """

    document: Document
    kind: Literal["dashboard", "rules"]
    loc: Loc


def check(paths: Sequence[Path], catalog: Catalog) -> Iterator[Finding]:
    """Faults of files, each as a dashboard or as a file of rules, whatever it is."""
    files = []
    for path in paths:
        try:
            files.append(_read(path))
        except Unreadable as fault:
            yield Finding(
                "unknown-file" if isinstance(fault, _UnknownKind) else "unreadable",
                f"{path.name} {fault.message}",
                fault.place,
                hint=fault.hint,
            )
    recorded = own_rules.recorded(_inner(file) for file in files if file.kind == "rules")
    known = replace(catalog, recorded_elsewhere=frozenset(recorded))
    for file in files:
        look = own_dashboards.check if file.kind == "dashboard" else own_rules.check
        yield from _eased(look(_inner(file), file.document, file.loc, known))


def _eased(findings: Iterable[Finding]) -> Iterator[Finding]:
    for one in findings:
        yield replace(one, eased=one.check in _EASED)


class _UnknownKind(Unreadable):
    """A file that is neither."""


def _read(path: Path) -> OwnFile:
    document = json_source.read(path) if path.suffix == ".json" else source.read(path)
    data: Any = document.data
    loc: Loc = ()
    while isinstance(data, Mapping):
        if path.suffix == ".json" and {"panels", "rows", "templating", "schemaVersion"} & data.keys():
            return OwnFile(document, "dashboard", loc)
        if path.suffix != ".json" and isinstance(data.get("groups"), list):
            return OwnFile(document, "rules", loc)
        if "elements" in data:
            hint = "export it again in Grafana with the model Classic"
            raise _UnknownKind("is a dashboard of the second schema", document.place(loc), hint)
        frame = next((key for key in ("dashboard", "spec") if isinstance(data.get(key), Mapping)), None)
        if frame is None:
            break
        data, loc = data[frame], (*loc, frame)
    hint = "checked are dashboards (.json, with `panels`) and rules of Prometheus (.yaml, with `groups`)"
    raise _UnknownKind("is neither a dashboard nor a file of rules", Place(path), hint)


def _inner(file: OwnFile) -> Mapping[str, Any]:
    data = file.document.data
    for key in file.loc:
        data = data[key]
    return data  # type: ignore[no-any-return] # _read has seen that it is a mapping
