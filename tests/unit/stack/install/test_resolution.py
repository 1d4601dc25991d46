from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from obsdeck.errors import UsageError
from obsdeck.stack.install import cache as store
from obsdeck.stack.install.catalog import load_versions
from obsdeck.stack.install.resolution import Resolved, resolve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOWHERE = {"PATH": "/nonexistent"}


@pytest.fixture
def on_path(tmp_path: Path, make: Any) -> Callable[..., dict[str, str]]:
    """An environment whose PATH has one program."""

    def of(name: str, version: str, said: str = "") -> dict[str, str]:
        folder = tmp_path / "a bin"
        folder.mkdir(exist_ok=True)
        program = folder / name
        program.write_bytes(make.script(version, name) + said.encode())
        program.chmod(0o755)
        return {"PATH": str(folder)}

    return of


def cached(home: Any, component: str) -> None:
    release = load_versions()[component]
    with store.filling(home.cache, release) as folder:
        (folder / release.program).write_bytes(b"the server")
        store.commit(folder, home.cache, release, [release.program], provider="module", source="x")


def test_a_program_that_was_named_comes_before_all_others(home: Any, settings: Any, on_path: Any) -> None:
    cached(home, "prometheus")
    environ = on_path("prometheus", "3.15.0")
    program = f"{environ['PATH']}/prometheus"
    found = resolve("prometheus", settings(OBSDECK_PROMETHEUS_BIN=program), home.cache, environ)
    assert (found.provider, str(found.path), found.version, found.note) == ("given", program, "3.15.0", "")


def test_a_named_program_is_used_even_if_it_is_too_old_with_a_note(
    home: Any, settings: Any, on_path: Any
) -> None:
    program = on_path("loki", "2.9.0")["PATH"] + "/loki"
    found = resolve("loki", settings(OBSDECK_LOKI_BIN=program), home.cache, NOWHERE)
    assert found.provider == "given"
    assert found.note == "it may not fit: it is 2.9.0, 3.4 or newer is needed"


def test_a_named_program_may_be_silent_about_its_version(home: Any, settings: Any, on_path: Any) -> None:
    program = on_path("tempo", "")["PATH"] + "/tempo"
    found = resolve("tempo", settings(OBSDECK_TEMPO_BIN=program), home.cache, NOWHERE)
    assert (found.provider, found.version, found.note) == ("given", "", "")


@pytest.mark.parametrize(("name", "why"), [("missing", "no such file"), ("folder", "cannot be executed")])
def test_a_named_program_that_cannot_run_is_wrong_use(
    home: Any, settings: Any, tmp_path: Path, name: str, why: str
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="OBSDECK_LOKI_BIN") as caught:
        resolve("loki", settings(OBSDECK_LOKI_BIN=str(tmp_path / name)), home.cache, NOWHERE)
    assert why in caught.value.why


def test_a_named_program_that_fails_is_wrong_use(home: Any, settings: Any, on_path: Any) -> None:
    program = on_path("loki", "3.7.8", said="exit 4\n")["PATH"] + "/loki"
    with pytest.raises(UsageError, match="does not run"):
        resolve("loki", settings(OBSDECK_LOKI_BIN=program), home.cache, NOWHERE)


@pytest.mark.parametrize("version", ["3.5.0", "3.15.0", "3.99.1"])
def test_a_program_on_path_that_fits_comes_before_the_cache(
    home: Any, settings: Any, on_path: Any, version: str
) -> None:
    cached(home, "prometheus")
    found = resolve("prometheus", settings(), home.cache, on_path("prometheus", version))
    assert (found.provider, found.version) == ("path", version)


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("2.42.0", "it is 2.42.0, 3.5 or newer is needed"),
        ("4.0.0", "it is 4.0.0, the configuration is for 3.x"),
        ("", "it does not say its version"),
    ],
)
def test_a_program_on_path_that_does_not_fit_is_passed_over_and_it_is_said_why(
    home: Any, settings: Any, on_path: Any, version: str, why: str
) -> None:
    cached(home, "prometheus")
    found = resolve("prometheus", settings(), home.cache, on_path("prometheus", version))
    assert found.provider == "cache"
    assert found.note.endswith(f"prometheus is passed over: {why}")


def test_a_collector_without_the_parts_of_our_configuration_is_passed_over(
    home: Any, settings: Any, on_path: Any
) -> None:
    listing = "echo 'receivers:'; echo '    - name: otlp'\n"
    found = resolve("collector", settings(), home.cache, on_path("otelcol", "0.155.0", listing))
    assert found.provider == "absent"
    assert "it was built without connectors/forward, connectors/span_metrics" in found.note


def test_a_collector_with_all_parts_is_taken(home: Any, settings: Any, on_path: Any) -> None:
    listing = "".join(
        f"echo '{section}:'; echo '    - name: {name}'\n"
        for section, _, name in (need.partition("/") for need in load_versions()["collector"].needs)
    )
    found = resolve("collector", settings(), home.cache, on_path("otelcol", "0.160.0", listing))
    assert (found.provider, found.version) == ("path", "0.160.0")


def test_a_grafana_without_its_pages_is_passed_over(home: Any, settings: Any, on_path: Any) -> None:
    environ = on_path("grafana", "13.2.3")
    assert "conf/defaults.ini" in resolve("grafana", settings(), home.cache, environ).note


def test_what_is_in_the_cache_is_taken_without_being_run(home: Any, settings: Any) -> None:
    cached(home, "loki")  # no program at all: to run it would fail
    found = resolve("loki", settings(), home.cache, NOWHERE)
    path = home.cache / "bin" / "loki" / "3.7.8" / "loki"
    assert found == Resolved("loki", "cache", "3.7.8", path)


def test_a_cache_entry_that_was_changed_is_passed_over(home: Any, settings: Any) -> None:
    cached(home, "loki")
    (home.cache / "bin" / "loki" / "3.7.8" / "loki").write_bytes(b"something else")
    found = resolve("loki", settings(), home.cache, NOWHERE)
    assert found.provider == "absent"
    assert "was changed" in found.note


def test_tempo_has_a_stand_in_and_others_have_none(home: Any, settings: Any) -> None:
    assert resolve("tempo", settings(), home.cache, NOWHERE) == Resolved("tempo", "embedded")
    assert resolve("grafana", settings(), home.cache, NOWHERE) == Resolved("grafana", "absent")


def test_a_warm_resolve_runs_nothing(
    home: Any, settings: Any, on_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = on_path("prometheus", "3.15.0")
    cached(home, "loki")
    before = [resolve(name, settings(), home.cache, environ) for name in load_versions()]
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("a program was run"))
    assert [resolve(name, settings(), home.cache, environ) for name in load_versions()] == before
