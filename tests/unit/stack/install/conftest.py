from __future__ import annotations

import hashlib
import http.server
import io
import random
import stat
import tarfile
import threading
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from obsdeck.stack.environment import Settings, load_settings
from obsdeck.stack.home import Home
from obsdeck.stack.install.catalog import Archive, Release

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

Handler = http.server.BaseHTTPRequestHandler


class Make:
    """Programs and archives, good and bad."""

    @staticmethod
    def script(version: str, name: str = "prometheus") -> bytes:
        """A program that answers as a server does, on Linux and macOS alike."""
        return f'#!/bin/sh\necho "{name}, version {version} (branch: none)"\n'.encode()

    @staticmethod
    def sha256(content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()

    @staticmethod
    def noise(size: int) -> bytes:
        """What does not compress."""
        return random.Random(1).randbytes(size)

    @staticmethod
    def tar_gz(files: Mapping[str, bytes], extra: Callable[[tarfile.TarFile], None] | None = None) -> bytes:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(content), 0o755
                tar.addfile(info, io.BytesIO(content))
            if extra:
                extra(tar)
        return packed.getvalue()

    @staticmethod
    def tar_link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> Callable[[tarfile.TarFile], None]:
        def add(tar: tarfile.TarFile) -> None:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            tar.addfile(info)

        return add

    @staticmethod
    def zipped(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
            for name, target in (links or {}).items():
                info = zipfile.ZipInfo(name)
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
                archive.writestr(info, target)
        return packed.getvalue()


@dataclass
class Site:
    """A real HTTP server on a free port: what it answers per path, and what it was asked."""

    url: str
    answers: dict[str, bytes | Callable[[Handler], None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def make() -> type[Make]:
    return Make


@pytest.fixture
def site() -> Iterator[Site]:
    class Answering(Handler):
        def do_GET(self) -> None:  # noqa: N802 - http.server calls it so
            here.asked.append(self.path)
            answer = here.answers.get(self.path)
            if callable(answer):
                answer(self)
            elif answer is None:
                self.send_error(404)
            else:
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    here = Site(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield here
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "state with spaces", tmp_path / "cache with spaces")


@pytest.fixture
def small_cache(home: Home, mounted: Callable[[Path, str], None]) -> Callable[[str], None]:
    """A disk of its own for the cache, of 1 MB; called with a size, it gets another."""
    home.cache.mkdir(parents=True)
    mounted(home.cache, "size=1m")
    return lambda size: mounted(home.cache, f"size={size}")


@pytest.fixture
def settings() -> Callable[..., Settings]:
    def of(**values: str) -> Settings:
        return load_settings(environ=values)

    return of


@pytest.fixture
def release() -> Callable[..., Release]:
    """A Prometheus whose archive lies at a host that only a mirror can answer for."""

    def of(content: bytes = b"", *, tree: bool = False, sha256: str | None = None) -> Release:
        archive = Archive(
            url="https://releases.invalid/p/prometheus.tar.gz",
            sha256=Make.sha256(content) if sha256 is None else sha256,
            checksums="https://releases.invalid/p/sums.txt",
            programs={"prometheus": "bin/prometheus" if tree else "prometheus-3/prometheus"},
            tree=tree,
        )
        return Release(
            component="prometheus",
            version="3.15.0",
            minimum="3.5",
            image="prom/prometheus:v3.15.0",
            on_path=("prometheus",),
            program="bin/prometheus" if tree else "prometheus",
            archive=archive,
        )

    return of
