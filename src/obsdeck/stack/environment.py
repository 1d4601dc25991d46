"""Settings: what the environment, `.env` and the defaults say, checked, with their origin."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from obsdeck.errors import ConfigError, UsageError
from obsdeck.stack.variables import SECRETS, VARIABLES, Variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFIX = "OBSDECK_"


@dataclass(frozen=True)
class Settings:
    """Every variable of the stack with its effective value.

    Attributes:
        values: Variable name to value in normal form (hours for durations); empty text is "not set".
        origins: Variable name to where its value comes from: `default`, `environment` or `file:line`.
    """

    values: Mapping[str, str] = field(repr=False)
    origins: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """The value of one variable; KeyError for a name that is not in the table."""
        return self.values[name]

    def port(self, name: str) -> int:
        """The value of a port variable."""
        return int(self.values[name])

    def public(self) -> dict[str, str]:
        """All values that may be written down: no secret, nothing unset."""
        return {
            name: value
            for name, value in self.values.items()
            if value and VARIABLES[name].kind not in SECRETS
        }


@dataclass(frozen=True)
class _Entry:
    name: str
    text: str
    origin: str
    line: int = 0


def load_settings(environ: Mapping[str, str] | None = None, env_file: Path | None = None) -> Settings:
    """Merge defaults, `.env` and the environment; the later of these wins.

    Args:
        environ: The environment; `os.environ` by default. Empty values count as not set.
        env_file: The file to read; `.env` in the working directory by default, where it exists.

    Raises:
        ConfigError: The file cannot be read or parsed, names an unknown `OBSDECK_` variable, or a
            value is not allowed. All faults of the file are listed; nothing was changed.
        UsageError: A value in the environment is not allowed.
    """
    environ = os.environ if environ is None else environ
    path = env_file or Path(".env")
    values = {name: variable.kind.normal(variable.default) for name, variable in _defaults()}
    values |= {name: "" for name in VARIABLES if name not in values}
    origins = dict.fromkeys(values, "default")
    entries = list(_file_entries(path, required=env_file is not None))
    entries += [
        _Entry(name, text, "environment") for name, text in environ.items() if name in VARIABLES and text
    ]
    faults: list[tuple[_Entry, str]] = []
    for entry in entries:
        variable = VARIABLES.get(entry.name)
        if variable is None:
            faults.append((entry, _unknown(entry.name)))
            continue
        try:
            values[entry.name] = variable.kind.normal(entry.text)
            origins[entry.name] = entry.origin
        except ValueError:
            faults.append((entry, _not_allowed(variable, entry.text)))
    if faults:
        raise _fault(path, faults)
    return Settings(values, origins)


def _defaults() -> Iterator[tuple[str, Variable]]:
    return ((name, variable) for name, variable in VARIABLES.items() if variable.default)


def _file_entries(path: Path, *, required: bool) -> Iterator[_Entry]:
    from dotenv.parser import parse_stream  # noqa: PLC0415 - only where there is a file to parse

    try:
        with path.open(encoding="utf-8") as stream:
            bindings = list(parse_stream(stream))
    except FileNotFoundError:
        if required:
            raise ConfigError("no such file", path=path) from None
        return
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("cannot be read", path=path, why=str(error)) from error
    for binding in bindings:
        # A binding starts on the blank lines before it.
        blank = len(binding.original.string) - len(binding.original.string.lstrip())
        line = binding.original.line + binding.original.string[:blank].count("\n")
        if binding.error:
            raise ConfigError("this line is not NAME=value", path=path, line=line)
        if binding.key and binding.key.startswith(PREFIX) and binding.value and not _is_service(binding.key):
            yield _Entry(binding.key, binding.value, f"{path}:{line}", line)


def _is_service(name: str) -> bool:
    """Variables of the telemetry library may stand in the same file."""
    from obsdeck.telemetry.settings import VARIABLES as SERVICE_VARIABLES  # noqa: PLC0415

    return name in SERVICE_VARIABLES


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name, VARIABLES, n=1)
    return f"{name} is no setting of obsdeck" + (f"; did you mean {close[0]}?" if close else "")


def _not_allowed(variable: Variable, text: str) -> str:
    shown = "its value" if variable.kind in SECRETS else repr(text)
    return f"{variable.name}: {shown} is not {variable.kind.allowed}"


def _fault(path: Path, faults: list[tuple[_Entry, str]]) -> UsageError:
    first, message = faults[0]
    why = "\n".join(f"{entry.origin}: {text}" for entry, text in faults[1:])
    hint = "docs/reference/settings.md lists every setting; `.env.example` is a file to start from"
    if first.line:
        return ConfigError(message, path=path, line=first.line, why=why, hint=hint)
    return UsageError(message, why=why, hint=hint)
