from __future__ import annotations

from typing import Any

import pytest

from obsdeck.backends import grafana
from obsdeck.backends.http import HttpError


def test_health(server: Any) -> None:
    server.answers["/api/health"] = (200, '{"database":"ok","version":"13.2.3"}')
    assert grafana.health(server.url) == grafana.Health("13.2.3", "ok")


def test_a_version_may_be_hidden(server: Any) -> None:
    server.answers["/api/health"] = (200, '{"database":"ok"}')
    assert grafana.health(server.url).version == ""


def test_a_sick_grafana_is_an_error(server: Any) -> None:
    server.answers["/api/health"] = (503, '{"database":"failing"}')
    with pytest.raises(HttpError):
        grafana.health(server.url)
