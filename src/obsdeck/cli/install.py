"""`obsdeck install`: get the programs of the stack ahead of time."""

from __future__ import annotations

import signal
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from obsdeck.cli import context

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from rich.console import Console
    from rich.progress import Progress, TaskID

    from obsdeck.stack.install import Resolved
    from obsdeck.stack.install.events import Got, Step

LINE_SECONDS = 10
"""Away from a terminal a component speaks at most this often."""


def install(
    components: Annotated[
        list[str] | None,
        typer.Argument(help="Which components; all where none is named.", show_default=False),
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Download nothing; say what is missing.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read what is in the cache and replace what is damaged.")
    ] = False,
    env_file: context.EnvFile = None,
    json: context.Json = False,
) -> None:
    """Get every program of the stack, so that `up` has nothing to wait for.

    Each is taken from where it is found first: the program named by OBSDECK_<COMPONENT>_BIN, PATH, the
    cache, its release archive, a build from Go modules. Interrupted, the next run goes on.
    """
    from obsdeck.stack.components import named
    from obsdeck.stack.install.obtain import lacking, obtain, require, verify_cache

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    names = [component.name for component in named(components or ()) if not component.demo]
    settings, home = context.load(env_file)
    with Steps(context.talk(), quiet=json) as steps:
        if verify:
            verify_cache(names, home, steps)
        resolved = obtain(names, settings, home, steps, offline=offline, again=True)
    wanted = components or ()
    if json:
        typer.echo(_document(resolved, ok=not lacking(resolved, wanted)))
        raise typer.Exit(3 if lacking(resolved, wanted) else 0)
    _print(resolved)
    require(resolved, wanted, offline=offline)


class Steps:
    """Shows the installer's events: a bar per component on a terminal, a line now and then elsewhere.

    Args:
        console: Where to write.
        quiet: Say nothing at all (for `--json`).
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._doing: dict[str, str] = {}
        self._began: dict[str, float] = {}
        self._spoke: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if not self._quiet and self._doing and isinstance(error, (KeyboardInterrupt, SystemExit)):
            self._console.print("what was downloaded and compiled is kept; the next run goes on from there")

    def __call__(self, event: object) -> None:
        """Take one event."""
        from obsdeck.stack.events import Note
        from obsdeck.stack.install.events import Got, Step

        if self._quiet:
            return
        if isinstance(event, Note):
            self._console.print(event.text, markup=False)
        elif isinstance(event, Got):
            self._finish(event)
        elif isinstance(event, Step):
            if self._doing.get(event.component) != event.doing:
                self._doing[event.component] = event.doing
                self._began[event.component] = time.monotonic()
            if self._console.is_terminal:
                self._move(event)
            else:
                self._speak(event)

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
        how = {"archive": "from its release archive", "module": "built from Go modules"}[got.provider]
        self._console.print(f"{got.component} {got.version} {how} in {got.seconds:.0f} s", markup=False)


def _sentence(step: Step, elapsed: float) -> str:
    counted = f" {step.done} of {step.total} {step.unit}" if step.total else ""
    left = (
        f", about {elapsed * (step.total - step.done) / step.done:.0f} s left"
        if step.done and step.total
        else ""
    )
    return f"{step.component}: {step.doing}{counted}, {elapsed:.0f} s so far{left}"


def _document(resolved: Sequence[Resolved], *, ok: bool) -> str:
    import json

    rows: list[dict[str, Any]] = [
        {
            "name": one.component,
            "provider": one.provider,
            "version": one.version,
            "path": str(one.path) if one.path else None,
            "seconds": one.seconds,
            "note": one.note,
        }
        for one in resolved
    ]
    return json.dumps({"schema_version": 1, "ok": ok, "components": rows}, indent=2)


def _print(resolved: Sequence[Resolved]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("component", "from", "version", "program"):
        table.add_column(heading, no_wrap=True)
    for one in resolved:
        table.add_row(one.component, one.provider, one.version, str(one.path or ""))
    context.data().print(table)
    for one in resolved:
        if one.note:
            typer.echo(f"{one.component}: {one.note}")
