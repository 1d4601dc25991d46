"""The connections of one exporter, and what it takes for an answer.

Whoever answers at the receiver's address may be anybody: a login page, a proxy that moves on, a server that
never stops talking. The SDK's exporters take all of that for success, read it to the end, keep its cookies,
and say nothing of a batch that was taken in part.
"""

from __future__ import annotations

import logging
import ssl
from io import BytesIO
from typing import TYPE_CHECKING, Any

import requests
from google.protobuf.message import DecodeError
from opentelemetry import metrics
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from requests.adapters import HTTPAdapter

from obsdeck.telemetry.fork import in_child

if TYPE_CHECKING:
    from obsdeck.telemetry.tally import Tally

_LENGTH = 64 * 1024
"""Bytes of an answer that are read."""

_logger = logging.getLogger(__name__)


class Session(requests.Session):
    """The connections of one exporter.

    Args:
        signal: `traces`, `metrics` or `logs`.
        tally: Where to count what was turned down of a batch that was taken.
    """

    def __init__(self, signal: str, tally: Tally) -> None:
        super().__init__()
        self._signal = signal
        self._tally = tally
        self._rejected = metrics.get_meter("obsdeck").create_counter(
            "obsdeck.exporter.rejected",
            unit="{item}",
            description="Spans, points and log records that the receiver turned down.",
        )
        self.headers["Accept-Encoding"] = "identity"  # nothing to unpack
        self.hooks["response"].append(self._judge)
        in_child(self._connect)

    def merge_environment_settings(  # noqa: D102 - requests' own
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        # OTEL_EXPORTER_OTLP_CERTIFICATE is meant for here, REQUESTS_CA_BUNDLE for everywhere.
        verify = verify if self.verify is True else self.verify
        return super().merge_environment_settings(url, proxies, stream, verify, cert)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send; a certificate that is not trusted will not be so by trying again."""
        try:
            return super().send(request, **options)
        except requests.exceptions.SSLError as error:
            raise requests.RequestException(
                f"{request.url} is not trusted: {_innermost(error)}; "
                "OTEL_EXPORTER_OTLP_CERTIFICATE names the file of the authority to trust"
            ) from error

    def _connect(self) -> None:
        """Leave the connections to the parent: two processes on one would read each other's answers."""
        for scheme in ("https://", "http://"):
            self.mount(scheme, HTTPAdapter())

    def _judge(self, response: requests.Response, **_options: Any) -> None:
        """Look at an answer before its body is read; what is raised is logged as the export's failure."""
        body = _beginning(response)
        # That takes the headers away from the cookie jar, too.
        response.raw = BytesIO(body)
        if response.is_redirect:
            where = response.headers["location"][:500]
            raise requests.TooManyRedirects(f"{response.url} has moved to {where!r}, which is not followed")
        if response.ok and response.headers.get("content-type", "").startswith("text/html"):
            raise requests.RequestException(f"{response.url} answers with a web page: it is no OTLP receiver")
        if response.ok and body:
            self._count_rejected(body)

    def _count_rejected(self, body: bytes) -> None:
        try:
            # The answers for all three signals have the same fields.
            partial = ExportTraceServiceResponse.FromString(body).partial_success
        except DecodeError:
            return
        if partial.rejected_spans > 0:
            self._tally.lost += partial.rejected_spans
            self._rejected.add(partial.rejected_spans, {"signal": self._signal})
            _logger.warning("the receiver turned down some %s: %r", self._signal, partial.error_message[:500])


def _innermost(error: Any) -> Any:
    """What went wrong, without the layers that urllib3 and requests put around it."""
    while not isinstance(error, ssl.SSLError):
        inner = getattr(error, "reason", None) or next(iter(error.args), None)
        if not isinstance(inner, BaseException):
            break
        error = inner
    return error


def _beginning(response: requests.Response) -> bytes:
    try:
        body: bytes = response.raw.read(_LENGTH)
        if len(body) == _LENGTH:
            response.close()
    except Exception:  # noqa: BLE001 - the status has said all that matters
        response.close()
        return b""
    return body
