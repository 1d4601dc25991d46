"""One HTTP request and its answer, with a deadline and a bounded body.

The standard library's client and no more: `obsdeck up` asks through it, and every other client costs
a tenth of a second to import.
"""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode, urlsplit

from obsdeck.errors import FailedError, UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_SECONDS = 5.0
MAX_BODY = 16 * 2**20
"""Bytes; a server of the stack that answers with more is asked the wrong question."""

_CHUNK = 1 << 16
_FIRST_LINE = 300


class HttpError(FailedError):
    """A server answered, and said no.

    Args:
        url: What was asked.
        status: The HTTP status, 400 or more.
        reason: The first line of the body, empty where there is none.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, url: str, status: int, reason: str) -> None:
        super().__init__(f"{url.partition('?')[0]} answered {status}", why=reason)
        self.url = url
        self.status = status
        self.reason = reason


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        url: What was asked.
        status: The HTTP status.
        headers: Header names in lower case.
        body: The body as sent.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    @property
    def first_line(self) -> str:
        """The first line of the body, at most 300 characters of it."""
        lines = self.text.strip().splitlines()
        return lines[0][:_FIRST_LINE] if lines else ""

    def json(self) -> Any:
        """The body as a JSON document.

        Raises:
            FailedError: It is none.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise FailedError(f"{self.url} did not answer with JSON", why=self.first_line) from error

    def checked(self) -> Answer:
        """The answer itself.

        Raises:
            HttpError: Its status is 400 or more.
        """
        if self.status >= http.client.BAD_REQUEST:
            raise HttpError(self.url, self.status, self.first_line)
        return self


def get(
    url: str,
    parameters: Mapping[str, str] | None = None,
    *,
    timeout: float = TIMEOUT_SECONDS,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Ask a server.

    Args:
        url: Scheme, host, port, path.
        parameters: The query.
        timeout: Seconds for the whole answer.
        headers: Besides the client's own.

    Raises:
        UsageError: The address is none.
        UnreachableError: Nobody answers there, not in time, or with too much.
        HttpError: The answer is a refusal.
    """
    query = f"?{urlencode(parameters)}" if parameters else ""
    return _ask("GET", url + query, None, headers or {}, timeout).checked()


def post(url: str, body: bytes, *, timeout: float = TIMEOUT_SECONDS, headers: Mapping[str, str]) -> Answer:
    """Send a body. Raises as `get`, and leaves the status to the caller: a refusal is an answer here.

    Args:
        url: Scheme, host, port, path.
        body: What to send.
        timeout: Seconds for the whole exchange.
        headers: At least the content type.
    """
    return _ask("POST", url, body, headers, timeout)


def _ask(method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout: float) -> Answer:
    deadline = time.monotonic() + timeout
    connection, target = _connection(url, timeout)
    try:
        connection.request(method, target, body, dict(headers))
        with connection.getresponse() as response:
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(url, response.status, names, _read(response, url, deadline))
    except (OSError, http.client.HTTPException) as error:
        where = url.partition("?")[0]
        raise UnreachableError(f"{where} does not answer", why=_reason(error, timeout)) from error
    finally:
        connection.close()


def _connection(url: str, timeout: float) -> tuple[http.client.HTTPConnection, str]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"{url!r} is no address of a server", hint="write it like http://127.0.0.1:4318")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname, port, timeout=timeout), parts._replace(scheme="", netloc="").geturl() or "/"


def _read(response: http.client.HTTPResponse, url: str, deadline: float) -> bytes:
    """The body; the socket's own timeout is for each read, so a server that drips is cut off here."""
    content = bytearray()
    while chunk := response.read1(_CHUNK):
        content += chunk
        if len(content) > MAX_BODY:
            raise UnreachableError(f"{url} answered with more than {MAX_BODY >> 20} MiB", why="given up")
        if time.monotonic() > deadline:
            raise TimeoutError
    return bytes(content)


def _reason(error: Exception, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    if isinstance(error, http.client.HTTPException):
        return f"what answers is no HTTP server ({type(error).__name__})"
    return getattr(error, "strerror", None) or str(error)
