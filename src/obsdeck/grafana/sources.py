"""Data sources as provisioning files declare them: uid, type, address, and the settings behind every link.

Read as Grafana reads them: in each value `${NAME}` and `$NAME` come from the environment, `$$` is a `$`
that stays. Facts: https://grafana.com/docs/grafana/latest/administration/provisioning/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import yaml

from obsdeck.errors import ConfigError, FailedError

if TYPE_CHECKING:
    from pathlib import Path

    from obsdeck.grafana.dashboard import Reference

# Go's os.Expand: braces around anything, one special character, or a run of letters, digits, underscores.
_VARIABLE = re.compile(r"\$(?:__env)?\{([^}]+)\}|\$([*#$@!?\-0-9])|\$(\w+)", re.ASCII)


class NoSourceError(FailedError):
    """A data source is referred to that is not declared.

    Args:
        uid: What it is referred to by.
        known: What is declared.
    """

    def __init__(self, uid: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no data source {uid!r}", why=f"declared are {', '.join(known) or 'none'}")
        self.uid = uid


@dataclass(frozen=True)
class DataSource:
    """One data source.

    Attributes:
        uid: What links and panels call it by.
        name: What people call it by, and old dashboards.
        type: `prometheus`, `loki`, `tempo`, `alertmanager` or another plugin.
        url: Where its server answers, for Grafana.
        settings: Its `jsonData`.
        default: Whether it is meant where none is named.
    """

    uid: str
    name: str
    type: str
    url: str
    settings: Mapping[str, Any]
    default: bool = False


@dataclass(frozen=True)
class DataSources:
    """All data sources of one Grafana."""

    all: tuple[DataSource, ...]

    def by_uid(self, uid: str) -> DataSource:
        """The data source of a uid, or of a name.

        Raises:
            NoSourceError: There is none.
        """
        for source in self.all:
            if uid in {source.uid, source.name}:
                return source
        raise NoSourceError(uid, tuple(source.uid for source in self.all))

    def meant(self, reference: Reference) -> DataSource:
        """The data source that a reference without variables means: by uid, else the default of its type.

        Raises:
            NoSourceError: There is none.
        """
        if reference.uid and reference.uid != "default":
            return self.by_uid(reference.uid)
        fitting = [source for source in self.all if reference.type in {"", source.type}]
        preferred = sorted(fitting, key=lambda source: not source.default)
        if not preferred:
            raise NoSourceError(reference.type, tuple(source.uid for source in self.all))
        return preferred[0]

    def at(self, urls: Mapping[str, str]) -> DataSources:
        """The same with other addresses, by type: this machine may reach them elsewhere than Grafana does."""
        return DataSources(
            tuple(replace(source, url=urls.get(source.type, source.url)) for source in self.all)
        )


def read(path: Path, environ: Mapping[str, str]) -> DataSources:
    """The data sources of a provisioning file.

    Args:
        path: The file.
        environ: What its variables come from; an unset one is empty, as in Grafana.

    Raises:
        ConfigError: It cannot be read, is no YAML, or declares none.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError("this is no YAML", path=path, why=str(error)) from error
    except OSError as error:
        raise ConfigError("the data sources cannot be read", path=path, why=error.strerror or "") from error
    rows = document.get("datasources") if isinstance(document, Mapping) else None
    if not isinstance(rows, list):
        raise ConfigError("this file declares no data sources", path=path, why="it has no list `datasources`")
    return DataSources(tuple(_source(_expanded(row, environ)) for row in rows))


def expand(text: str, environ: Mapping[str, str]) -> str:
    """A value of a provisioning file as Grafana takes it."""

    def of(match: re.Match[str]) -> str:
        return environ.get(match[1] or match[2] or match[3], "")

    return "$".join(_VARIABLE.sub(of, part) for part in text.split("$$"))


def _expanded(node: Any, environ: Mapping[str, str]) -> Any:
    """Values only: keys are taken as they are written."""
    if isinstance(node, str):
        return expand(node, environ)
    if isinstance(node, Mapping):
        return {key: _expanded(value, environ) for key, value in node.items()}
    if isinstance(node, list):
        return [_expanded(item, environ) for item in node]
    return node


def _source(row: Mapping[str, Any]) -> DataSource:
    name = str(row.get("name", ""))
    return DataSource(
        uid=str(row.get("uid") or name),
        name=name,
        type=str(row.get("type", "")),
        url=str(row.get("url", "")).rstrip("/"),
        settings=row.get("jsonData") or {},
        default=bool(row.get("isDefault")),
    )
