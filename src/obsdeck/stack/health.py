"""Whether a component is ready: its own readiness endpoint, asked until it says yes."""

from __future__ import annotations

from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit


def is_ready(url: str, timeout: float = 1.0) -> bool:
    """Whether a readiness URL answers 200 within `timeout` seconds."""
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=timeout)
    try:
        connection.request("GET", address.path or "/")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
