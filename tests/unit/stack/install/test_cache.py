from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.errors import MissingError
from obsdeck.stack.install import cache as store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def filled(home: Any, release: Any) -> Any:
    """The release of an entry that was just put into the cache."""
    with store.filling(home.cache, release()) as folder:
        (folder / "prometheus").write_bytes(b"the server")
        store.commit(folder, home.cache, release(), ["prometheus"], provider="archive", source="somewhere")
    return release()


def test_an_entry_is_whole_and_says_where_it_came_from(home: Any, filled: Any) -> None:
    program = store.entry(home.cache, filled) / "prometheus"
    assert store.fault(home.cache, filled) == ""
    assert os.access(program, os.X_OK)
    manifest = store.read_manifest(home.cache, filled)
    assert (manifest["provider"], manifest["source"]) == ("archive", "somewhere")
    assert manifest["files"]["prometheus"]["sha256"] == store.checksum(program)


def test_nothing_of_an_entry_that_was_not_committed_is_left(home: Any, release: Any) -> None:
    with suppress(KeyboardInterrupt), store.filling(home.cache, release()) as folder:
        (folder / "prometheus").write_bytes(b"half of the ser")
        raise KeyboardInterrupt
    assert not list((home.cache / "bin" / "prometheus").iterdir())
    assert store.fault(home.cache, release()) == "not in the cache"


def test_what_a_killed_run_left_is_cleared_away(home: Any, release: Any) -> None:
    leftover = home.cache / "bin" / "prometheus" / ".new-killed"
    leftover.mkdir(parents=True)
    with store.filling(home.cache, release()):
        assert not leftover.exists()


def test_a_program_that_was_changed_is_noticed_by_its_size_and_time(home: Any, filled: Any) -> None:
    program = store.entry(home.cache, filled) / "prometheus"
    program.write_bytes(b"another server")
    assert "was changed" in store.fault(home.cache, filled)


def test_a_cache_that_was_copied_is_as_good_as_before(home: Any, filled: Any) -> None:
    program = store.entry(home.cache, filled) / "prometheus"
    installed = program.stat().st_mtime_ns
    os.utime(program, ns=(0, 0))
    assert store.fault(home.cache, filled) == ""
    assert program.stat().st_mtime_ns == installed, "the next look is a quick one again"


def test_a_program_of_another_time_and_content_is_damaged(home: Any, filled: Any) -> None:
    program = store.entry(home.cache, filled) / "prometheus"
    program.write_bytes(b"tha server")
    os.utime(program, ns=(0, 0))
    assert "damaged" in store.fault(home.cache, filled)


def test_a_program_that_rotted_on_the_disk_is_noticed_by_its_checksum(home: Any, filled: Any) -> None:
    program = store.entry(home.cache, filled) / "prometheus"
    before = program.stat()
    program.write_bytes(b"tha server")
    os.utime(program, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert store.fault(home.cache, filled) == ""
    assert "damaged" in store.fault(home.cache, filled, thorough=True)


def test_a_program_that_is_gone_is_noticed(home: Any, filled: Any) -> None:
    (store.entry(home.cache, filled) / "prometheus").unlink()
    assert "is gone" in store.fault(home.cache, filled)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"files": {}}', b'{"files": null}'])
def test_a_damaged_manifest_is_no_entry(home: Any, filled: Any, content: bytes) -> None:
    (store.entry(home.cache, filled) / "manifest.json").write_bytes(content)
    assert store.fault(home.cache, filled) == "not in the cache"


def test_an_entry_can_be_replaced(home: Any, filled: Any) -> None:
    with store.filling(home.cache, filled) as folder:
        (folder / "prometheus").write_bytes(b"a newer server")
        store.commit(folder, home.cache, filled, ["prometheus"], provider="module", source="elsewhere")
    assert (store.entry(home.cache, filled) / "prometheus").read_bytes() == b"a newer server"
    assert store.fault(home.cache, filled, thorough=True) == ""


def test_a_cache_that_cannot_be_made_is_an_error_with_a_way_out(tmp_path: Path, release: Any) -> None:
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(MissingError, match="cannot be written") as caught,
        store.filling(tmp_path / "file" / "cache", release()),
    ):
        pass
    assert "no directory" in caught.value.why
    assert "XDG_CACHE_HOME" in caught.value.hint


def test_other_faults_are_not_taken_for_the_disks(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), store.writing(tmp_path):
        (tmp_path / "nothing").read_bytes()


def test_too_little_room_is_said_before_anything_is_begun(tmp_path: Path) -> None:
    store.require_room(tmp_path, 1)
    with pytest.raises(MissingError) as caught:
        store.require_room(tmp_path, 10**18)
    assert "1000000000.0 GB are needed" in caught.value.why


def test_a_miss_is_remembered_for_a_day_and_for_its_version(
    home: Any, release: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert store.recent_miss(home.cache, release()) == ""
    store.remember_miss(home.cache, release(), "nobody answered")
    assert store.recent_miss(home.cache, release()) == "nobody answered"
    now = time.time()
    with monkeypatch.context() as later:
        later.setattr(store.time, "time", lambda: now + store.MISS_SECONDS + 1)
        assert store.recent_miss(home.cache, release()) == ""
    store.remember_miss(home.cache, release(), "")
    assert store.recent_miss(home.cache, release()) == ""
