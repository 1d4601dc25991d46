"""The components of the stack: their names, addresses and how each says that it is ready.

Readiness paths are those of the servers' own documentation; see `docs/reference/components.md`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from obsdeck.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from obsdeck.stack.environment import Settings

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Component:
    """One server of the stack.

    Attributes:
        name: As users type it.
        title: As people write it.
        port: The variable of the port that people and peers use.
        ready: The variable of the port and the path that answer 200 once it can do its work.
        listens: The variables of all ports it opens.
        optional: Whether the stack is whole without it.
        demo: Whether it is there to show something; `--no-demo` leaves it out.
        watches: The word of `up --with` for the database that it watches; it comes only when asked for, and
            then it must. Empty for all others.
    """

    name: str
    title: str
    port: str
    ready: tuple[str, str]
    listens: tuple[str, ...]
    optional: bool = False
    demo: bool = False
    watches: str = ""

    @property
    def address(self) -> str:
        """The variable of the address of the database that it watches."""
        return f"OBSDECK_{self.watches.upper()}_URL"

    def url(self, settings: Settings) -> str:
        """Where people open it."""
        return f"http://{LOOPBACK}:{settings[self.port]}"

    def ready_url(self, settings: Settings) -> str:
        """What answers 200 once it is ready."""
        variable, path = self.ready
        return f"http://{LOOPBACK}:{settings[variable]}{path}"


COLLECTOR = Component(
    "collector",
    "OTel Collector",
    "OBSDECK_OTLP_HTTP_PORT",
    ("OBSDECK_COLLECTOR_HEALTH_PORT", "/"),
    (
        "OBSDECK_OTLP_GRPC_PORT",
        "OBSDECK_OTLP_HTTP_PORT",
        "OBSDECK_COLLECTOR_HEALTH_PORT",
        "OBSDECK_COLLECTOR_METRICS_PORT",
    ),
)
PROMETHEUS = Component(
    "prometheus",
    "Prometheus",
    "OBSDECK_PROMETHEUS_PORT",
    ("OBSDECK_PROMETHEUS_PORT", "/-/ready"),
    ("OBSDECK_PROMETHEUS_PORT",),
)
LOKI = Component(
    "loki",
    "Loki",
    "OBSDECK_LOKI_PORT",
    ("OBSDECK_LOKI_PORT", "/ready"),
    ("OBSDECK_LOKI_PORT", "OBSDECK_LOKI_GRPC_PORT"),
)
TEMPO = Component(
    "tempo",
    "Tempo",
    "OBSDECK_TEMPO_PORT",
    ("OBSDECK_TEMPO_PORT", "/ready"),
    ("OBSDECK_TEMPO_PORT", "OBSDECK_TEMPO_GRPC_PORT", "OBSDECK_TEMPO_OTLP_PORT"),
)
ALERTMANAGER = Component(
    "alertmanager",
    "Alertmanager",
    "OBSDECK_ALERTMANAGER_PORT",
    ("OBSDECK_ALERTMANAGER_PORT", "/-/ready"),
    ("OBSDECK_ALERTMANAGER_PORT",),
)
GRAFANA = Component(
    "grafana",
    "Grafana",
    "OBSDECK_GRAFANA_PORT",
    ("OBSDECK_GRAFANA_PORT", "/api/health"),
    ("OBSDECK_GRAFANA_PORT",),
    optional=True,
)
NODE_EXPORTER = Component(
    "node-exporter",
    "node_exporter",
    "OBSDECK_NODE_EXPORTER_PORT",
    ("OBSDECK_NODE_EXPORTER_PORT", "/metrics"),
    ("OBSDECK_NODE_EXPORTER_PORT",),
    optional=True,
)
# Ready is not whether the database answers: that is a finding, and no reason to stop.
POSTGRES_EXPORTER = Component(
    "postgres-exporter",
    "postgres_exporter",
    "OBSDECK_POSTGRES_EXPORTER_PORT",
    ("OBSDECK_POSTGRES_EXPORTER_PORT", "/"),
    ("OBSDECK_POSTGRES_EXPORTER_PORT",),
    watches="postgres",
)
REDIS_EXPORTER = Component(
    "redis-exporter",
    "redis_exporter",
    "OBSDECK_REDIS_EXPORTER_PORT",
    ("OBSDECK_REDIS_EXPORTER_PORT", "/"),
    ("OBSDECK_REDIS_EXPORTER_PORT",),
    watches="redis",
)
QUICKSTART = Component(
    "quickstart",
    "quickstart service",
    "OBSDECK_QUICKSTART_PORT",
    ("OBSDECK_QUICKSTART_PORT", "/metrics"),
    ("OBSDECK_QUICKSTART_PORT",),
    optional=True,
    demo=True,
)

SERVERS = (COLLECTOR, PROMETHEUS, TEMPO, LOKI, ALERTMANAGER, GRAFANA, NODE_EXPORTER)
ON_REQUEST = (POSTGRES_EXPORTER, REDIS_EXPORTER)
ALL = (*SERVERS, *ON_REQUEST, QUICKSTART)
BY_NAME = {component.name: component for component in ALL}


def named(names: Iterable[str]) -> tuple[Component, ...]:
    """The components of these names, each once, in the order of `ALL`; all where none is named.

    Raises:
        UsageError: A name is no component; a close one is suggested.
    """
    wanted = set(names)
    for name in wanted - BY_NAME.keys():
        close = difflib.get_close_matches(name, BY_NAME, n=1)
        raise UsageError(
            f"{name!r} is no component",
            why="components are " + ", ".join(BY_NAME),
            hint=f"did you mean {close[0]}?" if close else "",
        )
    return tuple(component for component in ALL if component.name in wanted) or ALL
