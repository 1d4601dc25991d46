"""Make or complete the virtual environment `.venv` from the committed, hashed requirements.

    python3 scripts/environment.py stack|dev [--offline]

Standard library only; runs under the system's Python. A stamp in the environment says which requirements
it was made from, so a second run costs milliseconds. Two runs at once: the second waits for the first.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
SETS = {"stack": "stack.txt", "dev": "dev.txt"}
EXIT_MISSING = 3


def main() -> int:
    """Return the exit code: 0 made or up to date, 2 wrong use, 3 something needed is missing."""
    arguments = [word for word in sys.argv[1:] if word != "--offline"]
    if len(arguments) != 1 or arguments[0] not in SETS:
        print(__doc__, file=sys.stderr)
        return 2
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is run by whatever Python the user has
        return missing(
            "Python 3.11 or newer is needed", f"this is {sys.version.split()[0]} ({sys.executable})"
        )
    wanted = fingerprint(arguments[0])
    if is_current(wanted):
        return 0
    if "--offline" in sys.argv:
        return missing("the Python environment is not complete, and --offline forbids to fetch it", str(VENV))
    with (ROOT / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_current(wanted):
            return 0
        return make(arguments[0], wanted)


def fingerprint(name: str) -> str:
    """What the environment is made of; changes when a requirement or the project's metadata does."""
    digest = hashlib.sha256(f"{sys.version}{ROOT}".encode())
    for file in (ROOT / "requirements" / SETS[name], ROOT / "pyproject.toml"):
        digest.update(file.read_bytes())
    return f"{name} {digest.hexdigest()}"


def is_current(wanted: str) -> bool:
    """Whether the environment was completed for this; one made for `dev` serves `stack` too."""
    stamp = VENV / "obsdeck-stamp"
    lines = stamp.read_text().splitlines() if stamp.is_file() else []
    return wanted in lines and (VENV / "bin" / "python").exists()


def make(name: str, wanted: str) -> int:
    """Install everything, with pip's own progress; a broken environment is made anew."""
    began = time.monotonic()
    print(f"making the Python environment in {VENV} (once)", file=sys.stderr)
    python = VENV / "bin" / "python"
    if not works(python):
        shutil.rmtree(VENV, ignore_errors=True)
        done = subprocess.run(
            [sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            shutil.rmtree(VENV, ignore_errors=True)
            return missing(
                "this Python cannot make virtual environments",
                (done.stdout + done.stderr).strip().splitlines()[-1] if done.stdout + done.stderr else "",
                "on Debian and Ubuntu: apt install python3-venv",
            )
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--progress-bar", "on"]
    requirements = ["-r", str(ROOT / "requirements" / SETS[name])]
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    steps = (
        [*pip, *quiet, "--require-hashes", *requirements],
        [*pip, "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
    )
    for step in steps:
        if subprocess.run(step, stdout=sys.stderr, check=False).returncode:
            return missing("the Python packages could not be installed", "pip's words are above")
    current = [wanted] if name == "stack" else [wanted, fingerprint("stack")]
    (VENV / "obsdeck-stamp").write_text("\n".join(current) + "\n")
    print(f"Python environment ready after {time.monotonic() - began:.0f} s", file=sys.stderr)
    return 0


def works(python: Path) -> bool:
    """Whether an environment is there and its pip answers; Ctrl-C may have left half of one."""
    if not python.exists():
        return False
    same = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]!r})"
    return not any(
        subprocess.run([str(python), *words], capture_output=True, check=False).returncode
        for words in (["-c", same], ["-m", "pip", "--version"])
    )


def missing(what: str, why: str, hint: str = "") -> int:
    """Say what is missing, in the form of obsdeck's errors."""
    print(f"error: {what}", file=sys.stderr)
    if why:
        print(f"  | {why}", file=sys.stderr)
    if hint:
        print(f"hint: {hint}", file=sys.stderr)
    return EXIT_MISSING


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\ninterrupted; the next run goes on", file=sys.stderr)
        sys.exit(130)
