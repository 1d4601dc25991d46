from __future__ import annotations

import pytest

from obsdeck.telemetry.workers import is_one_of_several


@pytest.mark.parametrize(
    ("command", "environ", "spawned", "several"),
    [
        ("uvicorn app:app", {}, False, False),
        ("uvicorn app:app --workers 4", {}, True, True),
        ("uvicorn app:app --workers=4", {}, True, True),
        ("uvicorn app:app --workers 1", {"WEB_CONCURRENCY": "4"}, False, False),
        ("uvicorn app:app", {"WEB_CONCURRENCY": "4"}, True, True),
        ("uvicorn app:app", {"WEB_CONCURRENCY": "many"}, False, False),
        ("uvicorn app:app --reload", {}, True, False),
        ("fastapi dev", {}, True, False),
        ("fastapi run --workers 2", {}, True, True),
        ("gunicorn -w 3 app:app", {}, False, True),
        ("gunicorn -w3 app:app", {}, False, True),
        ("gunicorn app:app", {"GUNICORN_CMD_ARGS": "--bind :80 --workers=3"}, False, True),
        ("python serve.py", {}, True, True),
        ("python serve.py", {}, False, False),
        ("uvicorn app:app --header X-w2 --port 4", {}, False, False),
    ],
)
def test_several_workers_are_seen(
    command: str,
    environ: dict[str, str],
    spawned: bool,  # noqa: FBT001
    several: bool,  # noqa: FBT001
) -> None:
    assert is_one_of_several(command.split(), environ, spawned=spawned) is several
