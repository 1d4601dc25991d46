from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.stack.install import answers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COMPONENTS = """buildinfo:
    command: otelcol
    version: 0.155.0
receivers:
    - name: otlp
      module: example.invalid/otlpreceiver v0.155.0
      stability:
        logs: Stable
processors:
    - name: memory_limiter
extensions:
    - name: file_storage
providers:
    - scheme: env
"""


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    def of(body: str) -> Path:
        path = tmp_path / "a program"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return of


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("prometheus, version 3.15.0 (branch: HEAD, revision: abc)", "3.15.0"),
        ("tempo, version v3.0.3 (branch: HEAD, revision: abc)", "3.0.3"),
        ("otelcol-contrib version 0.155.0", "0.155.0"),
        ("grafana version 13.2.3", "13.2.3"),
        ("Version 13.2.3 (commit: abc, branch: main)", "13.2.3"),
        ('msg="Redis Metrics Exporter v1.93.0    build date: 2026-10-01"', "1.93.0"),
        ('msg="Redis Metrics Exporter 1.45.0-2+b4    build date: 20230409"', "1.45.0"),
        ("loki, version 3.8.0-rc.1 (branch: x)", "3.8.0"),
        ("loki, version  (branch: , revision: unknown)\n  go version:       go1.26.8", ""),
        ("hello", ""),
    ],
)
def test_a_program_says_its_version(program: Any, said: str, version: str) -> None:
    assert answers.ask(program(f"cat <<'X'\n{said}\nX")).version == version


def test_a_version_on_standard_error_counts_too(program: Any) -> None:
    assert answers.ask(program("echo 'prometheus, version 2.42.0' >&2")).version == "2.42.0"


def test_a_collector_lists_what_it_is_made_of(program: Any) -> None:
    answer = answers.ask(program(f"cat <<'X'\nversion 0.155.0\n{COMPONENTS}X"), parts=True)
    assert answer.parts == {"receivers/otlp", "processors/memory_limiter", "extensions/file_storage"}


def test_a_program_that_fails_or_does_not_run_is_a_fault(program: Any, tmp_path: Path) -> None:
    assert "exit status 3" in answers.ask(program("exit 3")).fault
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF of another machine")
    broken.chmod(0o755)
    assert answers.ask(broken).fault


def test_a_program_that_hangs_is_not_waited_for(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "ANSWER_SECONDS", 0.2)
    assert "timed out" in answers.ask(program("exec sleep 30")).fault


def test_a_program_is_asked_once_until_it_changes(program: Any, home: Any) -> None:
    asked = program('echo x >> "$0.count"; echo version 1.2.3')
    count = asked.with_name("a program.count")
    for _ in range(3):
        assert answers.remembered(asked, home.cache).version == "1.2.3"
    assert count.read_text() == "x\n"
    changed = program('echo x >> "$0.count"; echo the version 1.2.4')
    assert answers.remembered(changed, home.cache).version == "1.2.4"
    assert count.read_text() == "x\nx\n"


def test_a_fault_is_not_remembered(program: Any, home: Any) -> None:
    assert answers.remembered(program("exit 3"), home.cache).fault
    assert not (home.cache / "answers.json").exists()
