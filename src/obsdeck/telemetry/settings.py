"""What can be set for a service: from arguments, then the environment, then defaults.

One table holds every setting with its variable, default and allowed values; the reference page is
generated from it. `OTEL_*` variables keep their standard meaning, also those that stand in no row here:
the SDK reads them itself (samplers, headers, certificates, compression, an endpoint per signal).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from obsdeck.errors import UsageError

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
        traces_exporter: `otlp` or `none`.
        metrics_exporter: `otlp`, or `none` (also written `prometheus`) for the `/metrics` page alone.
        logs_exporter: `otlp` or `none`.
        export_timeout: Seconds that one export may take, retries included.
        metric_interval: Milliseconds between two exports of metrics.
        span_delay: Milliseconds that a finished span waits for others at most.
        span_queue: Spans kept while the receiver does not answer.
        log_delay: Milliseconds that a log record waits for others at most.
        log_queue: Log records kept while the receiver does not answer.
        attribute_length: Characters that an attribute value is cut to.
        attribute_count: Attributes that one span or log record has at most.
        metrics_mode: What `/metrics` does when it cannot show everything, and `instrument` with
            settings that are wrong: `fail-open` goes on and says so, `strict` refuses.
        metrics_path: Where the page is.
        excluded_paths: Paths that are not observed, each with everything below it.
        read_only_prefix: The path under which only reading is allowed; empty for none.
        log_format: `json` or `text` for console lines; empty leaves them as they are.
        shutdown_seconds: How long the end of the process may wait for the receiver.
    """

    service_name: str
    sdk_disabled: bool
    endpoint: str
    traces_exporter: str
    metrics_exporter: str
    logs_exporter: str
    export_timeout: float
    metric_interval: float
    span_delay: float
    span_queue: int
    log_delay: float
    log_queue: int
    attribute_length: int
    attribute_count: int
    metrics_mode: Literal["fail-open", "strict"]
    metrics_path: str
    excluded_paths: tuple[str, ...]
    read_only_prefix: str
    log_format: Literal["", "json", "text"]
    shutdown_seconds: float


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(text)
        return text.lower()

    return read


def _boolean(text: str) -> bool:
    return _one_of("true", "false")(text) == "true"


def _positive(text: str) -> float:
    number = float(text)
    if not (0 < number < math.inf):
        raise ValueError(text)
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _url(text: str) -> str:
    parts = urlsplit(text)
    # Reading the port is what finds one that is no number.
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
        raise ValueError(text)
    return text.rstrip("/")


def _path(text: str) -> str:
    if not text.startswith("/") or "?" in text or "{" in text:
        raise ValueError(text)
    return text


def _paths(text: str) -> tuple[str, ...]:
    return tuple(_path(part.strip()).rstrip("/") or "/" for part in text.split(",") if part.strip())


def _prefix(text: str) -> str:
    return _path(text) if text else ""


def _otlp(text: str) -> str:
    return "none" if _one_of("otlp", "none", "prometheus")(text) == "prometheus" else text.lower()


_MILLISECONDS = "milliseconds above 0"
_COUNT = "a whole number above 0"

_ROWS = {
    "service_name": Variable("OTEL_SERVICE_NAME", "", str, "any text", "the service's name"),
    "sdk_disabled": Variable("OTEL_SDK_DISABLED", "false", _boolean, "true, false", "no telemetry at all"),
    "endpoint": Variable(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "http://127.0.0.1:4318",
        _url,
        "an http or https URL",
        "where telemetry is sent by OTLP/HTTP; /v1/traces and so on is appended",
    ),
    "traces_exporter": Variable(
        "OTEL_TRACES_EXPORTER", "otlp", _one_of("otlp", "none"), "otlp, none", "how traces leave"
    ),
    "metrics_exporter": Variable(
        "OTEL_METRICS_EXPORTER",
        "otlp",
        _otlp,
        "otlp, none, prometheus",
        "how metrics leave; the page is there in any case",
    ),
    "logs_exporter": Variable(
        "OTEL_LOGS_EXPORTER", "otlp", _one_of("otlp", "none"), "otlp, none", "how logs leave"
    ),
    "export_timeout": Variable(
        "OTEL_EXPORTER_OTLP_TIMEOUT", "3", _positive, "seconds above 0", "how long one export may take"
    ),
    "metric_interval": Variable(
        "OTEL_METRIC_EXPORT_INTERVAL", "15000", _positive, _MILLISECONDS, "time between exports of metrics"
    ),
    "span_delay": Variable(
        "OTEL_BSP_SCHEDULE_DELAY", "1000", _positive, _MILLISECONDS, "longest wait of a finished span"
    ),
    "span_queue": Variable(
        "OTEL_BSP_MAX_QUEUE_SIZE", "8192", _count, _COUNT, "spans kept while nobody takes them"
    ),
    "log_delay": Variable(
        "OTEL_BLRP_SCHEDULE_DELAY", "1000", _positive, _MILLISECONDS, "longest wait of a log record"
    ),
    "log_queue": Variable(
        "OTEL_BLRP_MAX_QUEUE_SIZE", "8192", _count, _COUNT, "log records kept while nobody takes them"
    ),
    "attribute_length": Variable(
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "4096", _count, _COUNT, "characters of an attribute's value"
    ),
    "attribute_count": Variable(
        "OTEL_ATTRIBUTE_COUNT_LIMIT", "128", _count, _COUNT, "attributes of a span or log record"
    ),
    "metrics_mode": Variable(
        "OBSDECK_METRICS_MODE",
        "fail-open",
        _one_of("fail-open", "strict"),
        "fail-open, strict",
        "fail-open shows what it can; strict answers 503 unless the page is complete",
    ),
    "metrics_path": Variable(
        "OBSDECK_METRICS_PATH", "/metrics", _path, "a path that starts with /", "where the page of metrics is"
    ),
    "excluded_paths": Variable(
        "OBSDECK_EXCLUDED_PATHS",
        "/health,/healthz,/livez,/readyz",
        _paths,
        "paths that start with /, separated by commas",
        "what is not observed, with everything below; the page of metrics is always among it",
    ),
    "read_only_prefix": Variable(
        "OBSDECK_READ_ONLY_PREFIX",
        "",
        _prefix,
        "a path that starts with / (anything else guards every path)",
        "where only GET, HEAD and OPTIONS are allowed, as in /api/; unset guards nothing",
        # A guard that a typing error opens would be none.
        instead="/",
    ),
    "log_format": Variable(
        "OBSDECK_LOG_FORMAT",
        "",
        _one_of("", "json", "text"),
        "json, text",
        "console lines with trace ids; unset leaves the console as it is",
    ),
    "shutdown_seconds": Variable(
        "OBSDECK_SHUTDOWN_SECONDS", "3", _positive, "seconds above 0", "how long the end may wait to export"
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
    values: dict[str, object] = {}
    faults: list[str] = []
    for field in fields(Settings):
        row = _ROWS[field.name]
        given = arguments.get(field.name)
        label, text = (f"{field.name}=", _text(given)) if given is not None else (row.name, "")
        if given is None:
            text = environ.get(row.name, "").strip() or row.default
        try:
            values[field.name] = row.read(text)
        except (ValueError, TypeError):
            faults.append(f"{label.rstrip('=')} is {text!r}; allowed: {row.allowed}")
            values[field.name] = row.read(row.default if row.instead is None else row.instead)
    return Reading(Settings(**values), tuple(faults))  # type: ignore[arg-type]


def _text(given: object) -> str:
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, (tuple, list, set, frozenset)):
        return ",".join(str(part) for part in given)
    return str(given)
