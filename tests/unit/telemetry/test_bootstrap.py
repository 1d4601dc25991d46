from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from obsdeck.telemetry import bootstrap

from .conftest import environment, serving, until

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Sink

RUN = (sys.executable, "-m", "obsdeck", "run", "--")
REQUESTS = 20

APP = """
import logging
from fastapi import FastAPI

app = FastAPI(title="till")
inner = FastAPI()
app.mount("/inner", inner)

@app.get("/x")
async def x():
    logging.getLogger("till").warning("asked")

@inner.get("/metrics")
async def y():
    return "its own"
"""

INSTRUMENTED = APP + 'from obsdeck import instrument\ninstrument(app, service_name="by-hand")\n'


@pytest.mark.parametrize("arguments", [(), ("--workers", "2"), ("--lifespan", "off"), ("--reload",)])
def test_an_unchanged_service_is_observed(sink: Sink, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, "OTEL_SERVICE_NAME": "shop"}
    with serving(tmp_path, APP, *arguments, prefix=RUN, **variables) as service:
        for _ in range(REQUESTS):
            assert service.get("/x")[0] == 200
        assert service.get("/inner/metrics")[2] == '"its own"'
        # Of two workers, one may have had all the requests, and the other may be the one that answers here.
        until(lambda: "http_server_request_duration_seconds" in service.get("/metrics")[2])
        if "--lifespan" in arguments:  # nothing then says that the end has come, nor ...
            until(lambda: len(sink.spans) > REQUESTS)
        service.stop()
    names = [span.name for span in sink.spans]
    assert sorted(set(names)) == ["GET /inner/metrics", "GET /x"]
    assert len(names) == REQUESTS + 1
    assert {resource["service.name"] for resource in sink.resources} == {"shop"}
    if "--lifespan" not in arguments:  # ... that the app has configured logging
        assert len([one for one in sink.logs if one.body.string_value == "asked"]) == REQUESTS


def test_an_app_that_instruments_itself_is_observed_once_and_as_it_says(sink: Sink, tmp_path: Path) -> None:
    with serving(tmp_path, INSTRUMENTED, prefix=RUN, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url) as service:
        assert service.get("/x")[0] == 200
        service.stop()
    assert [span.name for span in sink.spans] == ["GET /x"]
    assert {resource["service.name"] for resource in sink.resources} == {"by-hand"}


def python(code: str, *path: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A Python with the folder of the bootstrap and then `path` on its PYTHONPATH."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment(PYTHONPATH=":".join((*bootstrap.__path__, *path)), **variables),
        text=True,
        capture_output=True,
        check=False,
    )


def test_a_sitecustomize_of_the_user_runs_too_and_is_the_one_that_is_imported(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('mine')\nwho = 'user'\n")
    done = python("import sitecustomize\nprint(sitecustomize.who)", str(tmp_path))
    assert (done.stdout, done.stderr) == ("mine\nuser\n", "")


def test_a_sitecustomize_that_fails_is_reported_by_python_as_ever(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("raise ValueError('mine')\n")
    done = python("print('goes on')", str(tmp_path))
    assert done.stdout == "goes on\n"
    assert "ValueError: mine" in done.stderr


def test_a_python_without_fastapi_loads_nothing() -> None:
    done = python("import sys\nprint([one for one in sys.modules if one.startswith(('obsdeck', 'open'))])")
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_python_without_obsdeck_serves_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "obsdeck.py").write_text("raise ImportError('not here')\n")
    code = "import fastapi\nprint(fastapi.FastAPI().build_middleware_stack() is not None)"
    done = python(code, str(tmp_path))
    assert done.stdout == "True\n"
    assert done.stderr == ("obsdeck run: no telemetry, the Python of this service has no obsdeck: not here\n")


def test_what_strict_mode_refuses_never_serves() -> None:
    code = """
import fastapi, asyncio
from obsdeck.errors import UsageError
app = fastapi.FastAPI()
for _ in range(2):
    try:
        asyncio.run(app({"type": "lifespan"}, None, None))
    except UsageError as error:
        print(error)
"""
    done = python(code, OBSDECK_METRICS_MODE="strict", OTEL_LOGS_EXPORTER="paper")
    assert done.stdout == "OTEL_LOGS_EXPORTER is 'paper'; allowed: otlp, none\n" * 2
