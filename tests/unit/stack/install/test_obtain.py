from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.errors import MissingError
from obsdeck.stack import install
from obsdeck.stack.events import Note
from obsdeck.stack.install import cache as store
from obsdeck.stack.install import obtain as obtain_module
from obsdeck.stack.install import resolution
from obsdeck.stack.install.catalog import load_versions
from obsdeck.stack.install.obtain import lacking, obtain, require, verify_cache
from obsdeck.stack.install.resolution import Resolved

if TYPE_CHECKING:
    from collections.abc import Callable

ARCHIVE = "/p/prometheus.tar.gz"
NOWHERE = {"PATH": "/nonexistent"}
REFUSING = "http://127.0.0.1:1"


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replaces releases of the catalog."""

    def use(*releases: Any) -> None:
        replaced = {**load_versions(), **{one.component: one for one in releases}}
        for module in (obtain_module, resolution):
            monkeypatch.setattr(module, "load_versions", lambda: replaced)

    return use


@pytest.fixture
def served(site: Any, make: Any, release: Any, catalog: Any) -> Any:
    """A site that has the Prometheus of the catalog."""
    content = make.tar_gz({"prometheus-3/prometheus": make.script("3.15.0")})
    site.answers[ARCHIVE] = content
    catalog(release(content))
    return site


def no_note(event: object) -> None:
    assert not isinstance(event, Note)


def test_what_is_missing_is_got_once(home: Any, settings: Any, served: Any) -> None:
    mirror = settings(OBSDECK_MIRROR=served.url)
    (first,) = obtain(["prometheus"], mirror, home, no_note, environ=NOWHERE)
    (second,) = obtain(["prometheus"], mirror, home, no_note, environ=NOWHERE)
    assert (first.provider, second.provider) == ("archive", "cache")
    assert first.path == second.path
    assert served.asked == [ARCHIVE]


def test_offline_reaches_out_to_nobody_and_says_so(home: Any, settings: Any, served: Any) -> None:
    mirror = settings(OBSDECK_MIRROR=served.url)
    rows = obtain(["prometheus", "tempo"], mirror, home, no_note, offline=True, environ=NOWHERE)
    assert [(one.provider, one.note) for one in rows] == [
        ("absent", "nothing was downloaded: --offline"),
        ("embedded", "the embedded trace store stands in for Tempo (nothing was downloaded: --offline)"),
    ]
    assert served.asked == []
    with pytest.raises(MissingError, match="not installed: prometheus") as caught:
        require(rows, offline=True)
    assert caught.value.hint == "run `obsdeck install prometheus` once while there is a network"
    assert not home.cache.exists()


def test_rows_come_in_the_order_in_which_they_were_asked_for(home: Any, settings: Any) -> None:
    names = ["tempo", "alertmanager", "collector", "grafana"]
    rows = obtain(names, settings(), home, no_note, offline=True, environ=NOWHERE)
    assert [one.component for one in rows] == names


def unreachable(component: str) -> Any:
    return replace(load_versions()[component], module=None)


def test_what_is_optional_and_could_not_be_had_is_not_tried_at_each_start(
    home: Any, settings: Any, catalog: Any
) -> None:
    catalog(unreachable("tempo"))
    mirror = settings(OBSDECK_MIRROR=REFUSING)
    told: list[object] = []
    first = obtain(["grafana", "tempo"], mirror, home, told.append, environ=NOWHERE)
    assert [one.provider for one in first] == ["absent", "embedded"]
    assert Note("127.0.0.1 cannot be reached: nothing is downloaded from there") in told
    told.clear()
    assert obtain(["grafana", "tempo"], mirror, home, told.append, environ=NOWHERE) == first
    assert told == []
    obtain(["grafana"], mirror, home, told.append, again=True, environ=NOWHERE)
    assert told


def test_what_the_stack_needs_is_tried_at_each_start(home: Any, settings: Any, catalog: Any) -> None:
    catalog(unreachable("loki"))
    mirror = settings(OBSDECK_MIRROR=REFUSING)
    for _ in range(2):
        told: list[object] = []
        (one,) = obtain(["loki"], mirror, home, told.append, environ=NOWHERE)
        assert one.provider == "absent"
        assert told


def test_a_damaged_program_is_found_by_reading_and_got_again(home: Any, settings: Any, served: Any) -> None:
    mirror = settings(OBSDECK_MIRROR=served.url)
    (one,) = obtain(["prometheus"], mirror, home, no_note, environ=NOWHERE)
    before = one.path.stat()
    content = bytearray(one.path.read_bytes())
    content[-2] ^= 1
    one.path.write_bytes(content)
    os.utime(one.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    told: list[Note] = []
    verify_cache(["prometheus", "loki"], home, told.append)  # type: ignore[arg-type]
    assert [("damaged" in note.text) for note in told] == [True]
    (again,) = obtain(["prometheus"], mirror, home, no_note, environ=NOWHERE)
    assert again.provider == "archive"
    assert store.fault(home.cache, obtain_module.load_versions()["prometheus"], thorough=True) == ""


def test_a_changed_program_is_got_again_without_being_asked(home: Any, settings: Any, served: Any) -> None:
    mirror = settings(OBSDECK_MIRROR=served.url)
    (one,) = obtain(["prometheus"], mirror, home, no_note, environ=NOWHERE)
    one.path.write_bytes(b"#!/bin/sh\nexit 1\n")
    (again,) = obtain(["prometheus"], mirror, home, no_note, environ=NOWHERE)
    assert again.provider == "archive"


def test_only_what_is_needed_or_named_is_lacking() -> None:
    rows = [
        Resolved("grafana", "absent"),
        Resolved("tempo", "embedded"),
        Resolved("loki", "absent", note="why"),
    ]
    assert [one.component for one in lacking(rows)] == ["loki"]
    assert [one.component for one in lacking(rows, ["grafana", "tempo"])] == ["grafana", "loki"]
    with pytest.raises(MissingError, match="not installed: loki") as caught:
        require(rows)
    assert caught.value.why == "loki: why"
    require(rows[:2])


def test_ensure_insists_on_what_the_stack_needs(home: Any, settings: Any) -> None:
    with pytest.raises(MissingError, match="not installed: loki"):
        install.ensure(["loki", "grafana"], settings(), home, no_note, offline=True)
