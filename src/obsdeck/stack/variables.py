"""The table of everything that can be set: every port, address, limit and path, once.

`.env.example` and the reference page are generated from it, `environment` reads values
by it, and `commands` hands them to the servers under the very same names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Kind:
    """A kind of value: what is allowed, and how it is written for the servers.

    Attributes:
        name: One word for messages and tables.
        allowed: What a person may write, with an example.
        normal: Text as written to text as passed on; raises ValueError if it is not allowed.
    """

    name: str
    allowed: str
    normal: Callable[[str], str]


def _port(text: str) -> str:
    number = int(text)
    if not 0 < number < 1 << 16:
        raise ValueError(text)
    return str(number)


def _hours(text: str) -> str:
    """Hours are the one unit that Go, Prometheus and Loki all read."""
    match = re.fullmatch(r"([1-9]\d{0,5})([hdw])", text)
    if not match:
        raise ValueError(text)
    return f"{int(match[1]) * {'h': 1, 'd': 24, 'w': 168}[match[2]]}h"


def _days_or_more(text: str) -> str:
    hours = _hours(text)
    if int(hours[:-1]) < 24:  # noqa: PLR2004 - Loki deletes whole days of its index
        raise ValueError(text)
    return hours


def _percent(text: str) -> str:
    number = float(text)
    if not 0 <= number <= 100:  # noqa: PLR2004 - that is what a percentage is
        raise ValueError(text)
    return f"{number:g}"


def _size(text: str) -> str:
    if not re.fullmatch(r"[1-9]\d{0,5}(MB|GB|TB)", text):
        raise ValueError(text)
    return text


def _token(text: str) -> str:
    """The grammar of RFC 6750; a `$` or a quote would mean something in the collector's file."""
    if not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", text):
        raise ValueError(text)
    return text


def _address(scheme: str) -> Callable[[str], str]:
    """An address that holds a password, in the only form in which postgres_exporter never logs that.

    It masks what stands before the `@`, and prints everything of what it cannot read: a URL that Go refuses,
    and one with a space in it, also as %20. What follows a comma would be a second address.
    """
    word = r"(?:[\w.~!$&'()*+,;=-]|%(?!20)[\da-fA-F]{2})*"
    place = r"(?:[\w.-]+|\[[\da-fA-F:.]+\])(?::([1-9]\d{0,4}))?"
    pattern = rf"{scheme}://(?:{word}(?::{word})?@)?{place}(?:/{word})?(?:\?(?!.*password)[\w=&./:~-]*)?"

    def normal(text: str) -> str:
        match = re.fullmatch(pattern, text, re.ASCII)
        if not match:
            raise ValueError(scheme)
        _port(match[1] or "1")
        return text.replace(",", "%2C")

    return normal


def _like(pattern: str) -> Callable[[str], str]:
    def normal(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(text)
        return text

    return normal


def _choice(*words: str) -> Kind:
    def normal(text: str) -> str:
        if text not in words:
            raise ValueError(text)
        return text

    return Kind("choice", " or ".join(words), normal)


PORT = Kind("port", "a number from 1 to 65535", _port)
DURATION = Kind("duration", "hours, days or weeks, as in 36h, 7d or 2w", _hours)
DAYS = Kind("duration", "24 hours or more, as in 7d (Loki deletes by the day)", _days_or_more)
SIZE = Kind("size", "a whole number of MB, GB or TB, as in 2GB", _size)
PERCENT = Kind("percent", "a number from 0 to 100, as in 5", _percent)
TEXT = Kind("text", "any text", str)
PATH = Kind("path", "a path", str)
SECRET = Kind("secret", "any text; never printed", str)
TOKEN = Kind("secret", "letters, digits and . _ ~ + / -; never printed", _token)

POSTGRES_URL = Kind(
    "secret",
    "postgresql://user:password@host:port/database?sslmode=disable, special characters as %XX, no space;"
    " never printed",
    _address("postgres(?:ql)?"),
)
REDIS_URL = Kind(
    "secret",
    "redis://user:password@host:port, special characters as %XX, no space; never printed",
    _address("rediss?"),
)

_WEB = r"https?://[^\s/?#{}\"'<>\\]+[^\s{}\"'<>\\]*"
"""No braces: Alertmanager would take them for a template."""
_MAIL = r"[\w.%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*"
"""As much of RFC 5321 as tells an address from a slip; the mail server knows the rest."""

WEB = Kind("url", "an http or https URL, as in https://example.org", _like(_WEB))
SECRET_WEB = Kind("secret", "an http or https URL; never printed", _like(_WEB))
BOT = Kind("secret", "number:letters, as Telegram gave it; never printed", _like(r"\d+:[\w-]+"))
MAIL = Kind("address", "an e-mail address, as in obsdeck@example.org", _like(_MAIL))
MAILS = Kind("addresses", "e-mail addresses, separated by commas", _like(rf"{_MAIL}(, *{_MAIL})*"))
HOST = Kind(
    "server", "host:port, as in smtp.example.org:587", _like(r"([\w.-]+|\[[\da-fA-F:]+\]):[1-9]\d{0,4}")
)
WHOLE = Kind("number", "a whole number, as in -1001234567890", lambda text: str(int(text)))

SECRETS = (SECRET, TOKEN, POSTGRES_URL, REDIS_URL, SECRET_WEB, BOT)


@dataclass(frozen=True)
class Variable:
    """One setting.

    Attributes:
        name: Its name in the environment and in `.env`.
        default: Its value where nobody sets it; empty where that means "not set".
        kind: What may be written.
        meaning: What it sets, for the generated reference and `.env.example`.
        component: The component whose port or program it is, empty for the stack itself.
    """

    name: str
    default: str
    kind: Kind
    meaning: str
    component: str = ""


def _ports(*rows: tuple[str, int, str, str]) -> tuple[Variable, ...]:
    return tuple(
        Variable(name, str(port), PORT, meaning, component) for name, port, component, meaning in rows
    )


PORTS = _ports(
    ("OBSDECK_OTLP_GRPC_PORT", 4317, "collector", "OTLP over gRPC in: where services send telemetry"),
    ("OBSDECK_OTLP_HTTP_PORT", 4318, "collector", "OTLP over HTTP in: where services send telemetry"),
    ("OBSDECK_COLLECTOR_HEALTH_PORT", 13133, "collector", "readiness of the collector"),
    ("OBSDECK_COLLECTOR_METRICS_PORT", 8888, "collector", "the collector's own metrics"),
    ("OBSDECK_PROMETHEUS_PORT", 9090, "prometheus", "Prometheus: API, page, OTLP in"),
    ("OBSDECK_LOKI_PORT", 3100, "loki", "Loki: API, OTLP in"),
    ("OBSDECK_LOKI_GRPC_PORT", 9096, "loki", "Loki, between its own parts"),
    ("OBSDECK_TEMPO_PORT", 3200, "tempo", "Tempo's API, from Tempo or from the embedded trace store"),
    ("OBSDECK_TEMPO_GRPC_PORT", 9095, "tempo", "Tempo, between its own parts"),
    ("OBSDECK_TEMPO_OTLP_PORT", 4418, "tempo", "OTLP over HTTP from the collector to Tempo"),
    ("OBSDECK_ALERTMANAGER_PORT", 9093, "alertmanager", "Alertmanager: API and page"),
    ("OBSDECK_GRAFANA_PORT", 3000, "grafana", "Grafana"),
    ("OBSDECK_NODE_EXPORTER_PORT", 9100, "node-exporter", "metrics of this machine"),
    ("OBSDECK_POSTGRES_EXPORTER_PORT", 9187, "postgres-exporter", "metrics of a PostgreSQL"),
    ("OBSDECK_REDIS_EXPORTER_PORT", 9121, "redis-exporter", "metrics of a Redis"),
    ("OBSDECK_QUICKSTART_PORT", 8000, "quickstart", "the quickstart service"),
)

PROGRAMS = tuple(
    Variable(
        f"OBSDECK_{component.upper().replace('-', '_')}_BIN",
        "",
        PATH,
        f"run this {component} program and look no further",
        component,
    )
    for component in (
        "collector",
        "prometheus",
        "loki",
        "tempo",
        "alertmanager",
        "grafana",
        "node-exporter",
        "postgres-exporter",
        "redis-exporter",
    )
)

RETENTION = (
    Variable("OBSDECK_METRICS_RETENTION", "7d", DURATION, "metrics older than this are deleted"),
    Variable("OBSDECK_METRICS_MAX_SIZE", "2GB", SIZE, "the oldest metrics are deleted above this size"),
    Variable("OBSDECK_LOGS_RETENTION", "7d", DAYS, "logs older than this are deleted"),
    Variable("OBSDECK_LOGS_MAX_SIZE", "2GB", SIZE, "the oldest logs are deleted above this size"),
    Variable("OBSDECK_TRACES_RETENTION", "7d", DURATION, "traces older than this are deleted"),
    Variable("OBSDECK_TRACES_MAX_SIZE", "2GB", SIZE, "the oldest traces are deleted above this size"),
)

STACK = (
    Variable("OBSDECK_RUNTIME", "auto", _choice("auto", "docker", "native"), "how components run"),
    Variable("OBSDECK_HOME", "", PATH, "state, data and logs; default: obsdeck in the XDG state directory"),
    Variable("OBSDECK_CONFIG", "", PATH, "a folder to use instead of the shipped ops/observability"),
    Variable("OBSDECK_PACKS", "", PATH, "your folder of packs; what is generated from them is what runs"),
    Variable("OBSDECK_MIRROR", "", TEXT, "base URL that replaces the host of every release archive"),
    Variable("OBSDECK_OTLP_TOKEN", "", TOKEN, "bearer token that services must send with OTLP"),
    Variable(
        "OBSDECK_TRACES_KEPT_PERCENT",
        "100",
        PERCENT,
        "how many traces without an error and below a second are kept",
    ),
    Variable("OBSDECK_GRAFANA_PASSWORD", "", SECRET, "Grafana's admin password; generated where not set"),
    Variable("OBSDECK_POSTGRES_URL", "", POSTGRES_URL, "the PostgreSQL that `up --with postgres` watches"),
    Variable("OBSDECK_REDIS_URL", "", REDIS_URL, "the Redis that `up --with redis` watches"),
)

ALERTS = (
    Variable("OBSDECK_ALERT_WEBHOOK_URL", "", SECRET_WEB, "alerts are posted here as Alertmanager's JSON"),
    Variable(
        "OBSDECK_ALERT_SLACK_URL",
        "",
        SECRET_WEB,
        "an incoming webhook of Slack, or of what takes the same (Mattermost, Rocket.Chat)",
    ),
    Variable("OBSDECK_ALERT_DISCORD_URL", "", SECRET_WEB, "a webhook of a Discord channel"),
    Variable("OBSDECK_ALERT_TELEGRAM_TOKEN", "", BOT, "the token of a Telegram bot"),
    Variable("OBSDECK_ALERT_TELEGRAM_CHAT", "", WHOLE, "the chat that the bot writes to"),
    Variable("OBSDECK_ALERT_EMAIL_TO", "", MAILS, "who gets alerts by e-mail"),
    Variable("OBSDECK_ALERT_EMAIL_FROM", "", MAIL, "the sender of these e-mails"),
    Variable("OBSDECK_ALERT_SMTP", "", HOST, "the mail server; on port 465 TLS from the first byte"),
    Variable("OBSDECK_ALERT_SMTP_USER", "", TEXT, "the user at the mail server"),
    Variable("OBSDECK_ALERT_SMTP_PASSWORD", "", SECRET, "and the password"),
    Variable(
        "OBSDECK_ALERT_SMTP_TLS",
        "on",
        _choice("on", "off"),
        "whether the mail server must offer TLS; without it a password is sent to this machine only",
    ),
    Variable(
        "OBSDECK_ALERT_WATCHDOG_URL",
        "",
        SECRET_WEB,
        "a dead man's switch: asked every minute for as long as alerts work",
    ),
    Variable(
        "OBSDECK_RUNBOOKS_URL", "", WEB, "where the folder runbooks/ can be read; for links in messages"
    ),
    Variable(
        "OBSDECK_GRAFANA_PUBLIC_URL",
        "",
        WEB,
        "Grafana as the readers of messages reach it; default: on this machine",
    ),
)

VARIABLES: Mapping[str, Variable] = {
    variable.name: variable for variable in (*PORTS, *RETENTION, *STACK, *ALERTS, *PROGRAMS)
}
