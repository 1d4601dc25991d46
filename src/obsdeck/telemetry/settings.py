"""What can be set for a service: from arguments, then the environment, then defaults.

One table holds every setting with its variable, default and allowed values; the reference page is
generated from it. `OTEL_*` variables keep their standard meaning, also those that stand in no row here:
the SDK reads them itself (samplers, headers, certificates, compression, an endpoint per signal).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from obsdeck.errors import UsageError
from obsdeck.telemetry import values
from obsdeck.telemetry.redaction import rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Variable:
    """One setting.

    Attributes:
        name: Its variable in the environment.
        default: Its value where nobody sets it, as text.
        read: From text to value; raises ValueError where the text is not allowed.
        allowed: What may be written, for messages and the reference.
        meaning: What it sets.
        instead: What a text that is not allowed becomes; None is the default.
    """

    name: str
    default: str
    read: Callable[[str], Any]
    allowed: str
    meaning: str
    instead: str | None = None


@dataclass(frozen=True)
class Settings:
    """The settings of one service, by field; `obsdeck.instrument` takes the ones people set in code.

    Attributes:
        service_name: `service.name`; empty where neither argument nor `OTEL_SERVICE_NAME` gives it.
        sdk_disabled: Whether there is no telemetry at all.
        endpoint: Base URL of the OTLP/HTTP receiver.
        protocol: `http/protobuf`, the only one there is.
        traces_exporter: `otlp` or `none`.
        metrics_exporter: `otlp`, or `none` (also written `prometheus`) for the `/metrics` page alone.
        logs_exporter: `otlp` or `none`.
        export_timeout: Seconds that one export may take, retries included.
        metric_interval: Milliseconds between two exports of metrics.
        span_delay: Milliseconds that a finished span waits for others at most.
        span_queue: Spans kept while the receiver does not answer.
        span_batch: Spans in one export at most.
        log_delay: Milliseconds that a log record waits for others at most.
        log_queue: Log records kept while the receiver does not answer.
        log_batch: Log records in one export at most.
        attribute_length: Characters that an attribute value is cut to.
        attribute_count: Attributes that one span or log record has at most.
        metrics_mode: What `/metrics` does when it cannot show everything, and `instrument` with
            settings that are wrong: `fail-open` goes on and says so, `strict` refuses.
        metrics_path: Where the page is.
        excluded_paths: Paths that are not observed, each with everything below it.
        read_only_prefix: The path under which only reading is allowed; empty for none.
        log_format: `json` or `text` for console lines; empty leaves them as they are.
        latency_buckets: Upper bounds of `http.server.request.duration` in seconds.
        shutdown_seconds: How long the end of the process may wait for the receiver.
        redact: What is scrubbed of all that leaves the process; None for nothing.
    """

    service_name: str
    sdk_disabled: bool
    endpoint: str
    protocol: str
    traces_exporter: str
    metrics_exporter: str
    logs_exporter: str
    export_timeout: float
    metric_interval: float
    span_delay: float
    span_queue: int
    span_batch: int
    log_delay: float
    log_queue: int
    log_batch: int
    attribute_length: int
    attribute_count: int
    metrics_mode: Literal["fail-open", "strict"]
    metrics_path: str
    excluded_paths: tuple[str, ...]
    read_only_prefix: str
    log_format: Literal["", "json", "text"]
    latency_buckets: tuple[float, ...]
    shutdown_seconds: float
    redact: rules.Rules | None


_MILLISECONDS = "milliseconds above 0"
_COUNT = "a whole number above 0"

_ROWS = {
    "service_name": Variable("OTEL_SERVICE_NAME", "", str, "any text", "its name, else the app's title"),
    "sdk_disabled": Variable(
        "OTEL_SDK_DISABLED", "false", values.boolean, "true, false", "no telemetry at all"
    ),
    "endpoint": Variable(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "http://127.0.0.1:4318",
        values.url,
        "an http or https URL",
        "where telemetry is sent by OTLP/HTTP; /v1/traces and so on is appended",
    ),
    "protocol": Variable(
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "http/protobuf",
        values.one_of("http/protobuf"),
        "http/protobuf",
        "how telemetry is sent; there is no gRPC, whose port is 4317",
    ),
    "traces_exporter": Variable(
        "OTEL_TRACES_EXPORTER", "otlp", values.one_of("otlp", "none"), "otlp, none", "whether traces leave"
    ),
    "metrics_exporter": Variable(
        "OTEL_METRICS_EXPORTER",
        "otlp",
        values.otlp,
        "otlp, none, prometheus",
        "whether metrics leave; the page is there in any case, and prometheus means the page alone",
    ),
    "logs_exporter": Variable(
        "OTEL_LOGS_EXPORTER", "otlp", values.one_of("otlp", "none"), "otlp, none", "whether logs leave"
    ),
    "export_timeout": Variable(
        "OTEL_EXPORTER_OTLP_TIMEOUT", "3", values.positive, "seconds above 0", "how long one export may take"
    ),
    "metric_interval": Variable(
        "OTEL_METRIC_EXPORT_INTERVAL",
        "15000",
        values.positive,
        _MILLISECONDS,
        "time between exports of metrics",
    ),
    "span_delay": Variable(
        "OTEL_BSP_SCHEDULE_DELAY", "1000", values.positive, _MILLISECONDS, "longest wait of a finished span"
    ),
    "span_queue": Variable(
        "OTEL_BSP_MAX_QUEUE_SIZE", "8192", values.count, _COUNT, "spans kept while nobody takes them"
    ),
    "span_batch": Variable(
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "512", values.count, _COUNT, "spans in one export"
    ),
    "log_delay": Variable(
        "OTEL_BLRP_SCHEDULE_DELAY", "1000", values.positive, _MILLISECONDS, "longest wait of a log record"
    ),
    "log_queue": Variable(
        "OTEL_BLRP_MAX_QUEUE_SIZE", "8192", values.count, _COUNT, "log records kept while nobody takes them"
    ),
    "log_batch": Variable(
        "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "512", values.count, _COUNT, "log records in one export"
    ),
    "attribute_length": Variable(
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "4096",
        values.count,
        _COUNT,
        "characters of an attribute's value",
    ),
    "attribute_count": Variable(
        "OTEL_ATTRIBUTE_COUNT_LIMIT", "128", values.count, _COUNT, "attributes of a span or log record"
    ),
    "metrics_mode": Variable(
        "OBSDECK_METRICS_MODE",
        "fail-open",
        values.one_of("fail-open", "strict"),
        "fail-open, strict",
        "fail-open shows what it can; strict answers 503 unless the page is complete",
    ),
    "metrics_path": Variable(
        "OBSDECK_METRICS_PATH",
        "/metrics",
        values.path,
        "a path that starts with /",
        "where the page of metrics is",
    ),
    "excluded_paths": Variable(
        "OBSDECK_EXCLUDED_PATHS",
        "/health,/healthz,/livez,/readyz",
        values.paths,
        "paths that start with /, separated by commas",
        "what is not observed, with everything below; the page of metrics is always among it",
    ),
    "read_only_prefix": Variable(
        "OBSDECK_READ_ONLY_PREFIX",
        "",
        values.prefix,
        "a path that starts with / (anything else guards every path)",
        "where only GET, HEAD and OPTIONS are allowed, as in /api/; unset guards nothing",
        # A guard that a typing error opens would be none.
        instead="/",
    ),
    "log_format": Variable(
        "OBSDECK_LOG_FORMAT",
        "",
        values.one_of("", "json", "text"),
        "json, text",
        "console lines with trace ids; unset leaves the console as it is",
    ),
    "latency_buckets": Variable(
        "OBSDECK_LATENCY_BUCKETS",
        "0.005,0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10",
        values.rising,
        "seconds above 0 that rise, separated by commas",
        "upper bounds of http.server.request.duration; exponential histograms have none",
    ),
    "shutdown_seconds": Variable(
        "OBSDECK_SHUTDOWN_SECONDS",
        "3",
        values.positive,
        "seconds above 0",
        "how long the end may wait to export",
    ),
    "redact": Variable(
        "OBSDECK_REDACT",
        "on",
        rules.read,
        "on, off, or names with - (no secret) or + (a secret too), separated by commas, as in -code,+iban",
        "whether secrets are replaced in what is exported and on the console",
    ),
}

VARIABLES: Mapping[str, Variable] = MappingProxyType({row.name: row for row in _ROWS.values()})
"""Every variable of the table by its name."""

ARGUMENTS: Mapping[str, Variable] = MappingProxyType(_ROWS)
"""Every variable of the table by its field of `Settings`; an argument is called like its field."""


@dataclass(frozen=True)
class Reading:
    """Settings as read, and what was wrong.

    Attributes:
        settings: Every faulty value is replaced by its row's `instead`, or the default.
        faults: One line per faulty value: its name, the value, and what is allowed.
    """

    settings: Settings
    faults: tuple[str, ...]

    def raise_faults(self) -> None:
        """Raises UsageError with every fault, if there is any."""
        if self.faults:
            first, *rest = self.faults
            raise UsageError(
                first, why="\n".join(rest), hint="docs/reference/settings.md lists what each setting may be"
            )


def read(environ: Mapping[str, str], arguments: Mapping[str, object]) -> Reading:
    """Read every setting; an argument wins over its variable, None and an empty variable mean "not set".

    Args:
        environ: The environment.
        arguments: Fields of `Settings` with their values, as text or as what the field holds.
    """
    read_values: dict[str, object] = {}
    faults: list[str] = []
    for field in fields(Settings):
        row = _ROWS[field.name]
        given = arguments.get(field.name)
        label, text = (f"{field.name}=", _text(given)) if given is not None else (row.name, "")
        if given is None:
            text = environ.get(row.name, "").strip() or row.default
        try:
            read_values[field.name] = row.read(text)
        except (ValueError, TypeError):
            faults.append(f"{label.rstrip('=')} is {text!r}; allowed: {row.allowed}")
            read_values[field.name] = row.read(row.default if row.instead is None else row.instead)
    return Reading(Settings(**read_values), tuple(faults))  # type: ignore[arg-type]


def _text(given: object) -> str:
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, (tuple, list, set, frozenset)):
        return ",".join(str(part) for part in given)
    return str(given)
