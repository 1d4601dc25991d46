"""Where redaction is put between the SDK and an exporter, whichever exporter it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from obsdeck.telemetry.redaction import batches, series

if TYPE_CHECKING:
    from obsdeck.telemetry.redaction.redactor import Redactor

E = TypeVar("E")

_SIGNALS: dict[str, Any] = {"metrics": series.points, "logs": batches.records}


def scrubbing(exporter: E, signal: str, redactor: Redactor | None) -> E:
    """The same exporter; what it is given to export is scrubbed first.

    Args:
        exporter: Has `export`, as the SDK's exporters do.
        signal: `metrics` or `logs`; spans are scrubbed when they end.
        redactor: What scrubs; None leaves the exporter as it is.
    """
    if redactor is not None:
        one: Any = exporter
        export, scrub = one.export, _SIGNALS[signal](redactor)
        one.export = lambda batch, *arguments, **options: export(scrub(batch), *arguments, **options)
    return exporter
