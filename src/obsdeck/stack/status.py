"""How the stack is now: every component's state, address, version and memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from obsdeck.stack import compose, databases, health, processes, record, supervisor
from obsdeck.stack.components import BY_NAME

if TYPE_CHECKING:
    from obsdeck.stack.environment import Settings
    from obsdeck.stack.home import Home
    from obsdeck.stack.record import Record


@dataclass(frozen=True)
class ComponentStatus:
    """One component as it is now.

    Attributes:
        name: Its name.
        state: ready, starting, stopped, failed or absent.
        provider: Where its program comes from; empty where it is absent.
        version: Its version.
        url: Where people open it.
        seconds: From the start of the stack until it was ready.
        rss_bytes: Resident memory now.
        note: What is special about it, or why it is absent.
    """

    name: str
    state: str
    provider: str
    version: str
    url: str
    seconds: float
    rss_bytes: int
    note: str


@dataclass(frozen=True)
class StackStatus:
    """The stack as it is now.

    Attributes:
        runtime: native or docker, empty when nothing was started.
        settings: The settings it was started with.
        components: Every component that was wanted.
    """

    runtime: str
    settings: Settings
    components: tuple[ComponentStatus, ...]

    @property
    def ok(self) -> bool:
        """Whether everything that is not absent is ready, and there is something."""
        states = [component.state for component in self.components if component.state != "absent"]
        return bool(states) and all(state == "ready" for state in states)

    @property
    def rss_bytes(self) -> int:
        """Resident memory of all components together."""
        return sum(component.rss_bytes for component in self.components)


def status(settings: Settings, home: Home) -> StackStatus:
    """How the stack is now; nothing is changed."""
    before = record.read(home)
    if before is None:
        return StackStatus("", settings, ())
    return of_record(before, before.settings(settings), home)


def of_record(kept: Record, settings: Settings, home: Home) -> StackStatus:
    """How the stack of this record is now."""
    states = supervisor.states(home) if supervisor.is_running(home) else {}
    containers = compose.states(settings) if kept.runtime == "docker" else {}
    memory = compose.memory(settings) if kept.runtime == "docker" else {}
    watching = any(BY_NAME[one.name].watches for one in kept.components)
    silent = databases.silent(settings) if watching else {}
    rows = []
    for one in kept.components:
        component = BY_NAME[one.name]
        pid = states[one.name].pid if one.name in states else 0
        alive = states[one.name].alive if one.name in states else containers.get(one.name) == "running"
        word = (
            "failed" if one.name in states and states[one.name].state in {"FATAL", "BACKOFF"} else "stopped"
        )
        if alive:
            word = "ready" if health.is_ready(component.ready_url(settings)) else "starting"
        rows.append(
            ComponentStatus(
                one.name,
                word if one.provider else "absent",
                one.provider,
                one.version,
                component.url(settings) if one.provider else "",
                one.seconds,
                processes.resident_bytes(pid) if pid else memory.get(one.name, 0),
                "; ".join(filter(None, (one.note, silent.get(one.name)))),
            )
        )
    return StackStatus(kept.runtime, settings, tuple(rows))
