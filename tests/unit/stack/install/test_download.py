from __future__ import annotations

import errno
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.errors import FailedError, MissingError, UnreachableError, UsageError
from obsdeck.stack.install import download
from obsdeck.stack.install.cache import writing

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

CONTENT = b"an archive " * 200_000
ARCHIVE = "/p/prometheus.tar.gz"
LIST = "/p/sums.txt"


def quiet(_done: int, _total: int) -> None:
    pass


def test_an_archive_with_the_right_checksum_is_kept(site: Any, release: Any, tmp_path: Path) -> None:
    site.answers[ARCHIVE] = CONTENT
    told: list[tuple[int, int]] = []
    url = download.fetch(
        release(CONTENT).archive, site.url, tmp_path / "a", lambda done, total: told.append((done, total))
    )
    assert url == site.url + ARCHIVE
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert site.asked == [ARCHIVE]


@pytest.mark.parametrize(
    "line", ["{sum}  prometheus.tar.gz", "{sum} *prometheus.tar.gz", "{sum}  ./prometheus.tar.gz", "{sum}"]
)
def test_a_checksum_that_is_not_committed_comes_from_the_releases_own_list(
    site: Any, release: Any, make: Any, tmp_path: Path, line: str
) -> None:
    site.answers[ARCHIVE] = CONTENT
    other = f"{'0' * 64}  another.tar.gz\n" if " " in line else ""
    site.answers[LIST] = (other + line.format(sum=make.sha256(CONTENT)) + "\n").encode()
    download.fetch(release(sha256="").archive, site.url, tmp_path / "a", quiet)
    assert site.asked == [LIST, ARCHIVE]


def test_an_archive_that_the_list_does_not_name_is_not_asked_for(
    site: Any, release: Any, tmp_path: Path
) -> None:
    site.answers |= {ARCHIVE: CONTENT, LIST: f"{'0' * 64}  another.tar.gz\n".encode()}
    with pytest.raises(FailedError, match=r"no checksum for prometheus\.tar\.gz"):
        download.fetch(release(sha256="").archive, site.url, tmp_path / "a", quiet)
    assert site.asked == [LIST]


def test_a_checksum_that_anybody_could_have_changed_is_not_believed(
    site: Any, release: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_is_loopback", lambda _host: False)
    site.answers |= {ARCHIVE: CONTENT, LIST: b"0" * 64}
    with pytest.raises(FailedError, match="without https"):
        download.fetch(release(sha256="").archive, site.url, tmp_path / "a", quiet)


def test_an_archive_with_another_checksum_is_thrown_away(site: Any, release: Any, tmp_path: Path) -> None:
    site.answers[ARCHIVE] = CONTENT + b"and more"
    with pytest.raises(FailedError, match="thrown away") as caught:
        download.fetch(release(CONTENT).archive, site.url, tmp_path / "a", quiet)
    assert "expected" in caught.value.why
    assert not (tmp_path / "a").exists()


def truncated(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(CONTENT)))
    request.end_headers()
    request.wfile.write(CONTENT[:1000])


def endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    try:
        for _ in range(1000):
            request.wfile.write(bytes(100_000))
    except OSError:
        pass  # the client has had enough, which is what the test is about


def immense(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(10**12))
    request.end_headers()


def silent(request: BaseHTTPRequestHandler) -> None:
    request.rfile.read(1)  # returns when the client hangs up


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "SILENCE_SECONDS", 0.3)
    monkeypatch.setattr(download, "LIMIT_BYTES", 5_000_000)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (truncated, "broke off"),
        (endless, "larger than"),
        (immense, "larger than"),
        (silent, "broke off"),
        (None, "answers 404"),
    ],
)
def test_a_server_that_does_not_deliver_is_given_up(
    site: Any, release: Any, tmp_path: Path, answer: Any, words: str
) -> None:
    site.answers[ARCHIVE] = answer
    with pytest.raises(FailedError, match=words):
        download.fetch(release(CONTENT).archive, site.url, tmp_path / "a", quiet)


def test_a_redirect_is_followed(site: Any, release: Any, tmp_path: Path) -> None:
    def elsewhere(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302)
        request.send_header("Location", f"{site.url}/elsewhere")
        request.send_header("Content-Length", "0")
        request.end_headers()

    site.answers |= {ARCHIVE: elsewhere, "/elsewhere": CONTENT}
    download.fetch(release(CONTENT).archive, site.url, tmp_path / "a", quiet)
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_nobody_there_is_told_apart_from_a_bad_answer(release: Any, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UnreachableError, match=r"127\.0\.0\.1 cannot be reached"):
            download.fetch(release(CONTENT).archive, url, tmp_path / "a", quiet)


def test_a_name_without_an_address_is_unreachable(release: Any, tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match=r"releases\.invalid cannot be reached"):
        download.fetch(release(CONTENT).archive, "", tmp_path / "a", quiet)


def test_a_name_server_that_is_silent_is_not_waited_for(
    release: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "CONNECT_SECONDS", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: time.sleep(5))
    with pytest.raises(UnreachableError):
        download.fetch(release(CONTENT).archive, "", tmp_path / "a", quiet)


def test_a_proxy_of_the_environment_is_used(
    site: Any, release: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", site.url)
    site.answers["http://mirror.invalid" + ARCHIVE] = CONTENT
    download.fetch(release(CONTENT).archive, "http://mirror.invalid", tmp_path / "a", quiet)
    assert site.asked == ["http://mirror.invalid" + ARCHIVE]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_an_error_that_names_the_cache(site: Any, release: Any, tmp_path: Path) -> None:
    site.answers[ARCHIVE] = CONTENT
    with pytest.raises(MissingError, match="cannot be written") as caught, writing(tmp_path):
        download.fetch(release(CONTENT).archive, site.url, Path("/dev/full"), quiet)
    assert "the disk is full" in caught.value.why
    assert "XDG_CACHE_HOME" in caught.value.hint


def test_an_archive_larger_than_the_free_disk_is_not_begun(
    site: Any, release: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": 1000}))
    site.answers[ARCHIVE] = CONTENT
    with pytest.raises(OSError, match=r"No space|space left") as caught:
        download.fetch(release(CONTENT).archive, site.url, tmp_path / "a", quiet)
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize(
    ("mirror", "expected"),
    [
        ("", "https://releases.invalid/p/prometheus.tar.gz"),
        ("https://mirror.invalid", "https://mirror.invalid/p/prometheus.tar.gz"),
        ("https://mirror.invalid/github/", "https://mirror.invalid/github/p/prometheus.tar.gz"),
    ],
)
def test_a_mirror_takes_the_place_of_the_host(release: Any, mirror: str, expected: str) -> None:
    assert download.mirrored(release().archive.url, mirror) == expected


@pytest.mark.parametrize("mirror", ["mirror.invalid", "file:///srv", "https://"])
def test_a_mirror_that_is_no_url_is_wrong_use(release: Any, mirror: str) -> None:
    with pytest.raises(UsageError, match="OBSDECK_MIRROR"):
        download.mirrored(release().archive.url, mirror)


def test_an_encoded_path_stays_encoded(release: Any) -> None:
    archive = replace(release().archive, url="https://releases.invalid/cmd%2Fbuilder/x")
    assert download.mirrored(archive.url, "https://m.invalid") == "https://m.invalid/cmd%2Fbuilder/x"
