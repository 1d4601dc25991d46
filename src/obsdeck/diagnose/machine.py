"""The ground that everything stands on: settings, the record of the stack, the disk, the clock."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from obsdeck.backends import http
from obsdeck.diagnose.model import Check
from obsdeck.stack.variables import SECRETS, VARIABLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from obsdeck.diagnose.subject import Subject
    from obsdeck.stack.components import Component
    from obsdeck.stack.environment import Settings

FULL = 0.97
"""The share of a disk above which Loki, as it is configured here, refuses to write."""

SKEW_SECONDS = 5.0
"""More than this between two clocks, and a search for "now" misses what was just sent."""

RESTART = "obsdeck down && obsdeck up"


def check_settings(subject: Subject) -> Check:
    """What is set here and now must be what the stack was started with."""
    present, running = subject.present, subject.settings
    changed = [
        f"{name} is {present[name]} ({present.origins[name]}), at the start {running[name] or 'not set'}"
        for name, variable in VARIABLES.items()
        if variable.kind not in SECRETS
        and present.origins[name] != "default"
        and present[name] != running[name]
        and name not in _NOT_OF_THE_STACK
    ]
    if changed:
        return Check("settings", ok=False, evidence="; ".join(changed), next=RESTART)
    return Check("settings", ok=True, evidence=_set_by_hand(present))


def check_recorded(subject: Subject) -> Check:
    """A stack was started and not stopped since."""
    names = ", ".join(component.name for component in subject.components())
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(subject.record.started))
    evidence = f"started {started} in the {subject.record.runtime} runtime: {names}"
    return Check("stack.recorded", ok=True, evidence=evidence)


def check_supervisor(subject: Subject) -> Check:
    """Somebody keeps the processes running."""
    if subject.processes is None:
        evidence = f"no supervisor answers on {subject.home.socket}: the stack was not stopped, it was lost"
        return Check("process.supervisor", ok=False, evidence=evidence, next="obsdeck up")
    return Check("process.supervisor", ok=True, evidence=f"answers on {subject.home.socket}")


def check_disk(subject: Subject) -> Check:
    """There is room on the disk that the data lies on."""
    usage = shutil.disk_usage(subject.home.root)
    share = 1 - usage.free / usage.total
    evidence = f"{usage.free / 1e9:.1f} of {usage.total / 1e9:.1f} GB free where {subject.home.root} lies"
    if share < FULL:
        return Check("disk", ok=True, evidence=evidence)
    return Check(
        "disk",
        ok=False,
        evidence=f"{evidence}: {share:.0%} used, and above {FULL:.0%} Loki refuses logs",
        next=f"du -sh {subject.home.root}/data/*, then make room",
    )


def check_clock(subject: Subject, components: Sequence[Component]) -> Check:
    """The servers' clocks agree with this one, as far as their answers' dates can tell.

    Args:
        subject: The stack.
        components: The servers that are ready.

    Raises:
        UnreachableError: One has stopped answering meanwhile.
    """
    skews = {component.name: _skew(component.ready_url(subject.settings)) for component in components}
    name, worst = max(skews.items(), key=lambda item: abs(item[1]))
    if abs(worst) > SKEW_SECONDS:
        ahead = "ahead of" if worst > 0 else "behind"
        evidence = f"the clock of {name} is {abs(worst):.0f} s {ahead} the clock of this machine"
        return Check("clock", ok=False, evidence=evidence, next="restart the Docker engine, or set the clock")
    return Check("clock", ok=True, evidence=f"{len(skews)} servers agree with this machine's clock")


def _skew(url: str) -> float:
    """Seconds that the server is ahead; a date has whole seconds, so less than one is none."""
    answer = http.get(url)
    now = time.time()
    date = answer.headers.get("date")
    if not date:
        return 0.0
    skew = parsedate_to_datetime(date).timestamp() + 0.5 - now
    return skew if abs(skew) > 1 else 0.0


def _set_by_hand(settings: Settings) -> str:
    places = Counter(origin.rpartition(":")[0] or origin for origin in settings.origins.values())
    by_hand = [f"{count} set in {place}" for place, count in places.items() if place != "default"]
    return ", ".join([*by_hand, f"{places['default']} at their defaults"]) + "; obsdeck config lists them"


_NOT_OF_THE_STACK = {"OBSDECK_RUNTIME", "OBSDECK_HOME", "OBSDECK_MIRROR"}
"""What is read before a stack is found, or only while programs are fetched."""
