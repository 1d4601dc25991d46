"""Install each extra alone, then all together, into environments of their own, and run its tests there.

    scripts/extras.py [EXTRA ...] [--lowest]

The versions are those of requirements/dev.txt; with `--lowest`, the oldest that pyproject.toml allows. Run by
`.venv/bin/python`; needs a package index, and some minutes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = ROOT / ".venv" / "bin" / "uv"
EXTRAS = ("asyncpg", "httpx", "redis", "sqlalchemy", "all")
# What the tests need besides; none of it brings a library of an extra.
NEEDED = ("greenlet", "pytest", "pytest-timeout", "uvicorn")
SDK = "opentelemetry-sdk>=1.45.2"
TESTS = "tests/unit/telemetry/libraries"


def main() -> int:
    """Return the exit code: 0 all pass, 1 one does not."""
    words = [word for word in sys.argv[1:] if word != "--lowest"]
    if set(words) - set(EXTRAS):
        print(__doc__, file=sys.stderr)
        return 2
    failed = [extra for extra in words or EXTRAS if not passes(extra, lowest="--lowest" in sys.argv)]
    print("extras: " + (f"failed: {', '.join(failed)}" if failed else "all pass"))
    return int(bool(failed))


def passes(extra: str, *, lowest: bool) -> bool:
    """Whether the extra can be installed beside the SDK, and its tests pass."""
    with tempfile.TemporaryDirectory(prefix="obsdeck-extra-") as folder:
        python = Path(folder) / "venv" / "bin" / "python"
        run(str(UV), "venv", "--quiet", "--python", sys.executable, str(python.parents[1]))
        install = [str(UV), "pip", "install", "--quiet", "--python", str(python)]
        locked = ["--constraints", constraints(folder)]
        versions = ["--resolution", "lowest-direct"] if lowest else locked
        print(f"== {extra}", flush=True)
        if (
            run(*install, *locked, *NEEDED)
            or run(*install, *versions, f"{ROOT}[{extra}]", SDK)
            or run(str(UV), "pip", "check", "--quiet", "--python", str(python))
        ):
            return False
        tests = TESTS if extra == "all" else f"{TESTS}/test_{extra}.py"
        # Not the suite's own conftest.py: it imports the stack, which brings httpx.
        options = ("-q", "--confcutdir", "tests/unit/telemetry", "-p", "no:cacheprovider")
        return run(str(python), "-m", "pytest", *options, tests) == 0


def constraints(folder: str) -> str:
    """The locked versions without their hashes, which pin the locked set and nothing beside it."""
    locked = (ROOT / "requirements" / "dev.txt").read_text()
    pins = re.findall(r"^[\w.-]+==[^\\\n]+", locked, re.MULTILINE)
    path = Path(folder) / "constraints.txt"
    path.write_text("".join(f"{pin}\n" for pin in pins))
    return str(path)


def run(*command: str) -> int:
    """The exit code of a command; its output is ours."""
    # The development environment has a redis-server for the tests.
    path = os.pathsep.join((str(UV.parent), os.environ["PATH"]))
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"PATH": path}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
