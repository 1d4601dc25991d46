"""Where redaction is put between the SDK and an exporter, whichever exporter it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from obsdeck.telemetry.redaction.redactor import Redactor

E = TypeVar("E")


def scrubbing(exporter: E, scrubber: Callable[[Redactor], Any], redactor: Redactor | None) -> E:
    """The same exporter; what it is given to export is scrubbed first.

    Args:
        exporter: Has `export`, as the SDK's exporters do.
        scrubber: Makes of a redactor what scrubs a batch: `series.points`, `batches.records`. Spans are
            scrubbed when they end.
        redactor: What scrubs; None leaves the exporter as it is.
    """
    if redactor is not None:
        one: Any = exporter
        export, scrub = one.export, scrubber(redactor)
        one.export = lambda batch, *arguments, **options: export(scrub(batch), *arguments, **options)
    return exporter
