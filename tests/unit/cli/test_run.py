from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from obsdeck.cli.run import instrumented
from obsdeck.telemetry import bootstrap

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = next(iter(bootstrap.__path__))


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "obsdeck", "run", *command],
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )


def test_exit_code_and_output_are_the_commands() -> None:
    done = run("--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")


def test_the_dashes_may_be_left_out_and_options_are_the_commands() -> None:
    assert run("echo", "--help", "-x", "--", "y").stdout == "--help -x -- y\n"


def test_a_signal_reaches_the_command_itself() -> None:
    command = [sys.executable, "-m", "obsdeck", "run", "--", "sh", "-c", "echo $$; exec sleep 60"]
    with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid
        process.terminate()
        assert process.wait(30) == -signal.SIGTERM


def test_a_command_whose_reader_has_gone_ends_quietly() -> None:
    done = run("--", "sh", "-c", "yes | head -n 1")
    assert (done.stdout, done.stderr) == ("y\n", "")


def test_a_file_that_cannot_be_run_is_missing(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    done = run("--", str(tmp_path / "plain"))
    assert done.returncode == 3
    assert "Permission denied" in done.stderr


def test_wrong_settings_stop_a_strict_service_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBSDECK_METRICS_MODE", "strict")
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "paper")
    done = run("--", "echo", "started")
    assert (done.returncode, done.stdout) == (2, "")
    assert "OTEL_LOGS_EXPORTER is 'paper'" in done.stderr


@pytest.mark.parametrize(
    ("before", "path"),
    [({}, FOLDER), ({"PYTHONPATH": ""}, FOLDER), ({"PYTHONPATH": "a:b"}, os.pathsep.join([FOLDER, "a:b"]))],
)
def test_the_folder_comes_before_what_pythonpath_had(before: dict[str, str], path: str) -> None:
    assert instrumented({"HOME": "/x", **before}) == {"HOME": "/x", "PYTHONPATH": path}
