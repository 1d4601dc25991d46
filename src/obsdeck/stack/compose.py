"""The docker runtime: the same components from public images, by `docker compose`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

from obsdeck.errors import FailedError, MissingError
from obsdeck.stack import files, health

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from obsdeck.stack.components import Component
    from obsdeck.stack.environment import Settings

PROJECT = "obsdeck"
READY_SECONDS = 300
"""Images may have to be pulled first."""


def engine_version() -> str:
    """The version of a Docker engine that answers and has compose, empty where there is none."""
    if not shutil.which("docker"):
        return ""
    version = _answer(["docker", "version", "--format", "{{.Server.Version}}"])
    return version if version and _answer(["docker", "compose", "version"]) else ""


def start(
    components: Sequence[Component],
    settings: Settings,
    ready: Callable[[str, float], None],
    *,
    offline: bool,
) -> None:
    """Bring these components up and wait until each answers on its published port.

    Args:
        components: What must run; they are the services' names in the compose file.
        settings: Ports, limits.
        ready: Told each component's name and its seconds as it becomes ready.
        offline: Never pull an image.

    Raises:
        MissingError: An image is not there and cannot be pulled.
        FailedError: A container ended or was not ready in time; its last lines are the reason.
    """
    began = time.monotonic()
    names = [component.name for component in components]
    pull = ["--pull", "never"] if offline else []
    done = _compose(settings, "up", "--detach", "--quiet-pull", *pull, *names)
    if done.returncode:
        raise _not_started(settings, done.stderr)
    pending = {component.name: component for component in components}
    while pending:
        for name, component in list(pending.items()):
            if health.is_ready(component.ready_url(settings)):
                del pending[name]
                ready(name, time.monotonic() - began)
        dead = [
            name
            for name, state in states(settings).items()
            if state in {"exited", "dead"} and name in pending
        ]
        late = time.monotonic() - began > READY_SECONDS
        if dead or (pending and late):
            name = dead[0] if dead else next(iter(pending))
            lines = logs(settings, [name], tail=15)
            stop(settings)
            raise FailedError(
                f"{name} ended while it was starting"
                if dead
                else f"{name} was not ready in {READY_SECONDS} s",
                why=lines,
                hint="all components were stopped again",
            )


def stop(settings: Settings, *, wipe: bool = False) -> None:
    """Remove the containers; the volumes stay unless `wipe`.

    Raises:
        FailedError: Compose did not manage to.
    """
    done = _compose(settings, "down", "--remove-orphans", "--timeout", "5", *(["--volumes"] if wipe else []))
    if done.returncode:
        raise FailedError("docker compose down failed", why=done.stderr.strip()[-1000:])


def states(settings: Settings) -> dict[str, str]:
    """Compose's word for the state of each service: running, exited, restarting, ..."""
    done = _compose(settings, "ps", "--all", "--format", "json")
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {row["Service"]: row["State"] for row in rows}


def memory(settings: Settings) -> dict[str, int]:
    """Resident bytes of each service, as the engine counts them."""
    ids = _compose(settings, "ps", "--quiet").stdout.split()
    if not ids:
        return {}
    done = subprocess.run(
        ["docker", "stats", "--no-stream", "--format", "{{json .}}", *ids],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {
        row["Name"].removeprefix(f"{PROJECT}-").rsplit("-", 1)[0]: _bytes(
            row["MemUsage"].split("/")[0].strip()
        )
        for row in rows
    }


def logs(settings: Settings, names: Iterable[str], tail: int) -> str:
    """The last lines of these services."""
    return _compose(settings, "logs", "--no-color", "--tail", str(tail), *names).stdout


def follow(settings: Settings, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """New lines of these services as they come: the service's name and the line."""
    words = command(settings, "logs", "--no-color", "--follow", "--tail", "0", *names)
    with subprocess.Popen(words, env=_environment(settings), stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            service, _, text = line.rstrip("\n").partition(" | ")
            yield service.strip().removeprefix(f"{PROJECT}-").rsplit("-", 1)[0], text


def command(settings: Settings, *arguments: str) -> list[str]:
    """The full `docker compose` command line."""
    folder = files.observability(settings["OBSDECK_CONFIG"])
    auth = ["--file", str(folder / "compose.auth.yaml")] if settings["OBSDECK_OTLP_TOKEN"] else []
    return [
        "docker", "compose", "--project-name", PROJECT, "--env-file", os.devnull,
        "--file", str(folder / "compose.yaml"), *auth, *arguments,
    ]  # fmt: skip


def _answer(words: list[str]) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if done.returncode else done.stdout.strip()


def _compose(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(settings, *arguments),
        env=_environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )


def _environment(settings: Settings) -> dict[str, str]:
    """Compose reads the same variables as the native runtime; secrets go by environment only."""
    secret = ("OBSDECK_OTLP_TOKEN", "OBSDECK_GRAFANA_PASSWORD")
    return {**os.environ, **settings.public(), **{name: settings[name] for name in secret if settings[name]}}


def _not_started(settings: Settings, complaint: str) -> MissingError | FailedError:
    words = "\n".join(complaint.strip().splitlines()[-6:])
    if any(sign in complaint for sign in ("pull", "no such host", "manifest", "not found", "No such image")):
        return MissingError(
            "an image cannot be had", why=words, hint="obsdeck up --runtime native needs no image"
        )
    stop(settings)
    return FailedError("docker compose up failed", why=words)


def _bytes(text: str) -> int:
    units = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "kB": 1000, "B": 1}
    for unit, size in units.items():
        if text.endswith(unit):
            return int(float(text.removesuffix(unit)) * size)
    return 0
