"""Release archives over the network: fetched whole, capped, and believed only by their checksum."""

from __future__ import annotations

import errno
import hashlib
import ipaddress
import os
import re
import shutil
import socket
import threading
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import httpx

from obsdeck.errors import FailedError, UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from obsdeck.stack.install.catalog import Archive

CONNECT_SECONDS = 3.0
"""A site without the outside world drops packets: three seconds tell, and only once per host."""

SILENCE_SECONDS = 30.0
LIMIT_BYTES = 1_000_000_000
"""Twice the largest archive (Grafana, 450 MB)."""

_LIST_LIMIT_BYTES = 1_000_000
_TOLD_BYTES = 1_000_000


def mirrored(url: str, mirror: str) -> str:
    """The address to ask: the mirror's base takes the place of scheme and host.

    Raises:
        UsageError: The mirror is no http or https URL.
    """
    if not mirror:
        return url
    if not re.match(r"https?://[^/]", mirror):
        raise UsageError(
            f"OBSDECK_MIRROR is {mirror!r}, which is no URL",
            hint="write it as https://host/path; the path of each archive's own URL is appended",
        )
    return mirror.rstrip("/") + httpx.URL(url).raw_path.decode()


def fetch(archive: Archive, mirror: str, to: Path, progress: Callable[[int, int], None]) -> str:
    """Download an archive and compare its checksum.

    Args:
        archive: What to get.
        mirror: Base URL of a mirror, empty for the archive's own host.
        to: The file to write.
        progress: Told bytes so far and in all (0 where the server does not say), about every megabyte.

    Returns:
        The URL that was asked.

    Raises:
        UnreachableError: The host does not answer; another archive of it will fare no better.
        FailedError: It answers with something that must not be installed, or cannot be.
        UsageError: The mirror is no URL.
    """
    url = mirrored(archive.url, mirror)
    _require_name(httpx.URL(url).host)
    with httpx.Client(
        follow_redirects=True,
        timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
        headers={"Accept-Encoding": "identity"},
    ) as client:
        wanted = archive.sha256 or _listed(client, archive, mirror)
        seen = _stream(client, url, to, progress)
    if seen != wanted:
        to.unlink()
        raise FailedError(
            f"{url} was thrown away: it is not the file that was released",
            why=f"SHA-256 expected {wanted}, got {seen}",
        )
    return url


def _require_name(host: str) -> None:
    """A name server that is out of reach is waited for half a minute by the system; we give up sooner."""
    if urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
        return  # the proxy looks the name up
    found: list[bool] = []

    def look_up() -> None:
        with suppress(OSError):
            found.append(bool(socket.getaddrinfo(host, None)))

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    if not found:
        raise UnreachableError(f"{host} cannot be reached", why="its name has no address here")


def _listed(client: httpx.Client, archive: Archive, mirror: str) -> str:
    """The checksum in the release's own list: `<sha256>  <name>` per line, or nothing but one checksum."""
    url = mirrored(archive.checksums, mirror)
    with _asking(client, url) as response:
        # Whoever can change the archive on its way could change this list as well.
        if response.url.scheme != "https" and not _is_loopback(response.url.host):
            raise FailedError(f"{url} is not asked for a checksum without https")
        text = b"".join(_capped(response, url, _LIST_LIMIT_BYTES)).decode(errors="replace")
    name = PurePosixPath(httpx.URL(archive.url).path).name
    for line in text.splitlines():
        found = re.fullmatch(r"([0-9a-f]{64})(?:\s+\*?(?:\./)?(\S+))?\s*", line.strip().lower())
        if found and found[2] in {None, name.lower()}:
            return found[1]
    raise FailedError(f"{url} has no checksum for {name}")


def _stream(client: httpx.Client, url: str, to: Path, progress: Callable[[int, int], None]) -> str:
    digest, done, told = hashlib.sha256(), 0, 0
    with _asking(client, url) as response, to.open("wb") as file:
        total = int(response.headers.get("content-length", 0))
        _require_size(url, total)
        if total > shutil.disk_usage(to.parent).free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(to))
        for chunk in _capped(response, url, LIMIT_BYTES):
            file.write(chunk)
            digest.update(chunk)
            done += len(chunk)
            if done - told >= _TOLD_BYTES or done == total:
                told = done
                progress(done, total)
    return digest.hexdigest()


@contextmanager
def _asking(client: httpx.Client, url: str) -> Iterator[httpx.Response]:
    """A response that is there, with httpx's errors told apart: nobody there, or something wrong."""
    host = httpx.URL(url).host
    try:
        with client.stream("GET", url) as response:
            if response.status_code != httpx.codes.OK:
                raise FailedError(f"{url} answers {response.status_code}")
            yield response
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        raise UnreachableError(f"{host} cannot be reached", why=str(error)) from error
    except httpx.HTTPError as error:
        raise FailedError(f"{url} broke off", why=str(error) or type(error).__name__) from error


def _capped(response: httpx.Response, url: str, limit: int) -> Iterator[bytes]:
    done = 0
    for chunk in response.iter_raw(1 << 16):
        done += len(chunk)
        _require_size(url, done, limit)
        yield chunk


def _require_size(url: str, size: int, limit: int = LIMIT_BYTES) -> None:
    if size > limit:
        raise FailedError(f"{url} is larger than {limit / 1e6:.0f} MB")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
