"""The docker runtime: the same components from public images, by `docker compose`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

from obsdeck.errors import FailedError, MissingError
from obsdeck.stack import files, health, supervisor
from obsdeck.stack.components import ON_REQUEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from obsdeck.stack.components import Component
    from obsdeck.stack.environment import Settings

PROJECT = "obsdeck"
BESIDE = ("retention",)
"""Services that are no component, and that no component waits for."""

READY_SECONDS = 300
"""Images may have to be pulled first."""

KILLED = 128 + 9
"""The exit code of a container that was ended by SIGKILL."""


def engine_version() -> str:
    """The version of a Docker engine that answers and has compose, empty where there is none."""
    if not shutil.which("docker"):
        return ""
    version = _answer(["docker", "version", "--format", "{{.Server.Version}}"])
    return version if version and _answer(["docker", "compose", "version"]) else ""


def pull(components: Sequence[Component], settings: Settings, *, offline: bool) -> dict[str, str]:
    """Have the images of these components; those that are here are not asked for again.

    Args:
        components: They are the services' names in the compose file.
        settings: Names the compose file.
        offline: Reach out to nobody.

    Returns:
        Name of each optional component whose image cannot be had, with the reason.

    Raises:
        MissingError: The image of a component that is not optional cannot be had.
    """
    images = _images(settings)
    missing = {}
    for component in components:
        if _answer(["docker", "image", "inspect", "--format", "{{.Id}}", images[component.name]]):
            continue
        reason = "nothing was pulled: --offline"
        if not offline:
            done = _compose(settings, "pull", "--quiet", component.name)
            if not done.returncode:
                continue
            reason = (done.stderr.strip().splitlines() or ["docker compose pull failed"])[-1]
        missing[component.name] = f"{images[component.name]}: {reason}"
        if not component.optional:
            raise MissingError(
                f"the image of {component.title} cannot be had",
                why=missing[component.name],
                hint="obsdeck up --runtime native needs no image",
            )
    return missing


def start(
    components: Sequence[Component],
    settings: Settings,
    given: Mapping[str, str],
    ready: Callable[[str, float], None],
) -> None:
    """Bring these components up and wait until each answers on its published port.

    If one cannot be, those that were started are ended, and no other.

    Args:
        components: What must run; their images are here.
        settings: Ports, limits.
        given: Variables for the compose file that no setting holds: secrets, and a folder.
        ready: Told each component's name and its seconds as it becomes ready.

    Raises:
        FailedError: A container ended or was not ready in time; its last lines are the reason.
    """
    before = states(settings)
    try:
        _start(components, settings, given, ready)
    except BaseException:  # Ctrl-C and SIGTERM too
        _take_back(before, settings)
        raise


def _start(
    components: Sequence[Component],
    settings: Settings,
    given: Mapping[str, str],
    ready: Callable[[str, float], None],
) -> None:
    began = time.monotonic()
    names = [component.name for component in components]
    done = _compose(settings, "up", "--detach", "--pull", "never", *names, *BESIDE, given=given)
    if done.returncode:
        words = "\n".join(done.stderr.strip().splitlines()[-6:])
        raise FailedError(
            "docker compose up failed", why=words, hint="what had been started was stopped again"
        )
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
            raise FailedError(
                f"{name} ended while it was starting"
                if dead
                else f"{name} was not ready in {READY_SECONDS} s",
                why=lines,
                hint="what had been started was stopped again",
            )


def _take_back(before: Mapping[str, str], settings: Settings) -> None:
    started = [name for name, state in states(settings).items() if state != before.get(name)]
    if "running" not in before.values():
        stop(settings)
    elif started:
        _compose(settings, "rm", "--force", "--stop", *started)


def stop(settings: Settings, *, wipe: bool = False) -> list[str]:
    """Remove the containers; the volumes stay unless `wipe`.

    Returns:
        Names of services that had to be killed; what a server had not yet written is lost then.

    Raises:
        FailedError: Compose did not manage to.
    """
    grace = str(supervisor.STOP_SECONDS)
    running = {name for name, state in states(settings).items() if state == "running"}
    # Stopped first and looked at, because a container that is gone tells nothing.
    _compose(settings, "stop", "--timeout", grace)
    killed = [row["Service"] for row in _rows(settings) if row["ExitCode"] == KILLED]
    done = _compose(
        settings, "down", "--remove-orphans", "--timeout", grace, *(["--volumes"] if wipe else [])
    )
    if done.returncode:
        raise FailedError("docker compose down failed", why=done.stderr.strip()[-1000:])
    return [name for name in killed if name in running]


def states(settings: Settings) -> dict[str, str]:
    """Compose's word for the state of each service: running, exited, restarting, ..."""
    return {row["Service"]: row["State"] for row in _rows(settings)}


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
    return _compose(settings, "logs", "--no-color", "--no-log-prefix", "--tail", str(tail), *names).stdout


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
    # Who is to run is named; without their profiles some would not be known to `ps` and `stop`.
    profiles = [f"--profile={component.watches}" for component in ON_REQUEST]
    return [
        "docker", "compose", "--project-name", PROJECT, "--env-file", os.devnull, *profiles,
        "--file", str(folder / "compose.yaml"), *arguments,
    ]  # fmt: skip


def _rows(settings: Settings) -> list[dict[str, Any]]:
    """The containers that there are, running or not."""
    done = _compose(settings, "ps", "--all", "--format", "json")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def _answer(words: list[str]) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if done.returncode else done.stdout.strip()


def _images(settings: Settings) -> dict[str, str]:
    """The image of each service, as compose reads its file."""
    services = json.loads(_compose(settings, "config", "--format", "json").stdout)["services"]
    return {name: service["image"] for name, service in services.items()}


def _compose(
    settings: Settings, *arguments: str, given: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(settings, *arguments),
        env={**_environment(settings), **(given or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def _environment(settings: Settings) -> dict[str, str]:
    """Compose reads the same variables as the native runtime; secrets go by environment only."""
    # The compose file adds a file of the collector for each of these that is set at all.
    kept = settings["OBSDECK_TRACES_KEPT_PERCENT"]
    adding = {
        "OBSDECK_OTLP_TOKEN": settings["OBSDECK_OTLP_TOKEN"],
        "OBSDECK_TRACES_KEPT_PERCENT": "" if kept == "100" else kept,
    }
    generated = {"OBSDECK_GENERATED": str(files.generated(settings.values))}
    given = {**os.environ, **settings.public(), **generated, **adding}
    return {name: value for name, value in given.items() if value or name not in adding}


def _bytes(text: str) -> int:
    units = {"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10, "kB": 1000, "B": 1}
    for unit, size in units.items():
        if text.endswith(unit):
            return int(float(text.removesuffix(unit)) * size)
    return 0
