"""`retention.sh` and a real Loki; what it does with files is in `tests/unit/stack/test_retention.py`."""

from __future__ import annotations

import base64
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest

from obsdeck.stack import commands, files

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Stack

pytestmark = pytest.mark.stack

SCRIPT = files.observability() / "retention" / "retention.sh"


def test_loki_takes_the_request_for_deletion(stack: Stack, tmp_path: Path) -> None:
    """A made-up chunk that ends on 1 January 2020, before anything that other tests have logged."""
    name = base64.b64encode(f"{1577836800000:x}:{1577840400000:x}:213599a5".encode()).decode()
    chunk = tmp_path / "chunks" / "fake" / "5ac3296b6e864f92" / name
    chunk.parent.mkdir(parents=True)
    chunk.write_bytes(bytes(1_100_000))
    natively = commands.environment(stack.settings, stack.home, embedded_traces=True)
    environ = {**natively, "OBSDECK_LOKI_DATA": str(tmp_path), "OBSDECK_LOGS_MAX_SIZE": "1MB"}
    url = f"{stack.urls['loki']}/loki/api/v1/delete"
    with subprocess.Popen(["/bin/sh", SCRIPT, "0.5"], env=environ) as process:
        try:
            stack.until(lambda: httpx.get(url).json())
        finally:
            process.terminate()
    asked = httpx.get(url).json()[0]
    assert asked["query"] == '{service_name=~".+"}'
    assert asked["start_time"] == 1_000_000_000
    assert asked["end_time"] == 1577840400
