"""One component: its configuration, its directory, its ports, its process, its own word, its version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from obsdeck.backends import alertmanager, grafana, http, loki, prometheus, tempo
from obsdeck.diagnose.machine import RESTART
from obsdeck.diagnose.model import Check, words
from obsdeck.diagnose.subject import Process
from obsdeck.errors import ConfigError, ObsdeckError
from obsdeck.stack import commands, preflight, processes, queues
from obsdeck.stack.components import COLLECTOR, TEMPO

if TYPE_CHECKING:
    from collections.abc import Callable

    from obsdeck.diagnose.subject import Subject
    from obsdeck.stack.components import Component
    from obsdeck.stack.record import RecordedComponent


def check_configurations(subject: Subject) -> dict[str, Check]:
    """What each server says of the configuration that lies in the home, by component name.

    One call for all, because what was judged good once is not judged again until it changes.
    """
    recorded = {one.name: one for one in subject.record.components if one.path}
    embedded = recorded.get(TEMPO.name) is None
    environment = commands.environment(subject.settings, subject.home, embedded_traces=embedded)
    binaries = {name: Path(one.path) for name, one in recorded.items() if Path(one.path).is_file()}
    checks = {
        name: Check(f"configuration.{name}", ok=True, evidence=f"{subject.home.etc(name)} is accepted")
        for name, path in binaries.items()
        if preflight.validator(name, path, subject.home, environment)
    }
    try:
        preflight.check_configuration(subject.home, binaries, environment)
    except ConfigError as error:
        name = error.path.parent.name
        evidence = f"{error.where}: {error.message}\n{error.why}"
        checks[name] = Check(f"configuration.{name}", ok=False, evidence=evidence, next=error.hint)
    return checks


def check_directory(subject: Subject, component: Component) -> Check:
    """Its data directory can be written."""
    name, directory = f"disk.{component.name}", subject.home.data(component.name)
    try:
        preflight.check_directory(directory)
    except ObsdeckError as error:
        return Check(
            name, ok=False, evidence=words(error), next=f"df -h {directory}; ls -ld {directory}; {error.hint}"
        )
    return Check(name, ok=True, evidence=f"{directory} can be written")


def check_ports(subject: Subject, component: Component) -> Check:
    """Nobody else holds its ports. A port that nobody holds is told by the process or by its readiness."""
    name = f"port.{component.name}"
    state = (subject.processes or {}).get(component.name, _UNKNOWN)
    if state.in_container:
        return Check(name, ok=True, evidence="published by the container engine")
    family = _family(state.pid)
    variables = _listens(subject, component)
    for variable in variables:
        port = subject.settings.port(variable)
        if processes.port_is_free(port):
            continue
        owner = processes.port_owner(port)
        if owner.pid not in family:
            evidence = f"{port} ({variable}) is held by {owner}, not by {component.title}"
            way_out = f"kill {owner.pid}" if owner.pid else f"sudo lsof -i :{port}"
            return Check(name, ok=False, evidence=evidence, next=f"{way_out}, then obsdeck up")
    ports = ", ".join(subject.settings[variable] for variable in variables)
    return Check(name, ok=True, evidence=f"no stranger holds {ports}")


def check_process(subject: Subject, component: Component) -> Check:
    """It runs."""
    name = f"process.{component.name}"
    state = (subject.processes or {}).get(component.name, _UNKNOWN)
    if state.alive:
        evidence = f"pid {state.pid}" if state.pid else f"container is {state.word}"
        return Check(name, ok=True, evidence=evidence)
    if component == COLLECTOR and (broken := queues.damaged(subject.home.data(component.name))):
        evidence = "; ".join(f"{one.path} is damaged: {one.why}" for one in broken)
        evidence = f"{component.title} is not running, and cannot read its queue: {evidence}"
        return Check(
            name, ok=False, evidence=evidence, next="obsdeck up, which moves it aside and begins a new one"
        )
    lines = subject.last_lines(component.name)
    evidence = f"{component.title} is not running: {state.word}" + (
        f"; it last wrote:\n{lines}" if lines else ""
    )
    return Check(name, ok=False, evidence=evidence, next=f"obsdeck up, then obsdeck logs {component.name}")


def check_ready(subject: Subject, component: Component) -> Check:
    """It says that it can do its work."""
    name, url = f"ready.{component.name}", component.ready_url(subject.settings)
    try:
        http.get(url, timeout=READY_SECONDS)
    except ObsdeckError as error:
        return Check(name, ok=False, evidence=words(error), next=f"obsdeck logs {component.name}")
    return Check(name, ok=True, evidence=f"{url} answered 200")


def check_version(subject: Subject, component: Component) -> Check:
    """What answers is what was started; servers that were built without a version cannot tell.

    Raises:
        UnreachableError: It has stopped answering meanwhile.
    """
    name = f"version.{component.name}"
    recorded = _recorded(subject, component)
    ask = _VERSIONS.get(component.name)
    said = ask(component.url(subject.settings)).removeprefix("v") if ask else ""
    if recorded.provider == "embedded" or not said or not recorded.version or said == recorded.version:
        evidence = f"{recorded.version or 'not known'}, from {recorded.provider}"
        return Check(name, ok=True, evidence=evidence)
    evidence = f"{component.url(subject.settings)} answers as {said}, and {recorded.version} was started"
    return Check(name, ok=False, evidence=evidence, next=RESTART)


def _recorded(subject: Subject, component: Component) -> RecordedComponent:
    return next(one for one in subject.record.components if one.name == component.name)


def _listens(subject: Subject, component: Component) -> tuple[str, ...]:
    """The ports that it needs on this machine: the embedded store and a container have the main one only."""
    whole = subject.native and _recorded(subject, component).provider != "embedded"
    return component.listens if whole else (component.port,)


def _family(pid: int) -> set[int]:
    """A process and its descendants."""
    if not pid:
        return set()
    try:
        return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    except psutil.Error:
        return set()


READY_SECONDS = 2.0
"""What is not ready on this machine within two seconds is not ready."""

_UNKNOWN = Process(alive=False, word="unknown to the runtime", pid=0)

_VERSIONS: dict[str, Callable[[str], str]] = {
    "prometheus": prometheus.version,
    "loki": loki.version,
    "tempo": tempo.version,
    "alertmanager": lambda url: alertmanager.status(url).version,
    "grafana": lambda url: grafana.health(url).version,
}
