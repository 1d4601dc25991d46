"""Whatever a folder of packs holds: all of its faults with their places, exit 2, and nothing is written."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from obsdeck import cli
from obsdeck.packs import where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from packs.conftest import Repository

    Spoil = Callable[[Repository], object]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No .env, no packs and no cache of the person who runs the tests."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.setenv("OBSDECK_HOME", str(here / "home"))
    # Ours are not read with each of them: they are sound, and many.
    shipped = here / "observability" / "packs"
    shipped.mkdir(parents=True)
    monkeypatch.setattr(where, "_shipped", lambda: shipped)


def tree(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file with its mode and content; of what is no file the mode alone."""
    return {
        str(path.relative_to(root)): (
            path.lstat().st_mode,
            path.read_bytes() if stat.S_ISREG(path.lstat().st_mode) and os.access(path, os.R_OK) else b"",
        )
        for path in sorted(root.rglob("*"))
    }


def refused(packs: Path, capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str, int]]:
    """Check, file and line of what `check` and `generate` say, which is the same, and what `check` prints."""
    root = packs.parent.parent
    before = tree(root)
    said: dict[str, list[dict[str, Any]]] = {}
    for verb in ("check", "generate"):
        assert cli.run([verb, "--packs", str(packs), "--json"]) == 2
        said[verb] = json.loads(capsys.readouterr().out)["findings"]
        assert cli.run([verb, "--packs", str(packs)]) == 2
        printed = "".join(capsys.readouterr())
        assert all(one.isprintable() or one == "\n" for one in printed)
        assert "Traceback" not in printed
    assert said["check"] == said["generate"]
    assert tree(root) == before
    return [(one["check"], Path(one["path"]).name, one["line"]) for one in said["check"]]


def put(name: str, content: str | bytes) -> Spoil:
    def spoil(repository: Repository) -> None:
        path = repository.file(name)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return spoil


def change(name: str, old: str, new: str) -> Spoil:
    return lambda repository: repository.change(name, old, new)


def instead(name: str, make: Callable[[Path], object]) -> Spoil:
    """Something else where a file was."""

    def spoil(repository: Repository) -> None:
        repository.file(name).unlink()
        make(repository.file(name))

    return spoil


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
PANEL = """\
uid: other
title: Other
description: Another.
rows:
  - title: Row
    panels:
"""


def panel(text: str) -> Spoil:
    """A second dashboard with one panel, whose title is on line 7."""
    return lambda repository: repository.put("dashboards/other.yaml", PANEL + text)


def query(text: str, language: str = "promql") -> Spoil:
    asked = f"        language: {language}\n        query: {json.dumps(text)}\n"
    return panel(f"      - title: P\n        description: D.\n{asked}")


CASES: dict[str, tuple[Spoil, tuple[str, str, int]]] = {
    "a wrong key": (
        change("pack.yaml", "owner:", "ownr:"),
        ("unknown-key", "pack.yaml", 3),
    ),
    "an unknown signal": (
        change("dashboards/shop.yaml", "signal: shop.fill", "signal: shop.fil"),
        ("unknown-signal", "shop.yaml", 39),
    ),
    "a unit that does not exist": (
        change(
            "signals.yaml", "unit: s\n    attributes: [{ref: shop", "unit: sec\n    attributes: [{ref: shop"
        ),
        ("unknown-unit", "signals.yaml", 14),
    ),
    "levels that overlap": (
        change("dashboards/shop.yaml", '"0.01..0.05"', '"0.01..0.06"'),
        ("levels", "shop.yaml", 19),
    ),
    "levels with a gap": (
        change("dashboards/shop.yaml", '"0.01..0.05"', '"0.01..0.04"'),
        ("levels", "shop.yaml", 19),
    ),
    "a uid that is taken": (
        lambda repository: repository.put(
            "dashboards/zzz.yaml", PANEL.replace("uid: other", "uid: shop").replace("    panels:\n", "")
        ),
        ("duplicate-uid", "zzz.yaml", 1),
    ),
    "a query that is no PromQL": (
        query("sum(rate(shop_orders_total[5m])"),
        ("query-syntax", "other.yaml", 10),
    ),
    "a query that is no LogQL": (query('{service_name="a"', "logql"), ("query-syntax", "other.yaml", 10)),
    "a query that is no TraceQL": (query("{ .a = }", "traceql"), ("query-syntax", "other.yaml", 10)),
    "a query of ten thousand brackets": (
        query("(" * 10_000 + "shop_orders_total" + ")" * 10_000),
        ("query-syntax", "other.yaml", 10),
    ),
    "a query of ten thousand operators": (
        query("shop_orders_total" + " + 1" * 10_000),
        ("query-syntax", "other.yaml", 10),
    ),
    "a TraceQL query of ten thousand operators": (
        query("{ " + "!" * 10_000 + ".a }", "traceql"),
        ("query-syntax", "other.yaml", 10),
    ),
    "a runbook that is missing": (
        lambda repository: repository.file("ShopFails.md").unlink(),
        ("no-runbook", "alerts.yaml", 6),
    ),
    "a runbook that is a folder": (
        instead("ShopFails.md", Path.mkdir),
        ("unreadable", "ShopFails.md", 0),
    ),
    "a runbook that is a pipe": (
        instead("ShopFails.md", os.mkfifo),
        ("unreadable", "ShopFails.md", 0),
    ),
    "a runbook that leads out": (
        lambda repository: repository.file("Passwords.md").symlink_to("/etc/passwd"),
        ("outside", "Passwords.md", 0),
    ),
    "a billion laughs": (put("signals.yaml", BOMB), ("unreadable", "signals.yaml", 5)),
    "brackets in brackets": (put("signals.yaml", "[" * 200_000), ("unreadable", "signals.yaml", 1)),
    "keys in keys": (
        put("signals.yaml", "".join(" " * depth + "a:\n" for depth in range(500))),
        ("unreadable", "signals.yaml", 42),
    ),
    "an anchor within itself": (put("signals.yaml", "&a [*a]\n"), ("unreadable", "signals.yaml", 1)),
    "a huge file": (put("signals.yaml", "#" * (2 << 20)), ("unreadable", "signals.yaml", 0)),
    "a series of a test that never ends": (
        change("tests/shop.yaml", "0x120", "0x99999999999"),
        ("wrong-value", "shop.yaml", 27),
    ),
    "bytes that are no UTF-8": (
        put("signals.yaml", b"groups: []\n# \xff\n"),
        ("unreadable", "signals.yaml", 2),
    ),
    "UTF-16": (put("signals.yaml", "groups: []\n".encode("utf-16")), ("unreadable", "signals.yaml", 1)),
    "a NUL byte": (put("signals.yaml", "groups: []\n# \0\n"), ("unreadable", "signals.yaml", 2)),
    "a control character": (
        put("signals.yaml", "groups: []\n# \x1b[31m\n"),
        ("unreadable", "signals.yaml", 2),
    ),
    "a tab before a key": (put("signals.yaml", "groups:\n\t- id: a\n"), ("unreadable", "signals.yaml", 2)),
    "a folder named pack.yaml": (
        instead("pack.yaml", Path.mkdir),
        ("unreadable", "pack.yaml", 0),
    ),
    "a folder named signals.yaml": (
        instead("signals.yaml", Path.mkdir),
        ("unreadable", "signals.yaml", 0),
    ),
    "a folder named as a dashboard": (
        lambda repository: repository.file("dashboards/x.yaml").mkdir(),
        ("unreadable", "x.yaml", 0),
    ),
    "no pack.yaml": (lambda repository: repository.file("pack.yaml").unlink(), ("no-pack", "shop", 0)),
    "a pipe named signals.yaml": (
        instead("signals.yaml", os.mkfifo),
        ("unreadable", "signals.yaml", 0),
    ),
    "a link that leads out": (
        lambda repository: repository.file("dashboards/x.yaml").symlink_to("/etc/passwd"),
        ("outside", "x.yaml", 0),
    ),
    "a folder of dashboards that leads out": (
        lambda repository: (
            shutil.move(repository.file("dashboards"), repository.root / "elsewhere"),
            repository.file("dashboards").symlink_to(repository.root / "elsewhere"),
        ),
        ("outside", "dashboards", 0),
    ),
    "a link to itself": (
        lambda repository: repository.file("dashboards/x.yaml").symlink_to("x.yaml"),
        ("unreadable", "x.yaml", 0),
    ),
    "an empty pack.yaml": (put("pack.yaml", ""), ("missing-key", "pack.yaml", 0)),
    "a dashboard of nothing but a remark": (
        lambda repository: repository.put("dashboards/x.yaml", "# nothing\n"),
        ("missing-key", "x.yaml", 0),
    ),
    "a list where keys belong": (put("signals.yaml", "- groups\n"), ("wrong-value", "signals.yaml", 1)),
    "a word where keys belong": (put("signals.yaml", "groups\n"), ("wrong-value", "signals.yaml", 1)),
    "a list of tests where keys belong": (
        put("tests/shop.yaml", "- tests\n"),
        ("wrong-value", "shop.yaml", 1),
    ),
    "a key that is there twice": (
        change("pack.yaml", "title: Shop", "title: Shop\ntitle: Shop"),
        ("unreadable", "pack.yaml", 2),
    ),
    "several documents": (
        put("signals.yaml", "groups: []\n---\ngroups: []\n"),
        ("unreadable", "signals.yaml", 2),
    ),
    "a number where a text belongs": (
        change("pack.yaml", "title: Shop", "title: 12"),
        ("wrong-value", "pack.yaml", 1),
    ),
    "nothing where a text belongs": (
        change("pack.yaml", "title: Shop", "title:"),
        ("wrong-value", "pack.yaml", 1),
    ),
    "a list where a text belongs": (
        change("pack.yaml", "title: Shop", "title: [Shop]"),
        ("wrong-value", "pack.yaml", 1),
    ),
    "a number beyond all numbers": (
        change("dashboards/shop.yaml", "show: stat", "show: stat\n        width: " + "9" * 5000),
        ("unreadable", "shop.yaml", 19),
    ),
    "a colour of the terminal in a value": (
        change("dashboards/shop.yaml", "signal: shop.fill", 'signal: "\\e[31mred\\x9b\\u202e"'),
        ("wrong-value", "shop.yaml", 39),
    ),
    "a colour of the terminal in a title": (
        panel('      - title: "\\e[2J"\n        description: D.\n        signal: no.such\n'),
        ("unknown-signal", "other.yaml", 9),
    ),
    "a very long line": (
        panel(
            "      - title: P\n        description: D.\n        signal: no.such   #" + "x" * 100_000 + "\n"
        ),
        ("unknown-signal", "other.yaml", 9),
    ),
    "a pattern without end": (
        query('{__name__=~"([a-z_]+)+[0-9]"}'),
        ("unknown-metric", "other.yaml", 10),
    ),
    "ends of lines of Windows": (
        lambda repository: repository.file("pack.yaml").write_bytes(
            repository.file("pack.yaml").read_bytes().replace(b"\n", b"\r\n").replace(b"owner", b"ownr")
        ),
        ("unknown-key", "pack.yaml", 3),
    ),
    "a mark before the first letter": (
        lambda repository: repository.file("pack.yaml").write_bytes(
            b"\xef\xbb\xbf" + repository.file("pack.yaml").read_bytes().replace(b"owner", b"ownr")
        ),
        ("unknown-key", "pack.yaml", 3),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_told_with_its_place(
    name: str, repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, expected = CASES[name]
    spoil(repository)
    assert expected in refused(repository.packs, capsys)


@pytest.mark.parametrize(
    "name", ["Shop", "sh op", "shop_", "-shop", "ünlü", "a" * 41, "\x1b[31m", "sh\nop", "..."]
)
def test_a_name_that_is_none_is_told(
    name: str, repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    (repository.packs / name).mkdir()
    (repository.packs / name / "pack.yaml").write_text("title: T\ndescription: D\nowner: O\n")
    if name.startswith("."):
        assert repository.found() == []  # hidden folders are nobody's packs
    else:
        assert ("wrong-value", name, 0) in refused(repository.packs, capsys)


def test_all_faults_of_all_files_are_in_one_report(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (
        "a wrong key",
        "levels with a gap",
        "a key that is there twice",
        "a list of tests where keys belong",
    ):
        CASES[name][0](repository)
    CASES["a query that is no PromQL"][0](repository)
    repository.put("links.yaml", "trace_to_metrics: [{name: N}]\n")
    found = refused(repository.packs, capsys)
    assert {
        ("unreadable", "pack.yaml", 2),
        ("levels", "shop.yaml", 19),
        ("wrong-value", "shop.yaml", 1),
        ("query-syntax", "other.yaml", 10),
        ("missing-key", "links.yaml", 1),
    } <= set(found)


def test_a_key_that_may_have_been_meant_is_named(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.change("pack.yaml", "owner:", "ownr:")
    cli.run(["check", "--packs", str(repository.packs)])
    assert "did you mean `owner`?" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["check", "generate"])
@pytest.mark.parametrize("kind", ["missing", "file"])
def test_packs_that_are_no_folder_are_refused(
    verb: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "packs"
    if kind == "file":
        path.write_text("")
    assert cli.run([verb, "--packs", str(path)]) == 2
    assert "no folder of packs" in capsys.readouterr().err


@pytest.fixture
def ordinary(repository: Repository) -> Iterator[Repository]:
    """The repository of a user who may not read everything: root may, and so becomes another for a while."""
    if os.geteuid() != 0:
        yield repository
        return
    open_to_all = Path(tempfile.mkdtemp(prefix="obsdeck-", dir="/tmp"))
    root = open_to_all / "repository"
    shutil.copytree(repository.root, root)
    # What runs later is loaded now: it may lie where only root can read.
    cli.run(["generate", "--check", "--packs", str(root / "observability" / "packs")])
    cli.run(["check", "--packs", str(root / "observability" / "packs")])
    open_to_all.chmod(0o755)
    os.seteuid(65534)
    try:
        yield type(repository)(root)
    finally:
        os.seteuid(0)
        shutil.rmtree(open_to_all)


def closed(path: Path) -> None:
    user = os.geteuid()
    if os.getuid() == 0:
        os.seteuid(0)
    path.chmod(0)
    os.seteuid(user)


@pytest.mark.parametrize("name", ["signals.yaml", "pack.yaml", "dashboards", "ShopFails.md", "."])
def test_what_may_not_be_read_is_told(
    name: str, ordinary: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = ordinary.file(name)
    monkeypatch.chdir(ordinary.root)
    closed(path)
    capsys.readouterr()
    try:
        codes = [cli.run([verb, "--packs", str(ordinary.packs), "--json"]) for verb in ("generate", "check")]
    finally:
        monkeypatch.undo()
        if os.getuid() != 0:
            path.chmod(0o755)
    first, _ = json.JSONDecoder().raw_decode(capsys.readouterr().out)
    assert codes == [2, 2]
    assert ("unreadable", path.name) in {(one["check"], Path(one["path"]).name) for one in first["findings"]}


def test_a_diff_does_not_reach_the_terminal_as_it_is(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.change("pack.yaml", "description: Orders.", 'description: "Orders\\x9b2J"')
    repository.generated.joinpath("rules").mkdir(parents=True)
    repository.generated.joinpath("rules", "shop.yaml").write_text("\x1b[2J\n")
    capsys.readouterr()
    assert cli.run(["generate", "--check", "--packs", str(repository.packs)]) == 1
    printed = "".join(capsys.readouterr())
    assert "\\x1b[2J" in printed
    assert all(one.isprintable() or one == "\n" for one in printed)
