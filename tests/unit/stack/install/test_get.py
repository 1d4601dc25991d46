from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from obsdeck.errors import MissingError
from obsdeck.stack.events import Note
from obsdeck.stack.install import cache as store
from obsdeck.stack.install import get as module
from obsdeck.stack.install.catalog import Module
from obsdeck.stack.install.events import Got, Step
from obsdeck.stack.install.get import get

if TYPE_CHECKING:
    from collections.abc import Iterator

ARCHIVE = "/p/prometheus.tar.gz"
HERE = Path(__file__).parent

needs_go = pytest.mark.skipif(
    not shutil.which("go"), reason="there is no Go on PATH to build the tiny module with"
)


@pytest.fixture
def tiny() -> Module:
    return Module(
        packages={"tiny": "obsdeck.invalid/tiny"},
        tags="",
        ldflags="-X main.version=1.2.3",
        folder=HERE / "modules" / "tiny",
        generator="",
        modules=0,
    )


@pytest.fixture
def no_go(tmp_path: Path) -> dict[str, str]:
    """An environment in which there is no Go and none can be had."""
    return {"PATH": "/nonexistent", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "HOME": str(tmp_path)}


def archive_of(make: Any, version: str) -> bytes:
    return bytes(make.tar_gz({"prometheus-3/prometheus": make.script(version)}))


def test_an_archive_ends_as_a_program_in_the_cache(site: Any, home: Any, make: Any, release: Any) -> None:
    content = archive_of(make, "3.15.0")
    site.answers[ARCHIVE] = content
    events: list[object] = []
    (one,) = get([release(content)], site.url, home.cache, events.append, os.environ)
    assert (one.provider, one.version, one.note) == ("archive", "3.15.0", "")
    assert one.path == home.cache / "bin" / "prometheus" / "3.15.0" / "prometheus"
    assert sorted(path.name for path in one.path.parent.iterdir()) == ["manifest.json", "prometheus"]
    assert store.read_manifest(home.cache, release())["source"] == site.url + ARCHIVE
    assert events[-1] == Got("prometheus", "archive", "3.15.0", one.seconds)
    assert [event.doing for event in events if isinstance(event, Step)][::2] == ["downloading", "unpacking"]


def test_a_tree_ends_as_a_whole_in_the_cache(site: Any, home: Any, make: Any, release: Any) -> None:
    files = {"p-3/bin/prometheus": make.script("3.15.0"), "p-3/conf/defaults.ini": b"[paths]"}
    content = make.tar_gz(files)
    site.answers[ARCHIVE] = content
    (one,) = get([release(content, tree=True)], site.url, home.cache, print, os.environ)
    assert one.path.parent.parent.joinpath("conf", "defaults.ini").is_file()
    assert store.fault(home.cache, release(content, tree=True), thorough=True) == ""


def test_an_archive_that_is_not_what_was_released_is_not_installed(
    site: Any, home: Any, make: Any, release: Any
) -> None:
    site.answers[ARCHIVE] = archive_of(make, "3.15.0")
    told: list[object] = []
    (one,) = get([release(b"another")], site.url, home.cache, told.append, os.environ)
    assert one.provider == "absent"
    assert "it is not the file that was released: SHA-256 expected" in one.note
    assert any(isinstance(event, Note) and "thrown away" in event.text for event in told)
    assert not list((home.cache / "bin" / "prometheus").iterdir())


@pytest.mark.parametrize("version", ["3.14.0", ""])
def test_a_program_of_another_version_is_not_installed(
    site: Any, home: Any, make: Any, release: Any, version: str
) -> None:
    content = archive_of(make, version)
    site.answers[ARCHIVE] = content
    (one,) = get([release(content)], site.url, home.cache, print, os.environ)
    assert one.provider == "absent"
    assert f"3.15.0 was asked for, and {version or 'no version'} came" in one.note


def test_a_program_of_another_machine_is_not_installed(site: Any, home: Any, make: Any, release: Any) -> None:
    content = make.tar_gz({"prometheus-3/prometheus": b"\x7fELF of another machine"})
    site.answers[ARCHIVE] = content
    (one,) = get([release(content)], site.url, home.cache, print, os.environ)
    assert "does not run here" in one.note


def test_a_host_that_is_silent_is_asked_once_and_it_is_said_once(
    home: Any, release: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    asked: list[str] = []
    fetch = module.download.fetch

    def counted(archive: Any, *rest: Any) -> str:
        asked.append(archive.url)
        return fetch(archive, *rest)

    monkeypatch.setattr(module.download, "fetch", counted)
    other = replace(release(), component="loki")
    first, second = get([release(), other], "http://127.0.0.1:1", home.cache, told.append, os.environ)
    assert len(asked) == 1
    assert first.note == second.note
    assert "127.0.0.1 cannot be reached" in first.note
    assert [event for event in told if isinstance(event, Note)] == [
        Note("127.0.0.1 cannot be reached: nothing is downloaded from there")
    ]
    assert store.recent_miss(home.cache, release()) == first.note


def test_where_there_is_no_go_either_both_reasons_are_given(
    home: Any, release: Any, tiny: Module, no_go: dict[str, str]
) -> None:
    both = replace(release(), module=tiny)
    (one,) = get([both], "http://127.0.0.1:1", home.cache, print, no_go)
    assert "127.0.0.1 cannot be reached" in one.note
    assert "Go 1.26.5 or newer is needed" in one.note


@pytest.mark.parametrize("incompressible", [True, False], ids=["while downloading", "while unpacking"])
def test_a_disk_that_gets_full_leaves_nothing_and_the_next_run_goes_on(
    site: Any, home: Any, make: Any, release: Any, small_cache: Any, *, incompressible: bool
) -> None:
    padding = make.noise(3_000_000) if incompressible else bytes(3_000_000)
    program = make.script("3.15.0") + b"exit\n" + padding
    content = make.tar_gz({"prometheus-3/prometheus": program})

    def without_its_size(request: Any) -> None:
        request.send_response(200)
        request.end_headers()
        with suppress(ConnectionError):  # who has no room left hangs up
            request.wfile.write(content)

    site.answers[ARCHIVE] = without_its_size
    with pytest.raises(MissingError, match="cannot be written") as caught:
        get([release(content)], site.url, home.cache, print, os.environ)
    assert "the disk is full" in caught.value.why
    assert "XDG_CACHE_HOME" in caught.value.hint
    assert not list((home.cache / "bin" / "prometheus").iterdir())
    small_cache("16m")
    (one,) = get([release(content)], site.url, home.cache, print, os.environ)
    assert (one.provider, one.version) == ("archive", "3.15.0")
    assert store.fault(home.cache, release(content), thorough=True) == ""


@needs_go
def test_a_disk_that_gets_full_ends_a_build_and_the_next_run_goes_on(
    home: Any, release: Any, tiny: Module, small_cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUILD_BYTES", 0)  # else it is not even begun
    built = replace(release(), archive=None, version="1.2.3", program="tiny", module=tiny)
    offline = {**os.environ, "GOPROXY": "off"}
    small_cache("8m")
    with pytest.raises(MissingError, match="cannot be written") as caught:
        get([built], "", home.cache, print, offline)
    assert "the disk is full" in caught.value.why
    assert store.fault(home.cache, built) == "not in the cache"
    assert not list((home.cache / "bin" / "prometheus").iterdir())
    small_cache("1g")
    (one,) = get([built], "", home.cache, print, offline)
    assert (one.provider, one.version) == ("module", "1.2.3")


@needs_go
def test_what_no_archive_gives_is_built(home: Any, release: Any, tiny: Module) -> None:
    built = replace(release(), version="1.2.3", program="tiny", module=tiny)
    events: list[object] = []
    (one,) = get([built], "http://127.0.0.1:1", home.cache, events.append, {**os.environ, "GOPROXY": "off"})
    assert (one.provider, one.version) == ("module", "1.2.3")
    said = subprocess.run([str(one.path)], capture_output=True, text=True, check=True).stderr
    assert said == "tiny, version 1.2.3 (branch: none)\n"
    counts = [
        (event.done, event.total) for event in events if isinstance(event, Step) and event.unit == "packages"
    ]
    assert counts[0] == (0, counts[-1][1])
    assert counts[-1][0] == counts[-1][1] > 10
    assert store.read_manifest(home.cache, built)["source"].startswith(
        "obsdeck.invalid/tiny v1.2.3, built with Go"
    )
    assert not (home.cache / "go").exists(), "what only the build needed is gigabytes, and is kept"


@needs_go
def test_a_build_that_fails_gives_the_compilers_words_and_keeps_what_it_has(
    home: Any, release: Any, tiny: Module, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny.folder, broken)
    (broken / "main.go").write_text("package main\n\nfunc main() { nonsense() }\n")
    one = replace(
        release(), archive=None, version="1.2.3", program="tiny", module=replace(tiny, folder=broken)
    )
    (result,) = get([one], "", home.cache, print, os.environ)
    assert result.provider == "absent"
    assert "there is no archive for this platform" in result.note
    assert "undefined: nonsense" in result.note
    assert (home.cache / "go" / "objects").is_dir()


@needs_go
def test_sources_that_cannot_be_had_give_gos_words(
    home: Any, release: Any, tiny: Module, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(tiny.folder, broken)
    (broken / "main.go").write_text('package main\n\nimport _ "elsewhere.invalid/x"\n\nfunc main() {}\n')
    one = replace(release(), archive=None, program="tiny", module=replace(tiny, folder=broken))
    (result,) = get([one], "", home.cache, print, os.environ)
    assert "the sources of prometheus cannot be had" in result.note
    assert "elsewhere.invalid/x" in result.note


def test_a_build_is_not_begun_without_room_for_it(
    home: Any, release: Any, tiny: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.cache.mkdir(parents=True)
    monkeypatch.setattr(module, "BUILD_BYTES", 10**18)
    one = replace(release(), archive=None, module=tiny)
    with pytest.raises(MissingError, match="cannot be written") as caught:
        get([one], "", home.cache, print, os.environ)
    assert "GB are needed" in caught.value.why


@pytest.fixture
def started(home: Any) -> Iterator[Any]:
    """Starts a build of the tiny module in a process of its own; ends it if the test did not."""
    processes = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "interruptible.py"), str(home.cache)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@needs_go
def test_an_interrupted_build_leaves_nobody_behind_and_the_next_goes_on(home: Any, started: Any) -> None:
    first = started()
    guard = threading.Timer(120, first.kill)
    guard.start()
    packages = 0
    for line in first.stdout:
        if "'compiling'" in line:
            packages = int(re.search(r"total=(\d+)", line)[1])
            if int(re.search(r"done=(\d+)", line)[1]) >= packages // 2:
                break
    family = psutil.Process(first.pid).children(recursive=True)
    first.send_signal(signal.SIGINT)
    _, complaint = first.communicate()
    guard.cancel()
    assert complaint.rstrip().endswith("KeyboardInterrupt")
    assert psutil.wait_procs(family, timeout=10)[1] == []
    assert not list((home.cache / "bin" / "loki").iterdir())
    second = started()
    said, complaint = second.communicate(timeout=120)
    assert "provider='module', version='1.2.3'" in said, complaint
    assert int(re.search(r"done=0, total=(\d+), unit='packages'", said)[1]) < packages
