"""The one question to Grafana that needs no password."""

from __future__ import annotations

from dataclasses import dataclass

from obsdeck.backends import http


@dataclass(frozen=True)
class Health:
    """Grafana as it is now.

    Attributes:
        version: The server's version; empty where it hides it.
        database: `ok` when all is well.
    """

    version: str
    database: str


def health(url: str) -> Health:
    """How it is.

    Raises:
        UnreachableError: Grafana does not answer.
        HttpError: It says that it is not healthy.
    """
    document = http.get(f"{url}/api/health").json()
    return Health(document.get("version", ""), document.get("database", ""))
