"""How long the first build of everything takes: `python benchmarks/cold_build.py [FOLDER [COMPONENT...]]`.

Builds every component (or those named) that can be built from Go modules into a fresh cache, without release
archives, and prints what each took. Sources are downloaded while the component before is being compiled, so
the seconds of download do not add up. FOLDER (default: a temporary one) is emptied before and removed after.
"""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from obsdeck.stack.install.catalog import load_versions
from obsdeck.stack.install.events import Got, Step
from obsdeck.stack.install.get import get


class Stopwatch:
    """Notes when each component's steps began and how many units they counted."""

    def __init__(self, cache: Path) -> None:
        self.began = time.monotonic()
        self.steps: dict[str, dict[str, float]] = defaultdict(dict)
        self.units: dict[tuple[str, str], int] = {}
        self.got: dict[str, float] = {}
        self.bytes = 0
        self._cache = cache

    def __call__(self, event: object) -> None:
        """Take one event."""
        now = time.monotonic() - self.began
        if isinstance(event, Step):
            self.steps[event.component].setdefault(event.doing, now)
            if event.unit:
                self.units[event.component, event.unit] = event.done
        elif isinstance(event, Got):
            self.got[event.component] = now
            print(f"{now:6.0f} s  {event.component}", file=sys.stderr)
            if len(self.got) == BUILT:
                self.bytes = sum(path.lstat().st_size for path in (self._cache / "go").rglob("*"))


RELEASES = [
    replace(release, archive=None)
    for release in load_versions().values()
    if release.module and release.component in (sys.argv[2:] or load_versions())
]
BUILT = len(RELEASES)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="cold-build-"))
    shutil.rmtree(folder, ignore_errors=True)
    watch = Stopwatch(folder)
    results = get(RELEASES, "", folder, watch, os.environ)
    total = time.monotonic() - watch.began
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[2]:.1f} over the last 15 min")
    titles = ("modules", "packages", "compile s", "link s", "done at s", "MB")
    print(f"{'component':15}" + "".join(f"{title:>10}" for title in titles))
    for one in results:
        if not one.path:
            print(f"{one.component:15}  {one.note}")
            continue
        steps, end = watch.steps[one.component], watch.got[one.component]
        size = sum(path.stat().st_size for path in one.path.parent.iterdir()) / 1e6
        linking = steps.get("linking", end)
        counted = [watch.units.get((one.component, unit), 0) for unit in ("modules", "packages")]
        numbers = (*counted, linking - steps["compiling"], end - linking, end, size)
        print(f"{one.component:15}" + "".join(f"{number:10.0f}" for number in numbers))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    cpu = used.ru_utime + used.ru_stime
    print(
        f"all: {total:.0f} s, {cpu:.0f} s of CPU, {watch.bytes / 1e9:.1f} GB of disk while building,"
        f" largest process {peak / 1e6:.0f} MB"
    )
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
