"""Write the pages that follow from the code: settings, command line, components, `.env.example`.

    python scripts/generate_reference.py [--check]

With `--check` nothing is written; the exit code is 1 and the stale files are named if any differs.
"""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pack_reference

from obsdeck import instrument
from obsdeck.packs.checks.registry import SECTIONS
from obsdeck.stack.components import ALL, Component
from obsdeck.stack.install import load_versions
from obsdeck.stack.scaffold import env_example
from obsdeck.stack.variables import ALERTS, PORTS, PROGRAMS, RETENTION, STACK, Variable
from obsdeck.telemetry.settings import ARGUMENTS
from obsdeck.telemetry.settings import Variable as ServiceVariable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obsdeck.packs.checks.registry import Check

ROOT = Path(__file__).resolve().parents[1]
STANDARD = ROOT / "scripts" / "standard_variables.toml"
SIGNALS = ("TRACES", "METRICS", "LOGS")
MADE = "<!-- Written by scripts/generate_reference.py; change the code, then run `just reference`. -->\n"
VERBS = (
    *("up", "status", "logs", "doctor", "trace", "run", "down"),
    *("generate", "check", "lineage", "config", "install", "init", "version"),
)


def main() -> int:
    """Write or compare; the exit code."""
    stale = []
    for path, text in pages().items():
        file = ROOT / path
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            continue
        stale.append(path)
        if "--check" not in sys.argv:
            file.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{'stale' if '--check' in sys.argv else 'written'}: {path}")
    return 1 if stale and "--check" in sys.argv else 0


def pages() -> dict[str, str]:
    """Every generated file: its path in the repository and its text."""
    return {
        ".env.example": env_example(),
        "docs/reference/settings.md": settings(),
        "docs/reference/components.md": components(),
        "docs/reference/cli.md": command_line(),
        "docs/checks/README.md": checks(),
        **pack_reference.pages(MADE),
    }


def settings() -> str:
    """All variables of the stack and of the library."""
    sections = (
        ("Ports", "All on 127.0.0.1.", PORTS),
        ("Retention", "Each signal is limited by age and by size.", RETENTION),
        ("Stack", "", STACK),
        ("Alerts", "Who is told; nobody by default. [The guide](../guides/alerts.md) has examples.", ALERTS),
        ("Programs", "A program that you name is used as it is; none is looked for elsewhere.", PROGRAMS),
    )
    text = (
        f"# Settings\n\n{MADE}\n"
        "A setting is read from the environment, else from `.env` in the working directory (or the file\n"
        "that `--env-file` names), else it has its default. `obsdeck config` prints which one won. A\n"
        "misspelt `OBSDECK_` name or a value that is not allowed ends every command with exit code 2.\n"
    )
    for title, remark, variables in sections:
        text += f"\n## {title}\n\n" + (f"{remark}\n\n" if remark else "") + _table(variables)
    return text + service()


def service() -> str:
    """What `instrument` can be told: by arguments, by variables, and what it lets OpenTelemetry read."""
    arguments = inspect.signature(instrument).parameters
    standard = standard_variables()
    return (
        "\n## In a service\n\n"
        "`instrument(app)` reads the environment of the service, and no `.env`. An argument wins over its\n"
        "variable, that over the default; an empty variable is not set. Lists may be lists in an argument.\n"
        "What happens to a wrong value is in [the guide](../guides/instrument.md#what-can-be-set).\n"
        "\n### Arguments of instrument\n\n"
        + _service_table({name: row for name, row in ARGUMENTS.items() if name in arguments}, arguments=True)
        + "\n### By variables alone\n\n"
        + _service_table({name: row for name, row in ARGUMENTS.items() if name not in arguments})
        + "\n### Standard variables that OpenTelemetry reads itself\n\n"
        "They mean what OpenTelemetry says. `SIGNAL` stands for `TRACES`, `METRICS` or `LOGS`.\n\n"
        + _standard_table("effect", standard["kept"])
        + "\n### Standard variables without effect\n\n"
        + _standard_table("instead", standard["unused"])
    )


def standard_variables() -> dict[str, list[dict[str, Any]]]:
    """The groups `kept` and `unused`, each a list of rows with `names`."""
    with STANDARD.open("rb") as file:
        return tomllib.load(file)


def spelt_out(names: list[str]) -> list[str]:
    """The names with each signal in the place of `SIGNAL`."""
    return [
        name.replace("_SIGNAL_", f"_{signal}_")
        for name in names
        for signal in (SIGNALS if "_SIGNAL_" in name else SIGNALS[:1])
    ]


def _service_table(rows: dict[str, ServiceVariable], *, arguments: bool = False) -> str:
    lines = ["| variable | default | sets | allowed |", "|---|---|---|---|"]
    if arguments:
        lines = ["| argument " + lines[0], "|---" + lines[1]]
    for name, row in rows.items():
        default = f"`{row.default}`" if row.default else "not set"
        line = f"| `{row.name}` | {default} | {row.meaning} | {row.allowed} |"
        lines.append(f"| `{name}` {line}" if arguments else line)
    return "\n".join(lines) + "\n"


def _standard_table(column: str, rows: list[dict[str, Any]]) -> str:
    lines = [f"| variable | {column} |", "|---|---|"]
    for row in rows:
        names = ", ".join(f"`{name}`" for name in row["names"])
        lines.append(f"| {names} | {row[column]} |")
    return "\n".join(lines) + "\n"


def _table(variables: tuple[Variable, ...]) -> str:
    rows = ["| variable | default | sets | allowed |", "|---|---|---|---|"]
    for one in variables:
        default = f"`{one.default}`" if one.default else "not set"
        rows.append(f"| `{one.name}` | {default} | {one.meaning} | {one.kind.allowed} |")
    return "\n".join(rows) + "\n"


def components() -> str:
    """Versions, images and readiness of every component."""
    versions = load_versions()
    rows = ["| component | version | readiness | ports |", "|---|---|---|---|"]
    for one in ALL:
        version = versions[one.name].version if one.name in versions else "obsdeck's own"
        rows.append(f"| {one.title} (`{one.name}`) | {version} | {_readiness(one)} | {_ports(one)} |")
    return (
        f"# Components\n\n{MADE}\n"
        "The same versions run in both runtimes and in continuous integration: `ops/versions.toml`.\n\n"
        + "\n".join(rows)
        + "\n"
    )


def _readiness(component: Component) -> str:
    variable, path = component.ready
    return f"`{path}` on `{variable}`"


def _ports(component: Component) -> str:
    return ", ".join(f"`{name}`" for name in component.listens)


def checks() -> str:
    """The index of the checks' pages: what is written by hand, then every check."""
    above = (ROOT / "docs/checks/README.md").read_text(encoding="utf-8").partition(MADE)[0]
    return above + MADE + "".join(f"\n### {title}\n\n{_checks(group)}" for title, group in SECTIONS.items())


def _checks(group: Mapping[str, Check]) -> str:
    rows = ["| id | says | severity | can be silenced |", "|---|---|---|---|"]
    rows += [
        f"| [{name}]({name}.md) | {one.title} | {one.severity} | {'yes' if one.can_be_silenced else 'no'} |"
        for name, one in group.items()
    ]
    return "\n".join(rows) + "\n"


def command_line() -> str:
    """`--help` of every verb."""
    text = f"# Command line\n\n{MADE}\n```text\n{_help()}```\n"
    return text + "".join(f"\n## obsdeck {verb}\n\n```text\n{_help(verb)}```\n" for verb in VERBS)


def _help(*words: str) -> str:
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    command = [sys.executable, "-m", "obsdeck", *words, "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines()) + "\n"


if __name__ == "__main__":
    sys.exit(main())
