"""Programs in processes of their own: OpenTelemetry's providers are set once in each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def program(code: str, **variables: str) -> list[str]:
    """The lines that a Python program prints, errors and all, with nobody's settings but these."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        # Nothing of a test goes to a collector that happens to run here.
        env={"PATH": os.defpath, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout.splitlines()
