"""The connection of the process: providers, page of metrics and log handlers, which all its apps share."""

from __future__ import annotations

import logging
import os
import sys
from collections import Counter
from dataclasses import dataclass
from multiprocessing import parent_process
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from obsdeck.telemetry.durations import Durations, InstrumentDurations
    from obsdeck.telemetry.event_loop import EventLoops
    from obsdeck.telemetry.page import Answer
    from obsdeck.telemetry.redaction.redactor import Redactor
    from obsdeck.telemetry.settings import Settings
    from obsdeck.telemetry.shutdown import Ending

_logger = logging.getLogger("obsdeck")


@dataclass(frozen=True)
class Connection:
    """What the apps of one process share.

    Attributes:
        answer: The page of metrics.
        ending: Exports what is left at the end.
        attach_logs: Puts the log handler where records pass.
        durations: Counts the requests of all apps.
        loops: Watches event loops; None where that is switched off.
    """

    answer: Callable[[str], Answer]
    ending: Ending
    attach_logs: Callable[..., None]
    durations: Durations | InstrumentDurations
    loops: EventLoops | None


_connection: Connection | None = None


def connected(settings: Settings, title: str) -> Connection:
    """The process's connection, made for the first app that asks.

    Args:
        settings: Those of that app count.
        title: What the service is called where no setting names it.
    """
    global _connection  # noqa: PLW0603 - OpenTelemetry's providers are the process's too
    if _connection is None:
        _connection = _connect(settings, title)
    return _connection


def _connect(settings: Settings, title: str) -> Connection:
    # Here and not above: `import obsdeck` and a service that is switched off load no SDK.
    from obsdeck.telemetry import libraries, providers, quieted, resource, runtime  # noqa: PLC0415
    from obsdeck.telemetry.durations import Durations, InstrumentDurations, are_ours  # noqa: PLC0415
    from obsdeck.telemetry.handles import meter  # noqa: PLC0415
    from obsdeck.telemetry.redaction.redactor import redactor  # noqa: PLC0415
    from obsdeck.telemetry.redaction.series import ScrubbedPageReader  # noqa: PLC0415
    from obsdeck.telemetry.scrape import Page, PageReader  # noqa: PLC0415
    from obsdeck.telemetry.shutdown import Ending  # noqa: PLC0415
    from obsdeck.telemetry.workers import is_one_of_several  # noqa: PLC0415

    quieted.install()
    described, derived = resource.build(settings.service_name, title)
    if derived:
        _logger.warning(
            "this service has no name; it is called %r until OTEL_SERVICE_NAME or service_name= says better",
            described.attributes["service.name"],
        )
    buckets = settings.latency_buckets
    durations = Durations(buckets) if providers.is_unset() and are_ours(os.environ) else None
    scrubber = redactor(settings.redact)
    reader = ScrubbedPageReader(scrubber, durations) if scrubber else PageReader(durations)
    pipelines = providers.connect(settings, described, reader, scrubber, durations)
    for signal in pipelines.refused:
        _logger.warning("the provider of %s that is set takes no exporter; obsdeck exports none", signal)
    ending = Ending(pipelines.parts, settings.shutdown_seconds)
    ending.install()
    libraries.watch()
    is_measured = not libraries.is_disabled(runtime.NAME, os.environ)
    loops = runtime.observe(meter("obsdeck.runtime")) if is_measured else None
    attach_logs = _log_attacher(settings, scrubber)
    attach_logs(complete=False)
    page_of_process = Page(
        reader,
        strict=settings.metrics_mode == "strict",
        partial=is_one_of_several(sys.argv, os.environ, spawned=parent_process() is not None),
        errors=Counter(),
    )
    return Connection(
        page_of_process.answer,
        ending,
        attach_logs,
        durations or InstrumentDurations(meter("obsdeck"), buckets),
        loops,
    )


def _log_attacher(settings: Settings, scrubber: Redactor | None) -> Callable[..., None]:
    from opentelemetry._logs import get_logger_provider  # noqa: PLC0415

    from obsdeck.telemetry import bridges, console, logs  # noqa: PLC0415

    handler = logs.OtlpHandler(get_logger_provider(), settings.attribute_length)

    def attach(*, complete: bool) -> None:
        if settings.log_format:
            console.configure(settings.log_format, scrubber)
        if settings.logs_exporter == "otlp":
            logs.attach(handler, complete=complete)
        if scrubber and not settings.log_format:
            console.scrub(scrubber)
        bridges.attach(handler if settings.logs_exporter == "otlp" else None, scrubber)

    return attach
