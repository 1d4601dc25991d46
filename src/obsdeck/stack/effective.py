"""What is really in force: settings with their origin, configuration files with all values filled in."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from obsdeck.errors import ConfigError
from obsdeck.stack import commands, files, receivers, record
from obsdeck.stack.components import named
from obsdeck.stack.variables import SECRETS, VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from obsdeck.stack.environment import Settings
    from obsdeck.stack.home import Home

MASK = "********"
_REFERENCE = re.compile(r"\$\{(?:env:)?(?P<name>[A-Z][A-Z0-9_]*)(?::-(?P<default>[^}]*))?\}")
"""`${env:X:-default}` for the collector, `${X:-default}` for Loki and Tempo, `${X}` for Grafana."""


def configuration(name: str, settings: Settings, home: Home) -> Iterator[tuple[str, str]]:
    """A component's command line and each of its files, with variables replaced and secrets masked.

    Args:
        name: The component.
        settings: The settings in force; a running stack's own settings win.
        home: Where the stack's state lies.

    Yields:
        A title and a text.

    Raises:
        UsageError: There is no such component.
        ConfigError: A file cannot be read.
    """
    component = named([name])[0]
    running = record.read(home)
    settings = running.settings(settings) if running else settings
    recorded = {one.name: one for one in running.components} if running else {}
    embedded = component.name in recorded and recorded[component.name].provider == "embedded"
    traces = recorded.get("tempo")
    embedded_traces = traces is not None and traces.provider == "embedded"
    environment = commands.environment(settings, home, embedded_traces=embedded_traces)
    path = recorded[component.name].path if component.name in recorded else ""
    binary = None if embedded or component.demo else Path(path or component.name)
    for program in commands.programs(component.name, binary, settings, home):
        yield f"{program.name}: command line", shlex.join(program.argv)
    if not embedded:
        for file in _files(files.observability(settings["OBSDECK_CONFIG"]) / component.name):
            copy = home.etc(component.name) / file.name
            if file.name != receivers.CONFIGURATION:
                text = _read(file)
            elif running and copy.is_file():
                text = _read(copy)
            else:
                text = receivers.configuration(settings, receivers.folder(home))
            yield str(file), fill_in(text, _masked(environment))


def fill_in(text: str, environment: Mapping[str, str]) -> str:
    """Replace every reference to a variable by its value, by its own default, or by nothing."""
    return _REFERENCE.sub(lambda match: environment.get(match["name"]) or match["default"] or "", text)


def settings_rows(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Every variable with its value (secrets masked) and where the value comes from."""
    shown = _masked(settings.values)
    for name in VARIABLES:
        yield name, shown[name], settings.origins[name] if settings[name] else "not set"


def settings_document(settings: Settings) -> str:
    """The same for machines."""
    rows = [
        {"name": name, "value": value, "origin": origin} for name, value, origin in settings_rows(settings)
    ]
    return json.dumps({"schema_version": 1, "ok": True, "settings": rows}, indent=2)


def _files(folder: Path) -> list[Path]:
    wanted = {".yaml", ".yml", ".ini"}
    return [path for path in sorted(folder.rglob("*")) if path.suffix in wanted and "tests" not in path.parts]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("cannot be read", path=path, why=str(error)) from error


def _masked(values: Mapping[str, str]) -> dict[str, str]:
    secret = {name for name, variable in VARIABLES.items() if variable.kind in SECRETS}
    return {name: MASK if name in secret and value else value for name, value in values.items()}
