"""The three OTLP exporters: where they send to, and in what."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, TypeVar

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import SpanExportResult

from obsdeck.telemetry import encoding
from obsdeck.telemetry.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from obsdeck.telemetry.encoding import Encoded
    from obsdeck.telemetry.settings import Settings
    from obsdeck.telemetry.tally import Tally

_logger = logging.getLogger(__name__)

E = TypeVar("E", "SpanExporter", OTLPMetricExporter, OTLPLogExporter)


def spans(settings: Settings, tally: Tally) -> SpanExporter:
    """The exporter of spans."""
    return tally.counting(_exporter(SpanExporter, "traces", settings, tally))


def points(settings: Settings, tally: Tally) -> OTLPMetricExporter:
    """The exporter of metrics; what it loses, its next export makes up for."""
    return tally.counting(_exporter(OTLPMetricExporter, "metrics", settings, tally))


def records(settings: Settings, tally: Tally) -> OTLPLogExporter:
    """The exporter of log records."""
    return tally.counting(_exporter(OTLPLogExporter, "logs", settings, tally), encode_logs)


def _exporter(kind: type[E], signal: str, settings: Settings, tally: Tally) -> E:
    return kind(
        endpoint=_endpoint(settings, signal),
        timeout=_timeout(settings, signal),
        session=_session(signal, tally),
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
