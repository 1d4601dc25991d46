"""Who is told of alerts: `OBSDECK_ALERT_*` become receivers in Alertmanager's configuration.

Alertmanager expands no variables and includes no files. So the shipped `alertmanager.yml` holds the routes
and receivers without content, and what is asked for is added to these receivers in the copy that runs.
Secrets are in files of their own, which the configuration names. The keys are those of
https://prometheus.io/docs/alerting/latest/configuration/ for Alertmanager 0.31.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from obsdeck.errors import ConfigError, UsageError
from obsdeck.stack import files, passwords
from obsdeck.stack.components import ALERTMANAGER, GRAFANA
from obsdeck.stack.variables import ALERTS, SECRETS

if TYPE_CHECKING:
    from collections.abc import Callable

    from obsdeck.stack.environment import Settings
    from obsdeck.stack.home import Home

PEOPLE, DEAD_MANS_SWITCH = "people", "dead-mans-switch"
"""The receivers of the shipped configuration that are filled here."""

CONFIGURATION = "alertmanager.yml"
IN_CONTAINER = Path("/tmp/secrets")  # noqa: S108 - of the container, in memory: entrypoint.sh puts them there

DOCKER_FOLDER = "OBSDECK_ALERTMANAGER_ETC"
"""The variable by which compose is given the folder that was written here."""

SECRET = tuple(one.name for one in ALERTS if one.kind in SECRETS)
"""The settings that reach Alertmanager as files."""

_TITLE = '{{ template "obsdeck.title" . }}'
_TEXT = '{{ template "obsdeck.text" . }}'
_HTML = '{{ template "obsdeck.html" . }}'

_WRITTEN = "# Written by `obsdeck up` from {path} and OBSDECK_ALERT_*: change those.\n"


@dataclass(frozen=True)
class Integration:
    """One way in which somebody is told.

    Attributes:
        name: As people call it.
        receiver: The receiver that it is added to.
        key: Its list in a receiver, in Alertmanager's words.
        needs: The settings that it cannot do without, all or none of which are set.
        entry: Settings, and the path of a secret's file by the setting's name, to the entry of that list.
    """

    name: str
    receiver: str
    key: str
    needs: tuple[str, ...]
    entry: Callable[[Settings, Callable[[str], str]], dict[str, Any]]


def _email(settings: Settings, secret: Callable[[str], str]) -> dict[str, Any]:
    entry = {
        "to": settings["OBSDECK_ALERT_EMAIL_TO"],
        "from": settings["OBSDECK_ALERT_EMAIL_FROM"],
        "smarthost": settings["OBSDECK_ALERT_SMTP"],
        "require_tls": settings["OBSDECK_ALERT_SMTP_TLS"] == "on",
        "send_resolved": True,
        "headers": {"Subject": _TITLE},
        "text": _TEXT,
        "html": _HTML,
    }
    if settings["OBSDECK_ALERT_SMTP_USER"]:
        entry["auth_username"] = settings["OBSDECK_ALERT_SMTP_USER"]
        entry["auth_password_file"] = secret("OBSDECK_ALERT_SMTP_PASSWORD")
    return entry


INTEGRATIONS = (
    Integration(
        "webhook",
        PEOPLE,
        "webhook_configs",
        ("OBSDECK_ALERT_WEBHOOK_URL",),
        lambda _, secret: {"url_file": secret("OBSDECK_ALERT_WEBHOOK_URL")},
    ),
    Integration(
        "Slack",
        PEOPLE,
        "slack_configs",
        ("OBSDECK_ALERT_SLACK_URL",),
        lambda _, secret: {
            "api_url_file": secret("OBSDECK_ALERT_SLACK_URL"),
            "send_resolved": True,
            "title": _TITLE,
            "text": _TEXT,
            "fallback": _TITLE,
        },
    ),
    Integration(
        "Discord",
        PEOPLE,
        "discord_configs",
        ("OBSDECK_ALERT_DISCORD_URL",),
        lambda _, secret: {
            "webhook_url_file": secret("OBSDECK_ALERT_DISCORD_URL"),
            "title": _TITLE,
            "message": _TEXT,
        },
    ),
    Integration(
        "Telegram",
        PEOPLE,
        "telegram_configs",
        ("OBSDECK_ALERT_TELEGRAM_TOKEN", "OBSDECK_ALERT_TELEGRAM_CHAT"),
        lambda settings, secret: {
            "bot_token_file": secret("OBSDECK_ALERT_TELEGRAM_TOKEN"),
            "chat_id": int(settings["OBSDECK_ALERT_TELEGRAM_CHAT"]),
            "parse_mode": "",  # plain: the default is HTML, in which a `<` of a description ends the message
            "message": f"{_TITLE}\n\n{_TEXT}",
        },
    ),
    Integration(
        "e-mail",
        PEOPLE,
        "email_configs",
        ("OBSDECK_ALERT_EMAIL_TO", "OBSDECK_ALERT_EMAIL_FROM", "OBSDECK_ALERT_SMTP"),
        _email,
    ),
    Integration(
        "dead man's switch",
        DEAD_MANS_SWITCH,
        "webhook_configs",
        ("OBSDECK_ALERT_WATCHDOG_URL",),
        # An end of the Watchdog is no sign of life.
        lambda _, secret: {"url_file": secret("OBSDECK_ALERT_WATCHDOG_URL"), "send_resolved": False},
    ),
)

_TOGETHER = (
    *(one.needs for one in INTEGRATIONS),
    ("OBSDECK_ALERT_SMTP_USER", "OBSDECK_ALERT_SMTP_PASSWORD"),
)


def wanted(settings: Settings) -> tuple[Integration, ...]:
    """The ways in which somebody is to be told; none where nothing is set.

    Raises:
        UsageError: Settings that only make sense together are not all there; all such faults are told.
    """
    faults = [
        f"{name} is not set, and {', '.join(given)} is"
        for needs in _TOGETHER
        if (given := [name for name in needs if settings[name]])
        for name in needs
        if not settings[name]
    ]
    if faults:
        hint = "set it too, or neither; docs/guides/alerts.md has an example of each receiver"
        raise UsageError(faults[0], why="\n".join(faults[1:]), hint=hint)
    return tuple(one for one in INTEGRATIONS if settings[one.needs[0]])


def configuration(settings: Settings, secrets: Path) -> str:
    """The text of `alertmanager.yml` as it runs: the shipped one, untouched where nothing is asked for.

    Args:
        settings: Who is told.
        secrets: The folder in which Alertmanager finds secrets, a file each.

    Raises:
        UsageError: As `wanted`.
        ConfigError: The file cannot be read, is no YAML, or lacks a receiver that is to be filled.
    """
    path = files.observability(settings["OBSDECK_CONFIG"]) / ALERTMANAGER.name / CONFIGURATION
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("cannot be read", path=path, why=str(error)) from error
    asked = wanted(settings)
    return _filled(text, path, settings, secrets, asked) if asked else text


def _filled(text: str, path: Path, settings: Settings, secrets: Path, asked: tuple[Integration, ...]) -> str:
    import yaml  # noqa: PLC0415 - only where somebody is to be told

    try:
        document = yaml.safe_load(text)
        receivers = {receiver["name"]: receiver for receiver in document["receivers"]}
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ConfigError("is no YAML", path=path, line=line, why=str(error.problem)) from error
    except (yaml.YAMLError, KeyError, TypeError) as error:
        why = "it needs a list `receivers`, each with a `name`"
        raise ConfigError("is no configuration of Alertmanager", path=path, why=why) from error
    for one in asked:
        if one.receiver not in receivers:
            raise ConfigError(
                f"has no receiver {one.receiver!r}",
                path=path,
                why=f"{one.needs[0]} adds to it",
                hint="take receivers, routes and templates from the shipped file; `obsdeck init` writes it",
            )
        entry = one.entry(settings, lambda name: str(secrets / name))
        receivers[one.receiver].setdefault(one.key, []).append(entry)
    return _WRITTEN.format(path=path) + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def addresses(settings: Settings) -> str:
    """The templates that hold where links in messages lead."""
    grafana = settings["OBSDECK_GRAFANA_PUBLIC_URL"] or GRAFANA.url(settings)
    runbooks = settings["OBSDECK_RUNBOOKS_URL"]
    runbooks = f"{runbooks.rstrip('/')}/" if runbooks else ""
    return (
        f'{{{{ define "obsdeck.grafana" }}}}{grafana.rstrip("/")}{{{{ end }}}}\n'
        f'{{{{ define "obsdeck.runbooks" }}}}{runbooks}{{{{ end }}}}\n'
    )


def folder(home: Home) -> Path:
    """Where the native runtime keeps the secrets, one file each under the setting's own name; mode 0600."""
    return home.secrets / ALERTMANAGER.name


def write(settings: Settings, home: Home) -> None:
    """Put receivers, addresses and secrets where the Alertmanager of the native runtime finds them.

    What an earlier start had put there is gone.

    Args:
        settings: Who is told.
        home: Holds the copy of Alertmanager's configuration, and the secrets.

    Raises:
        UsageError: As `configuration`; nothing was written.
        ConfigError: Likewise.
    """
    _write(configuration(settings, folder(home)), settings, home)
    for name in SECRET:
        if settings[name]:
            passwords.keep(folder(home) / name, settings[name])


def write_docker(settings: Settings, home: Home) -> dict[str, str]:
    """The same for the docker runtime, where secrets go by the container's environment and are in no file.

    Returns:
        Variables for the compose file.
    """
    _write(configuration(settings, IN_CONTAINER), settings, home)
    secrets = {name: settings[name] for name in SECRET if settings[name]}
    return {DOCKER_FOLDER: str(home.etc(ALERTMANAGER.name)), **secrets}


def _write(text: str, settings: Settings, home: Home) -> None:
    shutil.rmtree(folder(home), ignore_errors=True)
    etc = home.etc(ALERTMANAGER.name)
    for path, content in (
        (etc / CONFIGURATION, text),
        (etc / "templates" / "addresses.tmpl", addresses(settings)),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        path.chmod(0o644)  # a container reads it as another user, and no secret is in it
