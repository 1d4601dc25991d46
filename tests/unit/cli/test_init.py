"""`obsdeck init` and `obsdeck init pack`, as they are typed in a fresh directory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Machine

SHOP = (
    "observability/packs/shop/alerts.yaml",
    "observability/packs/shop/dashboards/shop.yaml",
    "observability/packs/shop/pack.yaml",
    "observability/packs/shop/signals.yaml",
    "observability/packs/shop/tests/shop.yaml",
    "runbooks/shop/ShopFails.md",
)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_from_nothing_to_generated_files_that_pass(machine: Machine) -> None:
    done = machine.obsdeck("init", "pack", "shop")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(f"created  {path}\n" for path in SHOP)
    assert "obsdeck check" in done.stderr
    assert "obsdeck generate" in done.stderr
    generated = machine.obsdeck("generate")
    assert generated.returncode == 0, generated.stderr
    assert (machine.folder / "observability/generated/dashboards/Services/shop.json").is_file()
    assert "alert: ShopFails" in (machine.folder / "observability/generated/rules/shop.yaml").read_text()
    assert machine.obsdeck("generate", "--check").returncode == 0
    checked = machine.obsdeck("check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    used = machine.obsdeck("lineage", "shop_jobs_total")
    assert "ShopFails" in used.stdout


def test_what_is_written_can_be_told_as_json(machine: Machine) -> None:
    done = machine.obsdeck("init", "pack", "shop", "--json")
    assert json.loads(done.stdout) == {"schema_version": 1, "ok": True, "created": list(SHOP)}


@pytest.mark.parametrize("how", ["flag", "setting"])
def test_packs_may_lie_elsewhere(how: str, machine: Machine) -> None:
    words = ("--packs", "watching/packs") if how == "flag" else ()
    environ = {} if how == "flag" else {"OBSDECK_PACKS": "watching/packs"}
    assert machine.obsdeck("init", "pack", "shop", *words, **environ).returncode == 0
    assert files(machine.folder) == [
        path.replace("observability", "watching") for path in SHOP if "run" in path
    ] + [path.replace("observability", "watching") for path in SHOP if "run" not in path]
    assert machine.obsdeck("generate", *words, **environ).returncode == 0
    assert (machine.folder / "watching/generated/rules/shop.yaml").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("pack", "Shop"), "'Shop' is no name of a pack"),
        (("pack", "../shop"), "'../shop' is no name of a pack"),
        (("pack", "http"), "'http' is a name of obsdeck's own"),
        (("pack",), "the pack has no name"),
        (("pack", "shop", "more"), "too many words"),
    ],
)
def test_what_cannot_be_meant_is_wrong_use(words: tuple[str, ...], message: str, machine: Machine) -> None:
    done = machine.obsdeck("init", *words)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {message}")
    assert files(machine.folder) == []


def test_a_second_time_nothing_is_overwritten(machine: Machine) -> None:
    machine.obsdeck("init", "pack", "shop")
    mine = machine.folder / "observability/packs/shop/pack.yaml"
    mine.write_text("title: Mine\n")
    done = machine.obsdeck("init", "pack", "shop")
    assert done.returncode == 2
    assert "observability/packs/shop is there already" in done.stderr
    assert mine.read_text() == "title: Mine\n"


def test_without_a_word_the_files_of_the_stack_are_written_here(machine: Machine) -> None:
    done = machine.obsdeck("init", "--json")
    document = json.loads(done.stdout)
    assert document["ok"]
    assert document["kept"] == []
    assert sorted(document["created"]) == files(machine.folder)
    assert {".env.example", "ops/observability/compose.yaml", "scripts/obs/up.sh"} <= set(document["created"])
    again = machine.obsdeck("init", ".")
    assert again.returncode == 0
    assert "created" not in again.stdout
    assert "kept     .env.example" in again.stdout


def test_a_directory_may_be_called_pack(machine: Machine) -> None:
    (machine.folder / "pack").mkdir()
    assert machine.obsdeck("init", "./pack").returncode == 0
    assert (machine.folder / "pack/.env.example").is_file()
