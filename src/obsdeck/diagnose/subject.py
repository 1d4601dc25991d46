"""What is examined: the stack that was started, the machine it runs on, a service's own variables."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from obsdeck.stack import compose, logs, supervisor
from obsdeck.stack.components import BY_NAME, LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obsdeck.stack.components import Component
    from obsdeck.stack.environment import Settings
    from obsdeck.stack.home import Home
    from obsdeck.stack.record import Record

LOG_LINES = 400
"""How far back a component's log is read; a burst of the collector's errors is seven lines each."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)")


@dataclass(frozen=True)
class Process:
    """What the runtime knows of one component.

    Attributes:
        alive: Whether it runs.
        word: The runtime's own word for its state.
        pid: Its process; 0 where there is none, or where it is a container's.
    """

    alive: bool
    word: str
    pid: int

    @property
    def in_container(self) -> bool:
        """Whether it runs where this machine's process table does not tell."""
        return self.alive and not self.pid


@dataclass(frozen=True)
class Subject:
    """A stack as it was found.

    Attributes:
        settings: The settings that it was started with, secrets as they are now.
        present: The settings that are in force here and now.
        home: Where its state lies.
        record: What was started.
        processes: Component name to what the runtime knows of it; None where the supervisor does not answer.
        service: The variables that a service started here would see: the environment over `.env`.
        since: Seconds since the epoch; what happened before is nobody's fault any more.
    """

    settings: Settings
    present: Settings
    home: Home
    record: Record
    processes: Mapping[str, Process] | None
    service: Mapping[str, str]
    since: float

    @property
    def native(self) -> bool:
        """Whether components are processes of this machine."""
        return self.record.runtime == "native"

    @property
    def collector_metrics_url(self) -> str:
        """Where the collector answers with its own metrics."""
        return f"http://{LOOPBACK}:{self.settings['OBSDECK_COLLECTOR_METRICS_PORT']}/metrics"

    def components(self) -> tuple[Component, ...]:
        """What was started, in the order in which telemetry meets it."""
        return tuple(BY_NAME[one.name] for one in self.record.components if one.provider)

    def recent_lines(self, name: str) -> list[str]:
        """The lines of a component's log that bear a time within the period that is looked at."""
        text = logs.tail(self.settings, self.home, [name], LOG_LINES)[name]
        return [line for line in text.splitlines() if (moment(line) or 0) >= self.since]

    def last_lines(self, name: str, count: int = 3) -> str:
        """The very last lines of a component's log, for evidence."""
        return logs.tail(self.settings, self.home, [name], count)[name]


def moment(line: str) -> float | None:
    """The time that a log line begins with, in seconds since the epoch; None for a line of a stack trace."""
    found = _MOMENT.search(line)
    return datetime.fromisoformat(found[0]).timestamp() if found else None


def processes(record: Record, settings: Settings, home: Home) -> dict[str, Process] | None:
    """What the runtime knows of every component, None where there is nobody to ask."""
    containers = compose.states(settings) if record.runtime == "docker" else {}
    found = {name: Process(word == "running", word, 0) for name, word in containers.items()}
    if supervisor.is_running(home):
        states = supervisor.states(home).values()
        return found | {one.name: Process(one.alive, one.state, one.pid) for one in states}
    return None if record.runtime == "native" else found


def service_variables(env_file: Path | None, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables that a service started here would see.

    Args:
        env_file: The file to read; `.env` in the working directory by default, where it exists.
        environ: The environment, which wins over the file; `os.environ` by default.
    """
    from dotenv import dotenv_values  # noqa: PLC0415 - only where a file may be there to parse

    path = env_file or Path(".env")
    values = dotenv_values(path, interpolate=False) if path.is_file() else {}
    environ = os.environ if environ is None else environ
    return {name: value for name, value in values.items() if value} | dict(environ)
