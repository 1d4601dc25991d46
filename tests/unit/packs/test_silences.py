from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from obsdeck.packs import silences
from obsdeck.packs.findings import Finding
from obsdeck.packs.source import Place

if TYPE_CHECKING:
    from pathlib import Path

    from packs.conftest import Repository

    from obsdeck.packs.silences import Silence

UNTESTED = """\
silences:
  - check: untested-alert
    path: "{path}"
    reason: They are being written.
"""
ALERTS = "observability/packs/shop/alerts.yaml"


@pytest.fixture
def untested(repository: Repository) -> Repository:
    """Both alerts and the objective have no tests."""
    repository.put("tests/shop.yaml", "tests: []\n")
    return repository


def silence(repository: Repository, text: str) -> None:
    (repository.packs.parent / "silences.yaml").write_text(text, encoding="utf-8")


def written(repository: Repository, text: str) -> tuple[Silence, ...]:
    silence(repository, text)
    return repository.read().silences


def test_a_finding_is_silenced_by_its_check_and_its_file(untested: Repository) -> None:
    silence(untested, UNTESTED.format(path=ALERTS))
    read = untested.read()
    assert [one.place.path.name for one in read.findings] == ["slos.yaml"]
    assert [one.check for one in read.silenced] == ["untested-alert", "untested-alert"]


@pytest.mark.parametrize(
    "path", ["observability/packs/shop/*.yaml", "observability/**", "**/*.yaml", "observability/packs/*/*"]
)
def test_a_path_may_be_a_pattern(path: str, untested: Repository) -> None:
    silence(untested, UNTESTED.format(path=path))
    assert untested.found() == []


@pytest.mark.parametrize(
    "path", ["observability/packs/shop/tests/*", "observability/*", "alerts.yaml", "[", "/"]
)
def test_other_files_are_not_silenced(path: str, untested: Repository) -> None:
    silence(untested, UNTESTED.format(path=path))
    assert untested.found() == ["untested-alert"] * 3


def test_what_it_is_about_narrows_a_silence(untested: Repository) -> None:
    silence(untested, UNTESTED.format(path=ALERTS) + "    about: ShopIdle\n")
    assert ["ShopIdle" in one.message for one in untested.read().silenced] == [True]


@pytest.mark.parametrize(("days", "silenced"), [(-1, 0), (0, 2), (1, 2)])
def test_a_silence_holds_until_the_end_of_its_last_day(
    days: int, silenced: int, untested: Repository
) -> None:
    last = datetime.now(UTC).date() + timedelta(days=days)
    silence(untested, UNTESTED.format(path=ALERTS) + f"    until: {last}\n")
    assert len(untested.read().silenced) == silenced


def test_a_silenced_error_does_not_stop_generate(untested: Repository) -> None:
    assert not untested.read().is_sound
    silence(untested, UNTESTED.format(path="observability/**"))
    assert untested.read().is_sound


@pytest.mark.parametrize(
    ("entry", "check"),
    [
        ("{check: untested-alert, path: x}", "missing-key"),
        ("{check: untested-alert, path: x, reason: ''}", "wrong-value"),
        ("{check: untested, path: x, reason: R}", "wrong-value"),
        ("{check: unreadable, path: x, reason: R}", "wrong-value"),
        ("{check: levels, path: x, reason: R}", "wrong-value"),
        ("{check: untested-alert, path: x, reason: R, until: soon}", "wrong-value"),
        ("{check: untested-alert, path: x, reason: R, until: 20270131}", "wrong-value"),
        ("{check: untested-alert, paths: x, reason: R}", "unknown-key"),
    ],
)
def test_a_wrong_silence_is_an_error(entry: str, check: str, repository: Repository) -> None:
    silence(repository, f"silences:\n  - {entry}\n")
    read = repository.read()
    assert check in {one.check for one in read.findings}
    assert {one.place.path.name for one in read.findings} == {"silences.yaml"}
    assert not read.is_sound


def over(repository: Repository, text: str, seen: set[str], unasked: set[str] | None = None) -> list[str]:
    found = silences.unused(written(repository, text), repository.read().silenced, seen, unasked or set())
    return [one.message for one in found]


def everything(repository: Repository) -> set[str]:
    return {str(path) for path in repository.root.rglob("*")}


def test_a_silence_that_silences_nothing_is_told(repository: Repository) -> None:
    assert over(repository, UNTESTED.format(path=ALERTS), everything(repository)) == [
        "nothing is found there by untested-alert"
    ]


def test_a_silence_that_silences_something_is_not_told(untested: Repository) -> None:
    assert over(untested, UNTESTED.format(path=ALERTS), everything(untested)) == []


def test_a_silence_of_no_file_is_told(repository: Repository) -> None:
    assert over(repository, UNTESTED.format(path="nowhere/*"), set()) == ["there is no file nowhere/*"]


def test_a_silence_that_has_expired_is_told(untested: Repository) -> None:
    text = UNTESTED.format(path=ALERTS) + "    until: 2020-01-31\n"
    assert over(untested, text, set()) == ["it has expired on 2020-01-31"]


def test_nothing_is_told_of_files_that_were_not_looked_at(repository: Repository) -> None:
    assert (
        over(repository, UNTESTED.format(path="observability/**"), {str(repository.file("alerts.yaml"))})
        == []
    )


def test_nothing_is_told_of_checks_that_were_not_made(repository: Repository) -> None:
    text = UNTESTED.format(path=ALERTS)
    assert over(repository, text, everything(repository), {"untested-alert"}) == []


def test_findings_keep_their_order(tmp_path: Path) -> None:
    found = [Finding("levels", str(number), Place(tmp_path, number)) for number in range(3)]
    assert silences.sort(found, ()) == silences.Sorted(tuple(found), ())
