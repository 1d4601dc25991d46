"""What is checked before anything is started: ports, directories, disk, configuration.

Every check finds all of its faults before it raises, and changes nothing that matters.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
from contextlib import ExitStack
from typing import TYPE_CHECKING

from obsdeck.errors import ConfigError, MissingError, PortInUseError
from obsdeck.stack.commands import collector_files
from obsdeck.stack.processes import end, offspring, port_is_free, port_owner

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from obsdeck.stack.components import Component
    from obsdeck.stack.environment import Settings
    from obsdeck.stack.home import Home

CHECK_SECONDS = 60
"""How long a server may take to judge its configuration; Loki, the slowest, needs 0.3 s."""

PROBE_BYTES = 1 << 20
"""What must still fit into the data directory; enough for every server to write its first files."""


def check_ports(components: Iterable[Component], settings: Settings) -> None:
    """All ports of these components must be free, and no two settings may name the same one.

    Raises:
        PortInUseError: At least one is not; names each port, its variable and the process that holds it.
    """
    variables = [name for component in components for name in component.listens]
    taken = [name for name in variables if not port_is_free(settings.port(name))]
    faults = [
        f"{settings[name]} ({name}) is held by {port_owner(settings.port(name))}"
        for name in dict.fromkeys(taken)
    ]
    ports = [settings[name] for name in variables]
    faults += [
        f"{port} is set for " + " and ".join(name for name in variables if settings[name] == port)
        for port in dict.fromkeys(ports)
        if ports.count(port) > 1
    ]
    if faults:
        raise PortInUseError(
            f"port {faults[0]}",
            why="\n".join(f"port {fault}" for fault in faults[1:]),
            hint="end that process, or give the variable another port in .env; nothing was started",
        )


def check_directory(directory: Path) -> None:
    """A data directory must exist or be made, be writable and have room.

    Raises:
        MissingError: It is not; the system's own words are the reason.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as probe:
            probe.write(b"\0" * PROBE_BYTES)
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        raise MissingError(
            f"the data directory {directory} cannot be written",
            why=str(error),
            hint="make room or change its owner, or set OBSDECK_HOME to another directory",
        ) from error


def check_configuration(home: Home, binaries: Mapping[str, Path], environment: Mapping[str, str]) -> None:
    """Let each server judge its own configuration; skipped where nothing has changed since it was good.

    Args:
        home: Where the configuration lies (`etc/`).
        binaries: Component name to program.
        environment: What the servers will be started with; the files refer to it.

    Raises:
        ConfigError: A server refuses its configuration; file, line and the server's words.
    """
    stamp = home.run / "checked"
    fingerprint = _fingerprint(home, binaries, environment)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == fingerprint:
        return
    validators = {name: validator(name, binary, home, environment) for name, binary in binaries.items()}
    commands = {name: command for name, command in validators.items() if command}
    for name, complaint in _complaints(commands, environment).items():
        if complaint:
            raise _config_error(name, complaint, home)
    stamp.write_text(fingerprint, encoding="utf-8")


def validator(name: str, binary: Path, home: Home, environment: Mapping[str, str]) -> list[str] | None:
    """How a server, or the tool beside it, checks its configuration; None if there is no way."""
    etc = home.etc(name)
    promtool, amtool = binary.with_name("promtool"), binary.with_name("amtool")
    if name == "collector":
        return [str(binary), "validate", *(f"--config={etc / one}" for one in collector_files(environment))]
    if name == "loki":
        return [str(binary), "-verify-config", f"-config.file={etc / 'loki.yaml'}", "-config.expand-env=true"]
    if name == "tempo":
        verify = ["-config.verify=true", "-config.expand-env=true"]
        return [str(binary), *verify, f"-config.file={etc / 'tempo.yaml'}"]
    if name == "prometheus" and promtool.is_file():
        return [str(promtool), "check", "config", str(etc / "prometheus.yml")]
    if name == "alertmanager" and amtool.is_file():
        return [str(amtool), "check-config", str(etc / "alertmanager.yml")]
    return None


def _complaints(commands: Mapping[str, list[str]], environment: Mapping[str, str]) -> dict[str, str]:
    """What each validator complains about, empty if nothing; they run side by side, and end with us."""
    said = {}
    with ExitStack() as running:
        try:
            validators = {}
            for name, command in commands.items():
                try:
                    validators[name] = running.enter_context(_begin(command, environment))
                except OSError as error:
                    said[name] = str(error)
            said |= {name: _complaint(one, commands[name][0]) for name, one in validators.items()}
        except BaseException:  # Ctrl-C and SIGTERM too
            end(offspring(), patience=0)
            raise
    return said


def _begin(command: list[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def _complaint(validator: subprocess.Popen[str], program: str) -> str:
    try:
        said, _ = validator.communicate(timeout=CHECK_SECONDS)
    except subprocess.TimeoutExpired:
        validator.kill()
        return f"{program} did not end within {CHECK_SECONDS} s"
    silent = f"{program} ended with {validator.returncode} and said nothing"
    return (said.strip() or silent) if validator.returncode else ""


def _config_error(name: str, complaint: str, home: Home) -> ConfigError:
    """Point at the user's own file, not at the copy that was checked."""
    from obsdeck.stack.files import observability  # noqa: PLC0415 - only where there is something to report

    path = next((path for path in sorted(home.etc(name).glob("*.y*ml")) if path.name in complaint), None)
    main = {"collector": "config.yaml", "prometheus": "prometheus.yml", "alertmanager": "alertmanager.yml"}
    file = path.name if path else main.get(name, f"{name}.yaml")
    line = re.search(r"\bline (\d+)", complaint)
    return ConfigError(
        f"{name} refuses its configuration",
        path=observability(os.environ.get("OBSDECK_CONFIG", "")) / name / file,
        line=int(line[1]) if line else 0,
        why="\n".join(complaint.splitlines()[-8:]),
        hint=f"correct the file; `obsdeck config {name}` prints it with all values filled in",
    )


def _fingerprint(home: Home, binaries: Mapping[str, Path], environment: Mapping[str, str]) -> str:
    digest = hashlib.sha256(repr(sorted(environment.items())).encode())
    for name, binary in sorted(binaries.items()):
        digest.update(f"{binary}{binary.stat().st_mtime_ns}".encode())
        for path in sorted(home.etc(name).rglob("*")):
            if path.is_file():
                digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
