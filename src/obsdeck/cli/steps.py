"""How far the installer is, component by component."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from obsdeck.stack.install.events import Got, Step

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

LINE_SECONDS = 10
"""Away from a terminal a component speaks at most this often."""

_HOW = {
    "archive": "from its release archive",
    "module": "built from Go modules",
    "index": "from the Python package index",
}


class Steps:
    """Shows the installer's events: a bar per component on a terminal, a line now and then elsewhere.

    Args:
        console: Where to write.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._doing: dict[str, str] = {}
        self._began: dict[str, float] = {}
        self._spoke: dict[str, float] = {}

    def __call__(self, event: Step | Got) -> None:
        """Take one event."""
        if isinstance(event, Got):
            self._finish(event)
            return
        if self._doing.get(event.component) != event.doing:
            self._doing[event.component] = event.doing
            self._began[event.component] = time.monotonic()
        if self._console.is_terminal:
            self._move(event)
        else:
            self._speak(event)

    @property
    def begun(self) -> bool:
        """Whether anything was downloaded or compiled."""
        return bool(self._doing)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bars:
            self._bars.stop()
            self._bars = None

    def _move(self, step: Step) -> None:
        bars = self._started()
        if step.component not in self._tasks:
            self._tasks[step.component] = bars.add_task(step.component, total=None, doing="", count="")
        task = self._tasks[step.component]
        if bars.tasks[bars.task_ids.index(task)].fields["doing"] != step.doing:
            bars.reset(task)
        count = f"{step.done}/{step.total} {step.unit}" if step.total else ""
        bars.update(task, completed=step.done, total=step.total or None, doing=step.doing, count=count)

    def _started(self) -> Progress:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        if not self._bars:
            self._bars = Progress(
                TextColumn("{task.description:13} {task.fields[doing]:11}"),
                BarColumn(),
                TextColumn("{task.fields[count]}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._bars.start()
        return self._bars

    def _speak(self, step: Step) -> None:
        now = time.monotonic()
        if now - self._spoke.get(step.component, -LINE_SECONDS) < LINE_SECONDS:
            return
        self._spoke[step.component] = now
        self._console.print(_sentence(step, now - self._began[step.component]), markup=False)

    def _finish(self, got: Got) -> None:
        if self._bars and got.component in self._tasks:
            self._bars.remove_task(self._tasks.pop(got.component))
        self._console.print(
            f"{got.component} {got.version} {_HOW[got.provider]} in {got.seconds:.0f} s", markup=False
        )


def _sentence(step: Step, elapsed: float) -> str:
    counted = f" {step.done} of {step.total} {step.unit}" if step.total else ""
    left = (
        f", about {elapsed * (step.total - step.done) / step.done:.0f} s left"
        if step.done and step.total
        else ""
    )
    return f"{step.component}: {step.doing}{counted}, {elapsed:.0f} s so far{left}"
