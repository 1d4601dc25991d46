from __future__ import annotations

import subprocess
import sys

import pytest

import obsdeck


def test_the_public_names_are_these_and_all_are_there() -> None:
    assert obsdeck.__all__ == ["get_logger", "instrument", "meter", "tracer"]
    assert set(obsdeck.__all__) <= set(dir(obsdeck))
    for name in obsdeck.__all__:
        assert callable(getattr(obsdeck, name))
        assert getattr(obsdeck, name).__doc__


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'instrumnt'"):
        obsdeck.instrumnt  # noqa: B018


def _loaded(code: str) -> set[str]:
    heavy = ("opentelemetry", "fastapi", "starlette", "prometheus_client", "typer", "pydantic")
    code += f"\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}} & set({heavy!r}))"
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert _loaded("import obsdeck") == set()


def test_settings_are_read_without_opentelemetry() -> None:
    assert _loaded("import obsdeck.telemetry.settings") == set()


def test_an_application_counts_and_traces_without_the_sdk() -> None:
    code = """
import sys
from obsdeck import meter, tracer
meter("x").create_counter("y").add(1)
tracer("x").start_span("z").end()
assert not [name for name in sys.modules if name.startswith("opentelemetry.sdk")]
"""
    assert _loaded(code) == {"opentelemetry"}
