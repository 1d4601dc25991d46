"""The examination: every hop of the path in order, and the first broken one as the verdict.

A hop behind a broken one is not blamed: it is asked only if it can still answer for itself. The path is
machine -> collector -> backends -> alerting -> pipelines -> services -> round trip.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from obsdeck.diagnose import alerting, canary, component, machine, pipeline, service
from obsdeck.diagnose.model import Check, guarded
from obsdeck.diagnose.subject import Subject, processes, service_variables
from obsdeck.stack import record
from obsdeck.stack.components import ALERTMANAGER, COLLECTOR, LOKI, PROMETHEUS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from obsdeck.diagnose.pipeline import Pipeline
    from obsdeck.stack.components import Component
    from obsdeck.stack.environment import Settings
    from obsdeck.stack.home import Home


@dataclass(frozen=True)
class Diagnosis:
    """What was found.

    Attributes:
        checks: In the order of the path.
        up: Whether there is a stack at all.
    """

    checks: tuple[Check, ...]
    up: bool = True

    @property
    def verdict(self) -> str | None:
        """The id of the first broken hop, None when all is well."""
        return next((check.id for check in self.checks if not check.ok), None)


@dataclass(frozen=True)
class Question:
    """What is asked, besides the stack itself.

    Attributes:
        since: Seconds since the epoch; what was lost or nameless before is no longer reported.
        timeout: Seconds that each signal of the round trip may take.
        env_file: Where a service's variables lie; `.env` in the working directory by default.
    """

    since: float
    timeout: float = 10.0
    env_file: Path | None = None


def examine(
    settings: Settings,
    home: Home,
    question: Question,
    *,
    notify: Callable[[str], None] = lambda _: None,
) -> Diagnosis:
    """Look at every hop of the running stack.

    Args:
        settings: The settings in force here and now.
        home: Where the stack's state lies.
        question: What else is asked.
        notify: Told what is looked at now, in a few words.
    """
    found = record.read(home)
    if found is None:
        evidence = f"no stack was started from {home.root}, or it was stopped"
        return Diagnosis((Check("stack.recorded", ok=False, evidence=evidence, next="obsdeck up"),), up=False)
    running = found.settings(settings)
    subject = Subject(
        settings=running,
        present=settings,
        home=home,
        record=found,
        processes=processes(found, running, home),
        service=service_variables(question.env_file),
        since=question.since,
    )
    return Diagnosis(tuple(_Examination(subject, question, notify).walk()))


class _Examination:
    """One walk along the path. It keeps what was found sound, because later hops lean on it."""

    def __init__(self, subject: Subject, question: Question, notify: Callable[[str], None]) -> None:
        self._subject = subject
        self._question = question
        self._notify = notify
        self._ready: list[Component] = []
        self._takes_otlp: set[str] = set()

    def walk(self) -> Iterator[Check]:
        """Every hop that can answer for itself, in order."""
        self._notify("settings and disk")
        yield machine.check_settings(self._subject)
        yield machine.check_recorded(self._subject)
        yield machine.check_disk(self._subject)
        if self._subject.native:
            supervised = machine.check_supervisor(self._subject)
            yield supervised
            if not supervised.ok:
                return
        yield from self._components()
        if self._ready:
            yield guarded("clock", partial(machine.check_clock, self._subject, self._ready))
        if {PROMETHEUS, ALERTMANAGER} <= set(self._ready):
            yield from self._alerting()
        if COLLECTOR.name in self._takes_otlp:
            yield from self._through()

    def _components(self) -> Iterator[Check]:
        self._notify("configurations")
        configurations = component.check_configurations(self._subject) if self._subject.native else {}
        for one in self._subject.components():
            self._notify(one.title)
            checks = list(self._one(one, configurations.get(one.name)))
            yield from checks
            if checks[-1].ok:
                self._ready.append(one)
                yield guarded(f"version.{one.name}", partial(component.check_version, self._subject, one))
                yield from self._otlp(one)

    def _one(self, one: Component, configuration: Check | None) -> Iterator[Check]:
        """A component's own checks, up to the first that fails: the rest would only follow from it."""
        looks: list[Callable[[], Check]] = [lambda: configuration] if configuration else []
        if self._subject.native and not one.demo:
            looks.append(partial(component.check_directory, self._subject, one))
        looks += [
            partial(component.check_ports, self._subject, one),
            partial(component.check_process, self._subject, one),
            partial(component.check_ready, self._subject, one),
        ]
        for look in looks:
            check = look()
            yield check
            if not check.ok:
                return

    def _otlp(self, one: Component) -> Iterator[Check]:
        """Whether a component that is ready takes telemetry too; Tempo and Loki always do."""
        asks = {COLLECTOR.name: pipeline.check_collector, PROMETHEUS.name: pipeline.check_prometheus}
        checks = [asks[one.name](self._subject)] if one.name in asks else []
        if all(check.ok for check in checks):
            self._takes_otlp.add(one.name)
        yield from checks

    def _alerting(self) -> Iterator[Check]:
        """The way of an alert, which needs no service."""
        self._notify("alerts")
        looks = {
            "rules": alerting.check_rules,
            "watchdog": alerting.check_watchdog,
            "receivers": alerting.check_receivers,
            "notifications": alerting.check_notifications,
        }
        for name, look in looks.items():
            yield guarded(f"alerting.{name}", partial(look, self._subject))

    def _through(self) -> Iterator[Check]:
        """Pipelines, services and the round trip; each only where both its ends were found sound.

        The canary flies first: whether it came back tells a queue that is stuck from one that is busy.
        """
        ways = [way for way in pipeline.PIPELINES if way.backend.name in self._takes_otlp]
        self._notify("the round trip of " + ", ".join(way.canary for way in ways))
        trips = dict(zip(ways, self._round_trip(ways), strict=True))
        self._notify("pipelines")
        losses = pipeline.losses(self._subject.recent_lines(COLLECTOR.name))
        checks = {way: pipeline.check_pipeline(self._subject, way, losses, trips[way]) for way in ways}
        yield from checks.values()
        self._notify("what services send")
        yield from self._services()
        yield from (trip for way, trip in trips.items() if trip.ok or checks[way].ok)

    def _round_trip(self, ways: list[Pipeline]) -> tuple[Check, ...]:
        signals = [way.canary for way in ways]
        return canary.round_trip(self._subject.settings, timeout=self._question.timeout, signals=signals)

    def _services(self) -> Iterator[Check]:
        yield service.check_endpoint(self._subject)
        if {PROMETHEUS.name, LOKI.name} <= self._takes_otlp:
            yield guarded("service.name", partial(service.check_name, self._subject))
        if PROMETHEUS.name in self._takes_otlp:
            yield guarded("service.temporality", partial(service.check_temporality, self._subject))
