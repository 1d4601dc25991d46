"""What people see while the stack comes up: a moving line on a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from obsdeck.cli.steps import Steps
from obsdeck.stack.events import Note, Ready, Starting
from obsdeck.stack.install.events import Got, Step

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console


class Progress:
    """Renders the events of the stack and of the installer; a context manager and a `Notify`.

    Args:
        console: Where to write.
        quiet: Say nothing at all (for `--json`).
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._status = console.status("") if console.is_terminal and not quiet else None
        self._pending: list[str] = []
        self._steps = Steps(console)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._steps.close()
        if self._status:
            self._status.stop()
        if not self._quiet and self._steps.begun and isinstance(error, (KeyboardInterrupt, SystemExit)):
            self._console.print("what was downloaded and compiled is kept; the next run goes on from there")

    def __call__(self, event: object) -> None:
        """Take one event."""
        if self._quiet:
            return
        if isinstance(event, Note):
            self._console.print(event.text, markup=False)
        elif isinstance(event, (Step, Got)):
            self._steps(event)
        elif isinstance(event, Starting):
            self._steps.close()
            self._pending = list(event.names)
            self.task("starting " + ", ".join(self._pending))
        elif isinstance(event, Ready):
            self._pending.remove(event.name)
            self._console.print(f"{event.name} ready after {event.seconds:.2f} s", markup=False)
            if self._pending and self._status:
                self.task("waiting for " + ", ".join(self._pending))

    def task(self, text: str) -> None:
        """What is being done now."""
        if self._quiet:
            return
        if self._status:
            self._status.update(text)
            self._status.start()
        else:
            self._console.print(text, markup=False)
