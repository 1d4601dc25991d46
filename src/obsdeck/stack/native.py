"""The native runtime: components as ordinary processes of this user, under a supervisor."""

from __future__ import annotations

import re
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from obsdeck.errors import ConfigError, FailedError, MissingError, ObsdeckError
from obsdeck.stack import (
    commands,
    files,
    health,
    logs,
    preflight,
    processes,
    queues,
    receivers,
    supervisor,
    targets,
)
from obsdeck.stack.components import ALERTMANAGER, BY_NAME, COLLECTOR, Component
from obsdeck.stack.events import Note, Ready

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from obsdeck.stack.commands import Program
    from obsdeck.stack.environment import Settings
    from obsdeck.stack.events import Notify
    from obsdeck.stack.home import Home

READY_SECONDS = 60
"""How long a component may take; Loki replays its log after a crash, the others need a second."""

LAST_LINES = 15


@dataclass(frozen=True)
class Planned:
    """A component that is to run, with the program it runs.

    Attributes:
        component: What.
        binary: Its program; None for what obsdeck itself provides.
    """

    component: Component
    binary: Path | None


def start(plan: Sequence[Planned], settings: Settings, home: Home, notify: Notify) -> None:
    """Bring every planned component up, or, if one cannot be, end those that were started.

    Components that already run are left alone either way, so this also completes a half-started stack.

    Args:
        plan: What must run in the end.
        settings: Ports, limits, addresses.
        home: Where configuration and data lie.
        notify: Told `Ready` as components become so, and `Note` of a queue that had to be given up.

    Raises:
        ConfigError: A server refuses its configuration; nothing was started.
        MissingError: A port or a directory cannot be had; nothing was started.
        FailedError: A component died or was not ready in time; its last lines are the reason.
    """
    running = _running(home)
    if not running:
        processes.sweep(home, patience=supervisor.STOP_SECONDS)
    missing = [planned for planned in plan if planned.component.name not in running]
    _prepare(plan, missing, settings, home)
    environment = commands.environment(settings, home, embedded_traces=_embedded(plan))
    binaries = {planned.component.name: planned.binary for planned in plan if planned.binary}
    preflight.check_configuration(home, binaries, environment)
    if COLLECTOR in [planned.component for planned in missing]:
        _give_up_damaged_queues(home, notify)
    wanted = [
        program
        for planned in plan
        for program in commands.programs(planned.component.name, planned.binary, settings, home)
    ]
    began = time.monotonic()
    try:
        _launch(wanted, home, environment, running)
        _wait(plan, settings, home, {program.name for program in wanted}, notify, began=began)
    except BaseException:  # Ctrl-C and SIGTERM too
        _take_back(home, running)
        raise


def stop(home: Home) -> list[str]:
    """End everything that belongs to this home: services first, then the collector, then the backends.

    Returns:
        Names of processes that had to be killed; what a server had not yet written is lost then.
    """
    killed: list[str] = []
    if supervisor.is_running(home):
        with suppress(ObsdeckError):  # a supervisor that dies meanwhile: its children are ended below
            written = logs.size(home.log("supervisord"))
            names = list(supervisor.states(home))
            first = [name for name in names if name in {"quickstart", "traffic"}]
            for group in (
                first,
                ["collector"],
                [name for name in names if name not in {*first, "collector"}],
            ):
                supervisor.stop(home, group)
            killed = _killed(home, written)
            supervisor.shutdown(home)
            _wait_for_nobody(home)
    killed += processes.sweep(home, patience=supervisor.STOP_SECONDS)
    home.socket.unlink(missing_ok=True)
    return killed


def _running(home: Home) -> set[str]:
    if not supervisor.is_running(home):
        return set()
    return {name for name, state in supervisor.states(home).items() if state.alive}


def _embedded(plan: Sequence[Planned]) -> bool:
    return any(planned.component.name == "tempo" and planned.binary is None for planned in plan)


def _prepare(plan: Sequence[Planned], missing: Sequence[Planned], settings: Settings, home: Home) -> None:
    """All that can be refused is refused here, before the first process."""
    embedded = _embedded(plan)
    preflight.check_ports([_listening(planned.component, embedded=embedded) for planned in missing], settings)
    for directory in (home.root / "logs", home.root / "etc", *(home.data(p.component.name) for p in missing)):
        preflight.check_directory(directory)
    for planned in missing:
        copy_configuration(planned.component.name, settings, home)
        if planned.component == ALERTMANAGER:
            receivers.write(settings, home)
    copy_generated(settings, home)
    targets.write_native([planned.component for planned in plan], settings, home)


def _listening(component: Component, *, embedded: bool) -> Component:
    """The embedded trace store opens one port, where Tempo opens four."""
    if component.name == "tempo" and embedded:
        return Component(component.name, component.title, component.port, component.ready, (component.port,))
    return component


def copy_configuration(name: str, settings: Settings, home: Home) -> None:
    """Copy a component's files into the home, where what differs from start to start is written beside them.

    Args:
        name: The component; without a folder of its own nothing happens.
        settings: Name the folder of all configuration.
        home: Where the copy goes, in the place of an earlier one.

    Raises:
        ConfigError: A file cannot be read.
    """
    source = files.observability(settings["OBSDECK_CONFIG"]) / name
    if source.is_dir():
        _copy(source, home.etc(name), shutil.ignore_patterns("docker.yaml"))


def copy_generated(settings: Settings, home: Home) -> None:
    """Copy what is generated from packs to where Prometheus and Grafana look for it.

    Raises:
        MissingError: There is nothing generated yet.
        ConfigError: A file cannot be read.
    """
    source = files.generated(settings.values)
    if not (source / "rules").is_dir():
        raise MissingError(
            "nothing is generated from the packs", why=f"there is no {source}/rules", hint="obsdeck generate"
        )
    _copy(source, home.etc("generated"))
    _copy(source / "datasources", home.etc("grafana") / "provisioning" / "datasources")


def _copy(source: Path, to: Path, ignore: Callable[[str, list[str]], set[str]] | None = None) -> None:
    try:
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(source, to, ignore=ignore)
    except shutil.Error as error:  # it goes on to the end, and then tells of all
        path, _, why = error.args[0][0]
        raise ConfigError("cannot be read", path=Path(path), why=why) from error
    except OSError as error:
        raise ConfigError("cannot be read", path=Path(error.filename or source), why=str(error)) from error


def _give_up_damaged_queues(home: Home, notify: Notify) -> None:
    """The collector would end at a damaged queue; what is in it, it can deliver no more."""
    for one in queues.damaged(home.data(COLLECTOR.name)):
        aside = queues.move_aside(one)
        notify(
            Note(
                f"the collector's queue {one.path.name} is damaged ({one.why}): what was waiting in it"
                f" is not delivered, and the file is kept as {aside}"
            )
        )


def _launch(
    wanted: Sequence[Program], home: Home, environment: Mapping[str, str], running: Collection[str]
) -> None:
    supervisor.write_config(home, wanted)
    if not supervisor.is_running(home):
        supervisor.start(home, environment)
        return
    known = supervisor.states(home)
    for program in wanted:
        if program.name not in known:
            supervisor.add(home, program.name)
        elif program.name not in running:
            supervisor.resume(home, program.name)


def _wait(
    plan: Sequence[Planned],
    settings: Settings,
    home: Home,
    programs: Collection[str],
    notify: Notify,
    *,
    began: float,
) -> None:
    pending = {planned.component.name: planned.component for planned in plan}
    first_seen: dict[str, int] = {}
    while pending:
        for name, component in list(pending.items()):
            if health.is_ready(component.ready_url(settings)):
                del pending[name]
                notify(Ready(name, time.monotonic() - began))
        for name in _deaths(home, programs, first_seen):
            _fail(name, "ended while it was starting", home)
        if pending and time.monotonic() - began > READY_SECONDS:
            _fail(next(iter(pending)), f"was not ready within {READY_SECONDS} s", home)
        time.sleep(0.02)


def _take_back(home: Home, running: Collection[str]) -> None:
    """End what was started, and only that: a stack that was up before stays as it was."""
    if not running:
        stop(home)
        return
    with suppress(ObsdeckError):  # a supervisor that has died: the next `up` or `down` sweeps
        supervisor.stop(home, [name for name in supervisor.states(home) if name not in running])


def _deaths(home: Home, programs: Collection[str], first_seen: dict[str, int]) -> Iterator[str]:
    """Those of these programs that have ended, also if the supervisor has started them again."""
    for name, state in supervisor.states(home).items():
        if name not in programs:
            continue
        restarted = state.pid and first_seen.setdefault(name, state.pid) != state.pid
        if restarted or state.state in {"BACKOFF", "EXITED", "FATAL", "UNKNOWN"}:
            yield name


def _fail(name: str, why: str, home: Home) -> None:
    title = BY_NAME[name].title if name in BY_NAME else name
    raise FailedError(
        f"{title} {why}",
        why=logs.last_lines(home.log(name), LAST_LINES) or "it wrote nothing",
        hint=f"its log is {home.log(name)}; what had been started was stopped again",
    )


def _killed(home: Home, written: int) -> list[str]:
    """Programs that the supervisor had to kill, by what it has logged beyond `written` bytes."""
    with suppress(OSError), home.log("supervisord").open("rb") as log:
        log.seek(written)
        return re.findall(r"killing '([\w-]+)'", log.read().decode(errors="replace"))
    return []


def _wait_for_nobody(home: Home) -> None:
    """The supervisor has been told to end: give it the time to do so by itself."""
    deadline = time.monotonic() + 2
    while processes.marked(home) and time.monotonic() < deadline:
        time.sleep(0.02)
