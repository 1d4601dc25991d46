from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from obsdeck.errors import ConfigError, UsageError
from obsdeck.stack import effective, files, native, receivers
from obsdeck.stack.environment import load_settings
from obsdeck.stack.home import Home, find_home
from obsdeck.stack.install import resolve
from obsdeck.stack.record import Record, write
from obsdeck.stack.variables import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from obsdeck.stack.environment import Settings

SECRET = "s3cret"
EVERYBODY = {
    "OBSDECK_ALERT_WEBHOOK_URL": f"https://example.org/{SECRET}",
    "OBSDECK_ALERT_SLACK_URL": f"https://example.org/{SECRET}",
    "OBSDECK_ALERT_DISCORD_URL": f"https://example.org/{SECRET}",
    "OBSDECK_ALERT_TELEGRAM_TOKEN": f"12:{SECRET}",
    "OBSDECK_ALERT_TELEGRAM_CHAT": "-100",
    "OBSDECK_ALERT_EMAIL_TO": "a@example.org",
    "OBSDECK_ALERT_EMAIL_FROM": "b@example.org",
    "OBSDECK_ALERT_SMTP": "smtp.example.org:587",
    "OBSDECK_ALERT_SMTP_USER": "b",
    "OBSDECK_ALERT_SMTP_PASSWORD": SECRET,
    "OBSDECK_ALERT_WATCHDOG_URL": f"https://example.org/{SECRET}",
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home", tmp_path / "cache")


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., Settings]:
    """Settings of these values and no others."""
    (tmp_path / "empty.env").touch()
    return lambda **values: load_settings(values, tmp_path / "empty.env")


def written(settings: Settings, home: Home) -> str:
    native.copy_configuration("alertmanager", settings, home)
    receivers.write(settings, home)
    return (home.etc("alertmanager") / "alertmanager.yml").read_text(encoding="utf-8")


def shipped() -> str:
    return (files.observability() / "alertmanager" / "alertmanager.yml").read_text(encoding="utf-8")


def test_nothing_set_leaves_the_shipped_file_as_it_is(
    configured: Callable[..., Settings], home: Home
) -> None:
    assert written(configured(), home) == shipped()
    assert not receivers.folder(home).exists()


@pytest.mark.parametrize("one", receivers.INTEGRATIONS, ids=lambda one: one.name)
def test_what_is_set_is_added_to_its_receiver_and_nothing_else_changes(
    one: receivers.Integration, configured: Callable[..., Settings], home: Home
) -> None:
    settings = configured(**{name: EVERYBODY[name] for name in one.needs})
    document, before = yaml.safe_load(written(settings, home)), yaml.safe_load(shipped())
    (filled,) = [row for row in document["receivers"] if len(row) > 1]
    (entry,) = filled.pop(one.key)
    assert filled == {"name": one.receiver}
    assert document == before
    secret = [name for name in one.needs if name in receivers.SECRET]
    assert {path.name for path in receivers.folder(home).glob("*")} == set(secret)
    assert all(str(receivers.folder(home) / name) in entry.values() for name in secret)


def test_every_setting_of_a_receiver_belongs_to_one() -> None:
    needed = {name for one in receivers.INTEGRATIONS for name in one.needs}
    assert needed | {"OBSDECK_ALERT_SMTP_USER", "OBSDECK_ALERT_SMTP_PASSWORD"} == EVERYBODY.keys()
    assert set(receivers.SECRET) == {name for name, value in EVERYBODY.items() if SECRET in value}


def test_the_servers_own_checker_accepts_all_of_them(configured: Callable[..., Settings], home: Home) -> None:
    written(configured(**EVERYBODY), home)
    path = home.etc("alertmanager") / "alertmanager.yml"
    done = check(path)
    assert done.returncode == 0, done.stdout + done.stderr
    path.write_text(path.read_text().replace("chat_id", "chat_number"))
    assert "chat_number" in check(path).stdout


def check(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(amtool()), "check-config", str(path)], capture_output=True, text=True, check=False
    )


def amtool() -> Path:
    environ = {one.name: os.environ[one.name] for one in PROGRAMS if os.environ.get(one.name)}
    found = resolve("alertmanager", load_settings(environ=environ), find_home().cache).path
    if found is None or not found.with_name("amtool").is_file():
        pytest.skip("amtool is not there: obsdeck install alertmanager")
    return found.with_name("amtool")


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("alertname=Watchdog severity=none", "dead-mans-switch"),
        ("alertname=Other severity=none", "nobody"),
        ("alertname=Watchdog severity=critical", "people"),
        ("severity=critical", "people"),
        ("severity=warning", "people"),
        ("severity=info", "people"),
        ("alertname=Own", "people"),
    ],
)
def test_an_alert_is_routed_by_its_severity(labels: str, receiver: str) -> None:
    path = files.observability() / "alertmanager" / "alertmanager.yml"
    words = ["config", "routes", "test", f"--config.file={path}", *labels.split()]
    done = subprocess.run([str(amtool()), *words], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == receiver, done.stderr


def test_who_needs_to_know_sooner_is_told_sooner_and_more_often() -> None:
    route = yaml.safe_load(shipped())["route"]
    by_severity = {json.dumps(one["matchers"]): one for one in route["routes"]}
    critical, info = by_severity['["severity = critical"]'], by_severity['["severity =~ \\"info|ticket\\""]']
    for what in ("group_wait", "group_interval", "repeat_interval"):
        assert seconds(critical[what]) < seconds(route[what]) < seconds(info[what]), what
    assert (critical["repeat_interval"], route["repeat_interval"]) == ("1h", "12h")


def seconds(text: str) -> int:
    return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600}[text[-1]]


def test_the_watchdog_is_repeated_within_the_minute() -> None:
    """A repetition waits for the first end of a group_interval after repeat_interval."""
    route = yaml.safe_load(shipped())["route"]["routes"][0]
    interval, repeat = seconds(route["group_interval"]), seconds(route["repeat_interval"])
    assert (repeat // interval + 1) * interval == 60


def test_the_end_of_the_watchdog_is_no_sign_of_life(configured: Callable[..., Settings], home: Home) -> None:
    document = yaml.safe_load(written(configured(**EVERYBODY), home))
    (switch,) = [row for row in document["receivers"] if row["name"] == receivers.DEAD_MANS_SWITCH]
    assert [entry["send_resolved"] for entry in switch["webhook_configs"]] == [False]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"OBSDECK_ALERT_EMAIL_TO": "a@example.org"}, "OBSDECK_ALERT_EMAIL_FROM is not set"),
        ({"OBSDECK_ALERT_SMTP": "h:25"}, "OBSDECK_ALERT_EMAIL_TO is not set, and OBSDECK_ALERT_SMTP is"),
        ({"OBSDECK_ALERT_TELEGRAM_TOKEN": "1:a"}, "OBSDECK_ALERT_TELEGRAM_CHAT is not set"),
        ({"OBSDECK_ALERT_SMTP_USER": "a"}, "OBSDECK_ALERT_SMTP_PASSWORD is not set"),
    ],
)
def test_what_is_set_by_half_is_refused(
    given: dict[str, str], fault: str, configured: Callable[..., Settings], home: Home
) -> None:
    with pytest.raises(UsageError, match=fault) as caught:
        written(configured(**given), home)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OBSDECK_ALERT_WEBHOOK_URL", "example.org/hook"),
        ("OBSDECK_ALERT_WEBHOOK_URL", "ftp://example.org"),
        ("OBSDECK_ALERT_SLACK_URL", "https://"),
        ("OBSDECK_ALERT_SLACK_URL", "https://example.org/a b"),
        ("OBSDECK_ALERT_WATCHDOG_URL", "https://example.org/{{ .Secret }}"),
        ("OBSDECK_ALERT_TELEGRAM_TOKEN", "a-word"),
    ],
)
def test_a_secret_that_is_none_is_refused_and_not_shown(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"{name}: its value is not ") as caught:
        load_settings({name: value})
    assert value not in str(caught.value) + caught.value.why


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OBSDECK_ALERT_EMAIL_TO", "a@example.org b@example.org"),
        ("OBSDECK_ALERT_EMAIL_TO", "ops"),
        ("OBSDECK_ALERT_EMAIL_FROM", "a@example.org, b@example.org"),
        ("OBSDECK_ALERT_SMTP", "smtp.example.org"),
        ("OBSDECK_ALERT_SMTP", "smtp://h:25"),
        ("OBSDECK_ALERT_TELEGRAM_CHAT", "@channel"),
        ("OBSDECK_ALERT_SMTP_TLS", "maybe"),
        ("OBSDECK_RUNBOOKS_URL", "runbooks/"),
        ("OBSDECK_GRAFANA_PUBLIC_URL", "grafana.example.org"),
    ],
)
def test_an_address_that_is_none_is_refused(name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"{name}: .* is not "):
        load_settings({name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OBSDECK_ALERT_WEBHOOK_URL", "http://user:word@[::1]:8080/a?b=c&d=%20#e"),
        ("OBSDECK_ALERT_WEBHOOK_URL", "http://localhost"),
        ("OBSDECK_ALERT_EMAIL_TO", "a.b+c@example.org,d@localhost"),
        ("OBSDECK_ALERT_SMTP", "[::1]:25"),
        ("OBSDECK_ALERT_SMTP", "localhost:25"),
    ],
)
def test_an_unusual_address_is_taken(name: str, value: str) -> None:
    assert load_settings({name: value})[name] == value


@pytest.mark.parametrize(
    ("text", "where", "fault"),
    [
        ("route: {receiver: me}\nreceivers: [{name: me}]\n", "", "has no receiver 'people'"),
        ("route:\n  receiver: [me\n", ":3", "is no YAML"),
        ("receivers: 7\n", "", "is no configuration of Alertmanager"),
        ("", "", "is no configuration of Alertmanager"),
    ],
)
def test_a_file_of_your_own_that_cannot_be_filled_is_named(
    text: str, where: str, fault: str, configured: Callable[..., Settings], tmp_path: Path
) -> None:
    folder = tmp_path / "own"
    shutil.copytree(files.observability(), folder)
    path = folder / "alertmanager" / "alertmanager.yml"
    path.write_text(text)
    settings = configured(OBSDECK_CONFIG=str(folder), OBSDECK_ALERT_SLACK_URL="https://example.org")
    with pytest.raises(ConfigError, match=fault) as caught:
        receivers.configuration(settings, Path("/secrets"))
    assert caught.value.where == f"{path}{where}"


def test_secrets_are_readable_by_this_user_alone_and_go_when_they_are_no_longer_set(
    configured: Callable[..., Settings], home: Home
) -> None:
    assert SECRET not in written(configured(**EVERYBODY), home)
    kept = sorted(receivers.folder(home).iterdir())
    assert [path.name for path in kept] == sorted(receivers.SECRET)
    assert [path.read_text() for path in kept] == [EVERYBODY[path.name] for path in kept]
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    assert stat.S_IMODE(receivers.folder(home).stat().st_mode) == 0o700
    written(configured(), home)
    assert not receivers.folder(home).exists()


def test_in_docker_secrets_go_by_environment_and_the_copy_can_be_read_by_anybody(
    configured: Callable[..., Settings], home: Home
) -> None:
    settings = configured(**EVERYBODY)
    native.copy_configuration("alertmanager", settings, home)
    given = receivers.write_docker(settings, home)
    assert given.pop(receivers.DOCKER_FOLDER) == str(home.etc("alertmanager"))
    assert given == {name: EVERYBODY[name] for name in receivers.SECRET}
    assert not home.secrets.exists()
    path = home.etc("alertmanager") / "alertmanager.yml"
    assert "url_file: /tmp/secrets/OBSDECK_ALERT_WEBHOOK_URL" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize(
    ("given", "grafana", "runbooks"),
    [
        ({"OBSDECK_GRAFANA_PORT": "3001"}, "http://127.0.0.1:3001", ""),
        ({"OBSDECK_GRAFANA_PUBLIC_URL": "https://g.example.org/"}, "https://g.example.org", ""),
        (
            {"OBSDECK_RUNBOOKS_URL": "https://example.org/r"},
            "http://127.0.0.1:3000",
            "https://example.org/r/",
        ),
        ({"OBSDECK_RUNBOOKS_URL": "https://example.org/"}, "http://127.0.0.1:3000", "https://example.org/"),
    ],
)
def test_links_in_messages_lead_where_the_settings_say(
    given: dict[str, str], grafana: str, runbooks: str, configured: Callable[..., Settings], home: Home
) -> None:
    written(configured(**given), home)
    text = (home.etc("alertmanager") / "templates" / "addresses.tmpl").read_text()
    assert text == (
        f'{{{{ define "obsdeck.grafana" }}}}{grafana}{{{{ end }}}}\n'
        f'{{{{ define "obsdeck.runbooks" }}}}{runbooks}{{{{ end }}}}\n'
    )


def test_config_prints_the_receivers_without_their_secrets(
    configured: Callable[..., Settings], home: Home
) -> None:
    settings = configured(**EVERYBODY)
    text = printed(settings, home)
    assert str(receivers.folder(home) / "OBSDECK_ALERT_SLACK_URL") in text
    assert SECRET not in text


def test_config_prints_what_runs_and_not_what_is_set_since(
    configured: Callable[..., Settings], home: Home
) -> None:
    settings = configured()
    written(settings, home)
    home.run.mkdir(parents=True)
    write(home, Record("native", 0.0, settings.public(), ()))
    assert "slack_configs" not in printed(configured(**EVERYBODY), home)


def printed(settings: Settings, home: Home) -> str:
    return "".join(text for _, text in effective.configuration("alertmanager", settings, home))
