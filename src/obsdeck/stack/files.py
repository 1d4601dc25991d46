"""What travels with obsdeck: its version, configuration, module builds, the quickstart, runbooks."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from obsdeck.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PACKAGE = Path(__file__).resolve().parents[1]


def version() -> str:
    """The version of obsdeck, and so of what it provides itself."""
    return metadata.version("obsdeck")


def root() -> Path:
    """The folder that holds `ops/`, `examples/` and `runbooks/`: in the wheel, else the checkout."""
    packed = _PACKAGE / "_data"
    return packed if packed.is_dir() else _PACKAGE.parents[1]


def generated(settings: Mapping[str, str]) -> Path:
    """The folder with what is generated from packs: dashboards, rules, data sources.

    It lies beside the packs that `OBSDECK_PACKS` names, else in the repository that `OBSDECK_CONFIG` is
    a part of, else it is the shipped one.

    Args:
        settings: The values in force.
    """
    below = Path("observability") / "generated"
    if settings["OBSDECK_PACKS"]:
        return Path(settings["OBSDECK_PACKS"]).expanduser().absolute().parent / "generated"
    if settings["OBSDECK_CONFIG"]:
        beside = observability(settings["OBSDECK_CONFIG"]).parents[1] / below
        if beside.is_dir():
            return beside
    return root() / below


def observability(override: str = "") -> Path:
    """The folder with one folder of configuration per component, and `compose.yaml`.

    Args:
        override: The value of `OBSDECK_CONFIG`, empty for the shipped one.

    Raises:
        UsageError: The override is no folder with a `compose.yaml`, or cannot be looked into.
    """
    if not override:
        return root() / "ops" / "observability"
    folder = Path(override).expanduser().absolute()
    try:
        found = (folder / "compose.yaml").is_file()
    except OSError as error:
        raise ConfigError("cannot be read", path=folder, why=str(error)) from error
    if not found:
        raise UsageError(
            f"OBSDECK_CONFIG is {override!r}, and there is no compose.yaml in it",
            hint="`obsdeck init` writes such a folder, ops/observability, into your repository",
        )
    return folder
