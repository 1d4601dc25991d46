"""`obsdeck init`: the stack's files and a service's wiring, written into a user's own repository."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from obsdeck.errors import MissingError, UsageError
from obsdeck.stack import files
from obsdeck.stack.variables import ALERTS, PORTS, PROGRAMS, RETENTION, STACK, Variable

if TYPE_CHECKING:
    from pathlib import Path

_UP = """\
#!/bin/sh
# Bring the observability stack up on this machine: {verb} --help says more.
set -eu
cd "$(dirname "$0")/../.."
export OBSDECK_CONFIG="$PWD/ops/observability"
exec "${{PYTHON:-python3}}" -m obsdeck {verb} "$@"
"""

_WIRING = """\
# Observability of this repository

Install once: `pip install 'obsdeck[stack]'`

In the service, one line after the app is made:

```python
from fastapi import FastAPI
from obsdeck import instrument

app = FastAPI()
instrument(app, service_name="my-service")
```

| command | what it does |
|---|---|
| `scripts/obs/up.sh` | starts the stack and proves that telemetry gets through |
| `scripts/obs/down.sh` | stops them; data stays |
| `python3 -m obsdeck doctor` | names the broken hop when something is missing |
| `docker compose -f ops/observability/compose.yaml up -d --wait` | the same stack without Python |

Settings stand in `.env`; `.env.example` lists all of them. The configuration of each server is in
`ops/observability/<component>/`, yours to change.
"""


@dataclass(frozen=True)
class Written:
    """What `init` did.

    Attributes:
        created: Files that are new, relative to the target.
        kept: Files that were there already and were not touched.
    """

    created: tuple[str, ...]
    kept: tuple[str, ...]


def write(target: Path) -> Written:
    """Write the files that are missing; a file that exists is never changed.

    Args:
        target: The repository's root; must be a directory.

    Raises:
        UsageError: The target is no directory.
        MissingError: A file cannot be written; what was written before stays.
    """
    if not target.is_dir():
        raise UsageError(f"{target} is no directory", hint="name the root of your repository")
    created, kept = [], []
    for relative, content in sorted(_content().items()):
        path = target / relative
        if os.path.lexists(path):
            kept.append(relative)
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(content)
            if path.suffix == ".sh":
                path.chmod(0o755)
        except OSError as error:
            raise MissingError(f"{path} cannot be written", why=str(error)) from error
        created.append(relative)
    return Written(tuple(created), tuple(kept))


def env_example() -> str:
    """`.env.example`: every setting with its default, all commented out."""
    sections = (
        ("Ports, all on 127.0.0.1", PORTS),
        ("Retention of each signal, by age and by size", RETENTION),
        ("The stack itself", STACK),
        ("Who is told of alerts; nobody by default", ALERTS),
        ("Programs of your own", PROGRAMS),
    )
    lines = ["# Settings of the local stack: copy to .env and change what you need."]
    for title, variables in sections:
        lines += ["", f"# --- {title}"]
        lines += [_example(variable) for variable in variables]
    return "\n".join(lines) + "\n"


def _example(variable: Variable) -> str:
    return f"# {variable.meaning} ({variable.kind.allowed})\n#{variable.name}={variable.default}"


def _content() -> dict[str, bytes]:
    shipped = files.observability()
    found = {
        f"ops/observability/{path.relative_to(shipped).as_posix()}": path.read_bytes()
        for path in shipped.rglob("*")
        if path.is_file()
    }
    generated = files.root() / "observability" / "generated"
    found |= {
        f"observability/generated/{path.relative_to(generated).as_posix()}": path.read_bytes()
        for path in generated.rglob("*")
        if path.is_file()
    }
    return {
        **found,
        "ops/observability/README.md": _WIRING.encode(),
        "scripts/obs/up.sh": _UP.format(verb="up").encode(),
        "scripts/obs/down.sh": _UP.format(verb="down").encode(),
        ".env.example": env_example().encode(),
    }
