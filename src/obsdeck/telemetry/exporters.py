"""The three OTLP exporters, and how much each has lost.

The SDK's own lose a whole batch for one item in it that cannot be encoded, and count what they lose only in
metrics, which go the same way.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sized
from typing import TYPE_CHECKING, Any, TypeVar

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExportResult

from obsdeck.telemetry import encoding
from obsdeck.telemetry.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from obsdeck.telemetry.encoding import Encoded
    from obsdeck.telemetry.settings import Settings

_logger = logging.getLogger(__name__)

E = TypeVar("E", "SpanExporter", OTLPMetricExporter, OTLPLogExporter)


def spans(settings: Settings, tally: Tally) -> SpanExporter:
    """The exporter of spans."""
    return tally.counting(
        SpanExporter(
            endpoint=_endpoint(settings, "traces"),
            timeout=_timeout(settings, "traces"),
            session=_session("traces", tally),
        )
    )


def points(settings: Settings, tally: Tally) -> OTLPMetricExporter:
    """The exporter of metrics; what it loses, its next export makes up for."""
    return tally.counting(
        OTLPMetricExporter(
            endpoint=_endpoint(settings, "metrics"),
            timeout=_timeout(settings, "metrics"),
            session=_session("metrics", tally),
        )
    )


def records(settings: Settings, tally: Tally) -> OTLPLogExporter:
    """The exporter of log records."""
    return tally.counting(
        OTLPLogExporter(
            endpoint=_endpoint(settings, "logs"),
            timeout=_timeout(settings, "logs"),
            session=_session("logs", tally),
        ),
        encode_logs,
    )


class SpanExporter(OTLPSpanExporter):
    """Sends spans that are encoded already."""

    def export(self, spans: Sequence[Encoded]) -> SpanExportResult:  # type: ignore[override]
        """Send one batch."""
        body = encoding.request(spans)
        if self._shutdown or 0 < self._max_request_size < len(body):
            _logger.warning("%d spans, %d bytes, cannot be sent", len(spans), len(body))
            return SpanExportResult.FAILURE
        with self._metrics.export_operation(len(spans)) as operation:
            sent = self._client.export(body)
            if sent.success:
                return SpanExportResult.SUCCESS
            operation.error = sent.error
            if sent.status_code is not None:
                operation.error_attrs = {"http.response.status_code": sent.status_code}
        return SpanExportResult.FAILURE


class Tally:
    """Counts what one exporter loses, in spans, log records or exports of metrics.

    Attributes:
        lost: How many the receiver did not take, ever.
        sending: How many are on their way.
    """

    def __init__(self) -> None:
        self.lost = 0
        self.sending = 0

    def counting(self, exporter: E, encode: Callable[[Any], object] | None = None) -> E:
        """The same exporter, counted.

        Args:
            exporter: One of the SDK's.
            encode: Raises for a batch that cannot be encoded; what is wrong in it is then left out, since
                one bad item must not take the others with it.
        """
        export: Callable[..., Any] = exporter.export

        def count(batch: Any, *arguments: Any, **options: Any) -> Any:
            self.sending = len(batch) if isinstance(batch, Sized) else 1
            result = export(batch, *arguments, **options)
            if result.name != "SUCCESS" and encode and not _can(encode, batch):
                good = [item for item in batch if _can(encode, [item])]
                self.lost += self.sending - len(good)
                self.sending = len(good)
                result = export(good)
            if result.name != "SUCCESS":
                self.lost += self.sending
            self.sending = 0
            return result

        exporter.export = count  # type: ignore[method-assign, assignment]
        return exporter


def _can(encode: Callable[[Any], object], batch: Sequence[object]) -> bool:
    try:
        encode(batch)
    except Exception:  # noqa: BLE001 - text that is no Unicode, numbers that are too large
        return False
    return True


def _endpoint(settings: Settings, signal: str) -> str | None:
    """None lets the exporter read its signal's own variable, which is a full URL and wins."""
    if os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"):
        return None
    return f"{settings.endpoint}/v1/{signal}"


def _timeout(settings: Settings, signal: str) -> float | None:
    return None if os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_TIMEOUT") else settings.export_timeout


def _session(signal: str, tally: Tally) -> Session | None:
    """None lets the exporter load the session that a credential provider makes."""
    every = "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER"
    its_own = f"OTEL_PYTHON_EXPORTER_OTLP_HTTP_{signal.upper()}_CREDENTIAL_PROVIDER"
    if os.environ.get(every) or os.environ.get(its_own):
        return None
    return Session(signal, tally)
