"""Up, down and status of the whole stack, whichever runtime it runs in."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from obsdeck.errors import MissingError, UsageError
from obsdeck.stack import (
    compose,
    databases,
    files,
    install,
    native,
    passwords,
    preflight,
    processes,
    receivers,
    record,
    supervisor,
    targets,
)
from obsdeck.stack.components import ALERTMANAGER, BY_NAME, GRAFANA, QUICKSTART, SERVERS
from obsdeck.stack.events import Note, Notify, Ready, Starting
from obsdeck.stack.lock import locked
from obsdeck.stack.record import Record, RecordedComponent
from obsdeck.stack.status import StackStatus, of_record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from obsdeck.stack.components import Component
    from obsdeck.stack.environment import Settings
    from obsdeck.stack.home import Home


@dataclass(frozen=True)
class Wanted:
    """What `up` was asked for.

    Attributes:
        runtime: auto, docker or native.
        demo: Whether the quickstart service comes too.
        offline: Whether reaching out is forbidden.
        databases: Which databases are to be watched as well, besides those that are already.
    """

    runtime: str = "auto"
    demo: bool = True
    offline: bool = False
    databases: tuple[str, ...] = ()


def up(wanted: Wanted, settings: Settings, home: Home, notify: Notify) -> StackStatus:
    """Bring the stack up; what runs already is left alone.

    Args:
        wanted: Runtime, demo, offline, databases.
        settings: Ports, limits, programs.
        home: Where state and programs lie.
        notify: Told what happens.

    Raises:
        ObsdeckError: As `native.start`, `compose.start` and the installer raise; nothing is left half up.
    """
    receivers.wanted(settings)  # what cannot be is refused before anything is fetched
    with locked(home.run, "changing this stack", lambda text: notify(Note(text))):
        before = record.read(home) if _alive(home, settings) else None
        runtime = _runtime(wanted, before)
        if before:
            _tell_changes(before, settings, notify)
            settings = before.settings(settings)
        running = {one.name for one in before.components} if before else set()
        watching = databases.exporters(wanted.databases, running, settings)
        preflight.check_directory(home.run)
        databases.keep(watching, running, settings, home)
        began = Record(runtime, time.time(), settings.public(), ())
        # Kept before anything is started, so that `down` knows what to stop however this ends.
        record.write(home, before or began)
        try:
            servers = (*SERVERS, *watching)
            kept = _start(wanted, before or began, settings, home, notify, servers=servers)
        except BaseException:
            if not _alive(home, settings):
                record.forget(home)
                databases.forget(home)
            raise
        return of_record(kept, settings, home)


def down(settings: Settings, home: Home, notify: Notify, *, wipe: bool = False) -> bool:
    """Stop everything that belongs to this home; data is kept unless `wipe`.

    Returns:
        Whether anything was running.
    """
    with locked(home.run, "changing this stack", lambda text: notify(Note(text))):
        before = record.read(home)
        settings = before.settings(settings) if before else settings
        was_up = bool(processes.marked(home))
        killed = native.stop(home)
        in_docker = before is not None and before.runtime == "docker"
        was_up = was_up or in_docker
        if in_docker or (wipe and _volumes(home).exists()):
            killed += compose.stop(settings, wipe=wipe)
        if killed:
            names = ", ".join(killed)
            notify(
                Note(
                    f"{names} did not end in {supervisor.STOP_SECONDS} s and had to be killed;"
                    " telemetry of its last seconds may be lost"
                )
            )
        record.forget(home)
        databases.forget(home)
        if wipe:
            shutil.rmtree(home.root / "data", ignore_errors=True)
            shutil.rmtree(home.secrets, ignore_errors=True)
            (home.run / "checked").unlink(missing_ok=True)
        return was_up


def _volumes(home: Home) -> Path:
    """Stands for the data of the docker runtime, which lies in volumes of the engine."""
    return home.root / "data" / "in-docker-volumes"


def _alive(home: Home, settings: Settings) -> bool:
    if supervisor.is_running(home):
        return True
    before = record.read(home)
    return (
        before is not None and before.runtime == "docker" and "running" in compose.states(settings).values()
    )


def _runtime(wanted: Wanted, before: Record | None) -> str:
    if before:
        if wanted.runtime not in {"auto", before.runtime}:
            raise UsageError(
                f"the stack already runs in the {before.runtime} runtime",
                hint=f"obsdeck down, then obsdeck up --runtime {wanted.runtime}",
            )
        return before.runtime
    engine = compose.engine_version() if wanted.runtime != "native" else ""
    if wanted.runtime == "docker" and not engine:
        raise MissingError(
            "no Docker engine with compose answers",
            hint="start Docker, or use obsdeck up --runtime native, which needs none",
        )
    return "docker" if engine else "native"


def _start(
    wanted: Wanted,
    kept: Record,
    settings: Settings,
    home: Home,
    notify: Notify,
    *,
    servers: Sequence[Component],
) -> Record:
    runtime = kept.runtime
    if runtime == "docker":
        try:
            components = _start_docker(wanted, servers, settings, home, notify, fresh=not kept.components)
        except MissingError as error:
            if kept.components or wanted.runtime == "docker":
                raise
            notify(Note(f"{error.message}: going on without Docker"))
            runtime = "native"
    if runtime == "native":
        components = _start_native(wanted, servers, settings, home, notify)
    kept = replace(kept, runtime=runtime, components=_keep_seconds(components, kept))
    record.write(home, kept)
    return kept


def _tell_changes(before: Record, settings: Settings, notify: Notify) -> None:
    now = settings.public()
    changed = [
        name for name in sorted(now.keys() | before.values.keys()) if now.get(name) != before.values.get(name)
    ]
    if changed:
        notify(
            Note(
                f"the stack keeps running as it was started; for {', '.join(changed)}: obsdeck down, then up"
            )
        )


def _start_native(
    wanted: Wanted, servers: Sequence[Component], settings: Settings, home: Home, notify: Notify
) -> tuple[RecordedComponent, ...]:
    resolved = install.ensure(
        [component.name for component in servers], settings, home, notify, offline=wanted.offline
    )
    plan = [native.Planned(BY_NAME[one.component], one.path) for one in resolved if one.provider != "absent"]
    plan += [native.Planned(QUICKSTART, None)] if wanted.demo else []
    if any(planned.component == GRAFANA for planned in plan):
        _grafana_password(settings, home, notify)
    notify(Starting(tuple(planned.component.name for planned in plan)))
    seconds = _Clock(notify)
    native.start(plan, settings, home, seconds)
    recorded = [
        RecordedComponent(
            one.component,
            "" if one.provider == "absent" else one.provider,
            files.version() if one.provider == "embedded" else one.version,
            str(one.path or ""),
            seconds.of(one.component),
            one.note,
        )
        for one in resolved
    ]
    return (*recorded, *_quickstart(seconds, demo=wanted.demo))


def _start_docker(
    wanted: Wanted,
    servers: Sequence[Component],
    settings: Settings,
    home: Home,
    notify: Notify,
    *,
    fresh: bool,
) -> tuple[RecordedComponent, ...]:
    versions = install.load_versions()
    missing = compose.pull(servers, settings, offline=wanted.offline)
    plan = [component for component in servers if component.name not in missing]
    notify(Starting(tuple(one.name for one in (*plan, *([QUICKSTART] if wanted.demo else [])))))
    seconds = _Clock(notify)
    given = databases.kept((one for one in plan if one.watches), home)
    if GRAFANA in plan:
        given["OBSDECK_GRAFANA_PASSWORD"] = _grafana_password(settings, home, notify)
    preflight.check_directory(home.root / "data")
    _volumes(home).touch()
    given[targets.DOCKER_FOLDER] = str(targets.write_docker(plan, home))
    native.copy_configuration(ALERTMANAGER.name, settings, home)
    given |= receivers.write_docker(settings, home)
    compose.start(plan, settings, given, lambda name, passed: seconds(Ready(name, passed)))
    if wanted.demo:
        try:
            native.start([native.Planned(QUICKSTART, None)], settings, home, seconds)
        except BaseException:
            if fresh:
                compose.stop(settings)
            raise
    recorded = [
        RecordedComponent(one.name, "", "", note=missing[one.name])
        if one.name in missing
        else RecordedComponent(one.name, "image", versions[one.name].version, seconds=seconds.of(one.name))
        for one in servers
    ]
    return (*recorded, *_quickstart(seconds, demo=wanted.demo))


def _grafana_password(settings: Settings, home: Home, notify: Notify) -> str:
    password = passwords.grafana(settings, home)
    if password.new:
        kept = passwords.grafana_file(home)
        notify(Note(f"Grafana: user admin, password {password.text} (shown this once, kept in {kept})"))
    return password.text


def _quickstart(seconds: _Clock, *, demo: bool) -> tuple[RecordedComponent, ...]:
    return (
        (RecordedComponent("quickstart", "embedded", files.version(), "", seconds.of("quickstart")),)
        if demo
        else ()
    )


class _Clock:
    """Remembers when each component was ready, and passes every event on."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self._seconds: dict[str, float] = {}

    def __call__(self, event: object) -> None:
        if isinstance(event, Ready):
            self._seconds[event.name] = event.seconds
        self._notify(event)

    def of(self, name: str) -> float:
        return round(self._seconds.get(name, 0.0), 3)


def _keep_seconds(components: tuple[RecordedComponent, ...], before: Record) -> tuple[RecordedComponent, ...]:
    """A second `up` finds everything ready at once; the seconds of the real start are the true ones."""
    known = {component.name: component.seconds for component in before.components}
    kept = tuple(replace(one, seconds=known.get(one.name) or one.seconds) for one in components)
    return kept + tuple(one for one in before.components if one.name not in {new.name for new in kept})
