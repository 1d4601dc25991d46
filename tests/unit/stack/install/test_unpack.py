from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.errors import FailedError
from obsdeck.stack.install import unpack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROGRAMS = {"prometheus": "prometheus-3/prometheus"}
GOOD = {"prometheus-3/prometheus": b"the server", "prometheus-3/promtool": b"the tool"}


@pytest.fixture
def archive(tmp_path: Path) -> Callable[[bytes, str], Path]:
    def written(content: bytes, suffix: str = ".tar.gz") -> Path:
        path = tmp_path / f"archive{suffix}"
        path.write_bytes(content)
        return path

    return written


@pytest.fixture
def to(tmp_path: Path) -> Path:
    folder = tmp_path / "to"
    folder.mkdir()
    return folder


def test_only_the_named_programs_are_taken(make: Any, archive: Any, to: Path) -> None:
    unpack.unpack_programs(archive(make.tar_gz(GOOD)), PROGRAMS, to)
    assert {path.name: path.read_bytes() for path in to.iterdir()} == {"prometheus": b"the server"}


def test_a_program_can_come_from_a_zip_under_another_name(make: Any, archive: Any, to: Path) -> None:
    packed = archive(make.zipped({"loki-linux-amd64": b"the server"}), ".zip")
    unpack.unpack_programs(packed, {"loki": "loki-linux-amd64"}, to)
    assert (to / "loki").read_bytes() == b"the server"


def test_a_leading_dot_in_member_names_makes_no_difference(make: Any, archive: Any, to: Path) -> None:
    unpack.unpack_programs(archive(make.tar_gz({"./tempo": b"the server"})), {"tempo": "tempo"}, to)
    assert (to / "tempo").read_bytes() == b"the server"


BAD = {
    "a link in the program's place": lambda make: make.tar_gz(
        {}, make.tar_link("prometheus-3/prometheus", "/bin/sh")
    ),
    "a hard link": lambda make: make.tar_gz(
        GOOD, make.tar_link("x", "prometheus-3/prometheus", tarfile.LNKTYPE)
    ),
    "a device": lambda make: make.tar_gz(GOOD, make.tar_link("x", "", tarfile.CHRTYPE)),
    "a path that climbs out": lambda make: make.tar_gz({"../prometheus": b"", **GOOD}),
    "a path that climbs out midway": lambda make: make.tar_gz({"prometheus-3/../../x": b"", **GOOD}),
    "an absolute path": lambda make: make.tar_gz({"/tmp/prometheus": b"", **GOOD}),
    "no such member": lambda make: make.tar_gz({"prometheus-3/promtool": b""}),
    "half of an archive": lambda make: make.tar_gz({"prometheus-3/prometheus": make.noise(100_000)})[:50_000],
    "no archive at all": lambda _make: b"<html>Sign in</html>",
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_archive_is_refused_and_nothing_is_written_outside(
    make: Any, archive: Any, to: Path, fault: str
) -> None:
    packed = archive(BAD[fault](make))
    before = sorted(to.parent.iterdir())
    with pytest.raises(FailedError, match=r"archive\.tar\.gz"):
        unpack.unpack_programs(packed, PROGRAMS, to)
    assert sorted(to.parent.iterdir()) == before


@pytest.mark.parametrize("fault", [name for name in BAD if name != "no such member"])
def test_a_tree_is_refused_for_the_same_reasons(make: Any, archive: Any, to: Path, fault: str) -> None:
    packed = archive(BAD[fault](make))
    with pytest.raises(FailedError):
        unpack.unpack_tree(packed, to)


def test_a_zip_with_a_link_is_refused(make: Any, archive: Any, to: Path) -> None:
    packed = archive(make.zipped({}, {"loki-linux-amd64": "/bin/sh"}), ".zip")
    with pytest.raises(FailedError, match="is a link"):
        unpack.unpack_programs(packed, {"loki": "loki-linux-amd64"}, to)


def test_a_damaged_zip_is_refused(make: Any, archive: Any, to: Path) -> None:
    content = bytearray(make.zipped({"loki-linux-amd64": make.noise(10_000)}))
    content[5_000] ^= 0xFF
    with pytest.raises(FailedError, match="cannot be unpacked"):
        unpack.unpack_programs(archive(bytes(content), ".zip"), {"loki": "loki-linux-amd64"}, to)


def test_a_small_archive_cannot_fill_the_disk(
    make: Any, archive: Any, to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "LIMIT_BYTES", 1_000_000)
    bomb = archive(make.tar_gz({"prometheus-3/prometheus": bytes(50_000_000)}))
    assert bomb.stat().st_size < 100_000
    with pytest.raises(FailedError, match="unpacks to more"):
        unpack.unpack_programs(bomb, PROGRAMS, to)
    assert sum(path.stat().st_size for path in to.iterdir()) <= 1_000_000


def test_a_tree_loses_its_top_folder_and_keeps_what_may_be_executed(
    make: Any, archive: Any, to: Path
) -> None:
    files = {"grafana-13/bin/grafana": b"the server", "grafana-13/conf/defaults.ini": b"[paths]"}
    unpack.unpack_tree(archive(make.tar_gz(files)), to)
    assert (to / "bin" / "grafana").stat().st_mode & 0o111
    assert (to / "conf" / "defaults.ini").read_bytes() == b"[paths]"


def test_a_link_that_stays_in_the_tree_is_made(make: Any, archive: Any, to: Path) -> None:
    packed = make.tar_gz(
        {"g/data/plugin/module.js": b"code"}, make.tar_link("g/public/plugin", "../data/plugin")
    )
    unpack.unpack_tree(archive(packed), to)
    assert (to / "public" / "plugin" / "module.js").read_bytes() == b"code"


LINKS = {
    "out of the tree": [("g/bin/sh", "../../../bin/sh")],
    "to an absolute path": [("g/sh", "/bin/sh")],
    "through another link": [("g/p/q/top", "../.."), ("g/escape", "p/q/top/../x")],
    "below another link": [("g/a/b/c/d", "../../.."), ("g/a/b/c/d/x", "y")],
}


@pytest.mark.parametrize("leads", LINKS)
def test_a_link_that_leads_out_is_refused(make: Any, archive: Any, to: Path, leads: str) -> None:
    def links(tar: tarfile.TarFile) -> None:
        for name, target in LINKS[leads]:
            make.tar_link(name, target)(tar)

    with pytest.raises(FailedError, match="link"):
        unpack.unpack_tree(archive(make.tar_gz({"g/file": b""}, links)), to)


def test_nothing_is_written_through_a_link(make: Any, archive: Any, to: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()

    def through(tar: tarfile.TarFile) -> None:
        make.tar_link("g/folder", str(outside))(tar)
        info = tarfile.TarInfo("g/folder/file")
        tar.addfile(info)

    with pytest.raises(FailedError):
        unpack.unpack_tree(archive(make.tar_gz({}, through)), to)
    assert not list(outside.iterdir())
