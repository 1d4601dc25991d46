"""How each component is started as an ordinary process: its arguments and its environment.

The flags are the ones that `ops/observability/compose.yaml` gives in a container; what differs
(addresses, directories, limits) reaches the servers' own configuration through the environment.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from obsdeck.stack import databases, files, passwords
from obsdeck.stack.components import (
    ALERTMANAGER,
    BY_NAME,
    LOOPBACK,
    POSTGRES_EXPORTER,
    PROMETHEUS,
    REDIS_EXPORTER,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obsdeck.stack.environment import Settings
    from obsdeck.stack.home import Home

PASSED_ON = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"}
    | {"XDG_CACHE_HOME", "XDG_STATE_HOME", "GOMAXPROCS", "GOMEMLIMIT", "GOGC"}
)
"""What the servers get of the caller's environment. Not `OTEL_*`: Tempo and Loki would trace into
themselves with the service's variables; not the rest: it holds other programs' secrets."""

MARK = "OBSDECK_SUPERVISED"
"""In the environment of every process that we start: the home it belongs to, so that none is lost."""


@dataclass(frozen=True)
class Program:
    """One process to supervise.

    Attributes:
        name: Its name with the supervisor, and of its log.
        argv: The program and its arguments.
        directory: Its working directory.
        environment: What it gets besides the common environment; `%(ENV_NAME)s` stands for a variable
            of that, so that a secret is in no file.
    """

    name: str
    argv: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)


def programs(component: str, binary: Path | None, settings: Settings, home: Home) -> tuple[Program, ...]:
    """What runs for a component.

    Args:
        component: Its name.
        binary: Its program; None for what obsdeck itself provides (the embedded trace store, the quickstart).
        settings: Ports, limits.
        home: Where configuration and data lie.
    """
    if component == "quickstart":
        return _quickstart(settings, home)
    argv = (
        _trace_store(settings, home) if binary is None else _ARGUMENTS[component](str(binary), settings, home)
    )
    data = home.data(component)
    program = Program(component, tuple(argv), data)
    if component == "loki":
        script = files.observability(settings["OBSDECK_CONFIG"]) / "retention" / "retention.sh"
        return (program, Program("retention", ("/bin/sh", str(script)), data))
    return (program,)


def environment(
    settings: Settings, home: Home, *, embedded_traces: bool, base: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The environment of all supervised processes.

    Args:
        settings: Ports, limits, addresses.
        home: Where data lies.
        embedded_traces: Whether traces go to the embedded store, which takes OTLP on Tempo's own port.
        base: The caller's environment; `os.environ` by default.
    """
    base = os.environ if base is None else base
    passed = {name: value for name, value in base.items() if name in PASSED_ON or name.startswith("LC_")}
    urls = {
        f"OBSDECK_{name.upper()}_URL": BY_NAME[name].url(settings)
        for name in ("prometheus", "loki", "tempo", "alertmanager", "grafana")
    }
    otlp = "OBSDECK_TEMPO_PORT" if embedded_traces else "OBSDECK_TEMPO_OTLP_PORT"
    data = {f"OBSDECK_{name.upper().replace('-', '_')}_DATA": str(home.data(name)) for name in BY_NAME}
    return {
        **passed,
        **settings.public(),
        **urls,
        **data,
        "OBSDECK_BIND": LOOPBACK,
        # For a script that needs what only Python does alike on every machine.
        "OBSDECK_PYTHON": sys.executable,
        "OBSDECK_TEMPO_OTLP_URL": f"http://{LOOPBACK}:{settings[otlp]}",
        "OBSDECK_OTLP_TOKEN": settings["OBSDECK_OTLP_TOKEN"],
        # Grafana reads the file itself, so the password is in no environment and no argument.
        "GF_SECURITY_ADMIN_PASSWORD": f"$__file{{{passwords.grafana_file(home)}}}",
        "GF_PATHS_PROVISIONING": str(home.etc("grafana") / "provisioning"),
        "OBSDECK_GENERATED": str(home.etc("generated")),
        MARK: str(home.root),
    }


def collector_files(values: Mapping[str, str]) -> list[str]:
    """The names of the collector's files, each merged over those before it.

    Args:
        values: Settings by name, or the environment made from them.
    """
    asked = {
        "auth.yaml": values.get("OBSDECK_OTLP_TOKEN"),
        "sampling.yaml": values.get("OBSDECK_TRACES_KEPT_PERCENT", "100") != "100",
    }
    return ["config.yaml", *(name for name, wanted in asked.items() if wanted)]


def _collector(binary: str, settings: Settings, home: Home) -> list[str]:
    etc = home.etc("collector")
    return [binary, *(f"--config={etc / name}" for name in collector_files(settings.values))]


def _prometheus(binary: str, settings: Settings, home: Home) -> list[str]:
    return [
        binary,
        f"--config.file={home.etc('prometheus') / 'prometheus.yml'}",
        f"--storage.tsdb.path={home.data('prometheus')}",
        f"--storage.tsdb.retention.time={settings['OBSDECK_METRICS_RETENTION']}",
        f"--storage.tsdb.retention.size={settings['OBSDECK_METRICS_MAX_SIZE']}",
        f"--web.listen-address={LOOPBACK}:{settings['OBSDECK_PROMETHEUS_PORT']}",
        f"--web.external-url={PROMETHEUS.url(settings)}",
        "--web.enable-lifecycle",
        "--web.enable-otlp-receiver",
        "--web.enable-remote-write-receiver",
        "--enable-feature=exemplar-storage",
        "--log.level=warn",
    ]


def _loki(binary: str, _settings: Settings, home: Home) -> list[str]:
    return [
        binary,
        "-target=all",
        f"-config.file={home.etc('loki') / 'loki.yaml'}",
        "-config.expand-env=true",
    ]


def _tempo(binary: str, _settings: Settings, home: Home) -> list[str]:
    return [binary, f"-config.file={home.etc('tempo') / 'tempo.yaml'}", "-config.expand-env=true"]


def _trace_store(settings: Settings, home: Home) -> list[str]:
    return [
        sys.executable,
        "-m",
        "obsdeck.tracestore",
        f"--data={home.data('tempo')}",
        f"--listen={LOOPBACK}:{settings['OBSDECK_TEMPO_PORT']}",
        f"--retention={settings['OBSDECK_TRACES_RETENTION']}",
        f"--max-size={settings['OBSDECK_TRACES_MAX_SIZE']}",
    ]


def _alertmanager(binary: str, settings: Settings, home: Home) -> list[str]:
    return [
        binary,
        f"--config.file={home.etc('alertmanager') / 'alertmanager.yml'}",
        f"--storage.path={home.data('alertmanager')}",
        f"--web.listen-address={LOOPBACK}:{settings['OBSDECK_ALERTMANAGER_PORT']}",
        f"--web.external-url={ALERTMANAGER.url(settings)}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]


def _grafana(binary: str, _settings: Settings, home: Home) -> list[str]:
    return [
        binary,
        "server",
        f"--homepath={_grafana_home(binary)}",
        f"--config={home.etc('grafana') / 'grafana.ini'}",
    ]


def _grafana_home(binary: str) -> Path:
    """The folder with `conf/` and `public/`: two levels above `bin/grafana`, links followed."""
    return Path(binary).resolve().parents[1]


def _node_exporter(binary: str, settings: Settings, _home: Home) -> list[str]:
    return [
        binary,
        f"--web.listen-address={LOOPBACK}:{settings['OBSDECK_NODE_EXPORTER_PORT']}",
        "--log.level=warn",
    ]


def _postgres_exporter(binary: str, settings: Settings, home: Home) -> list[str]:
    return [
        *_with_address("DATA_SOURCE_NAME", databases.file(POSTGRES_EXPORTER, home)),
        binary,
        f"--web.listen-address={LOOPBACK}:{settings['OBSDECK_POSTGRES_EXPORTER_PORT']}",
        "--config.file=/dev/null",
        "--collector.database_wraparound",
        "--collector.long_running_transactions",
        "--collector.postmaster",
        "--collector.stat_activity_autovacuum",
        "--collector.stat_checkpointer",
        "--collector.stat_statements",
        "--collector.stat_wal_receiver",
        "--log.level=error",
    ]


def _redis_exporter(binary: str, settings: Settings, home: Home) -> list[str]:
    return [
        *_with_address("REDIS_ADDR", databases.file(REDIS_EXPORTER, home)),
        binary,
        f"--web.listen-address={LOOPBACK}:{settings['OBSDECK_REDIS_EXPORTER_PORT']}",
        "--include-system-metrics",
        "--connection-timeout=5s",
    ]


def _with_address(variable: str, file: Path) -> list[str]:
    """What stands before a command that reads an address with a password from its environment.

    Neither arguments nor the supervisor's file and environment hold it, only that one process.
    """
    return ["/bin/sh", "-c", f'IFS= read -r {variable} <"$0" && export {variable} && exec "$@"', str(file)]


def _quickstart(settings: Settings, home: Home) -> tuple[Program, ...]:
    folder = files.root() / "examples" / "quickstart"
    port = settings["OBSDECK_QUICKSTART_PORT"]
    serve = ("-m", "uvicorn", "app:app", "--app-dir", str(folder), "--host", LOOPBACK, "--port", port)
    ask = ("-m", "obsdeck.stack.traffic", f"http://{LOOPBACK}:{port}")
    return (
        Program("quickstart", (sys.executable, *serve), home.data("quickstart"), _otlp(settings)),
        Program("traffic", (sys.executable, *ask), home.data("quickstart")),
    )


def _otlp(settings: Settings) -> dict[str, str]:
    """How a service of ours reaches the collector, in OpenTelemetry's own variables."""
    otlp = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{LOOPBACK}:{settings['OBSDECK_OTLP_HTTP_PORT']}"}
    if settings["OBSDECK_OTLP_TOKEN"]:
        otlp["OTEL_EXPORTER_OTLP_HEADERS"] = "authorization=Bearer%%20%(ENV_OBSDECK_OTLP_TOKEN)s"
    return otlp


_ARGUMENTS = {
    "collector": _collector,
    "prometheus": _prometheus,
    "loki": _loki,
    "tempo": _tempo,
    "alertmanager": _alertmanager,
    "grafana": _grafana,
    "node-exporter": _node_exporter,
    "postgres-exporter": _postgres_exporter,
    "redis-exporter": _redis_exporter,
}
