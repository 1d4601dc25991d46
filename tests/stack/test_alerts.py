"""Real alerts by a real Alertmanager, and from a rule in a real Prometheus, to whoever the settings name."""

from __future__ import annotations

import email
import email.policy
import json
import os
import re
import shutil
import socketserver
import stat
import subprocess
import threading
import time
from base64 import b64decode
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from obsdeck.backends import alertmanager, http
from obsdeck.diagnose import alerting
from obsdeck.diagnose.subject import Subject
from obsdeck.stack import commands, files, native, receivers, targets
from obsdeck.stack.components import ALERTMANAGER, BY_NAME, PROMETHEUS
from obsdeck.stack.environment import Settings, load_settings
from obsdeck.stack.health import is_ready
from obsdeck.stack.home import Home, find_home
from obsdeck.stack.install import resolve
from obsdeck.stack.record import Record, RecordedComponent
from obsdeck.stack.variables import PORTS, PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage

    from conftest import Machine, Stack

pytestmark = pytest.mark.stack

ROOT = Path(__file__).resolve().parents[2]
SECRET = "s3cret-part-of-the-address"
ALERT = {
    "labels": {
        "alertname": "HttpErrors",
        "severity": "critical",
        "service_name": "my shop & co",
        "job": "shop",
    },
    "annotations": {
        "summary": "my shop answers 7 % of its requests with an error",
        "description": "More than 5 % are <bad>.",
        "runbook_url": "runbooks/http/HttpErrors.md",
        "dashboard": "obsdeck-http",
        "panel": "12",
    },
    "startsAt": "2026-11-21T12:00:00Z",
    "generatorURL": "http://127.0.0.1:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
}


# --- who is told -------------------------------------------------------------------------------------


@dataclass
class Sink:
    """An HTTP server that takes every POST: paths and documents as they came, and the status it answers."""

    url: str = ""
    status: int = 200
    taken: list[tuple[str, Any]] = field(default_factory=list)

    def of(self, path: str) -> list[Any]:
        return [document for taken, document in self.taken if taken == path]


@contextmanager
def http_sink() -> Iterator[Sink]:
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            sink.taken.append((self.path, json.loads(body)))
            self.send_response(sink.status)
            self.end_headers()
            telegram = b'{"ok": true, "result": {"date": 0, "chat": {"id": -100}}}'
            self.wfile.write(telegram if self.path.startswith("/bot") else b"ok")  # as Slack answers

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, running(server):
        sink.url = f"http://127.0.0.1:{server.server_port}"
        yield sink


@dataclass
class Mailbox:
    """A mail server: who may send, and what was sent, with the addresses of the envelope."""

    address: str = ""
    logins: list[list[bytes]] = field(default_factory=list)
    envelopes: list[list[str]] = field(default_factory=list)
    messages: list[EmailMessage] = field(default_factory=list)


@contextmanager
def mail_sink() -> Iterator[Mailbox]:
    """As much of RFC 5321 as a client that sends one message at a time asks for."""
    mailbox = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 ready")
            envelope: list[str] = []
            while line := self.rfile.readline().decode().strip():
                verb = line.split()[0].upper()
                if verb == "EHLO":
                    self.say("250-localhost\r\n250 AUTH PLAIN")
                elif verb == "AUTH":
                    mailbox.logins.append(b64decode(line.split()[2]).split(b"\0"))
                    self.say("235 welcome")
                elif verb == "DATA":
                    self.say("354 go on")
                    mailbox.messages.append(self.message())
                    mailbox.envelopes.append(envelope)
                    self.say("250 taken")
                else:
                    envelope += re.findall(r"<(.+?)>", line)
                    self.say("221 bye" if verb == "QUIT" else "250 fine")

        def message(self) -> EmailMessage:
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line.removeprefix(b"."))
            return email.message_from_bytes(b"".join(lines), policy=email.policy.default)

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server, running(server):
        mailbox.address = f"127.0.0.1:{server.server_address[1]}"
        yield mailbox


@contextmanager
def running(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


# --- servers -----------------------------------------------------------------------------------------


@dataclass
class Alerts:
    """An Alertmanager and perhaps a Prometheus, with their own home."""

    settings: Settings
    home: Home
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return ALERTMANAGER.url(self.settings)

    def raised(self, *alerts: dict[str, Any]) -> None:
        body = json.dumps(alerts).encode()
        answer = http.post(f"{self.url}/api/v2/alerts", body, headers={"content-type": "application/json"})
        assert answer.status == 200, answer.text

    def start(self, component: str) -> None:
        binary = program(component)
        (command,) = commands.programs(component, binary, self.settings, self.home)
        log = self.home.log(component)
        for directory in (command.directory, log.parent):
            directory.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            self.processes[component] = subprocess.Popen(
                command.argv, cwd=command.directory, stdout=output, stderr=output
            )
        until(lambda: is_ready(BY_NAME[component].ready_url(self.settings)))

    def log(self, component: str) -> str:
        return self.home.log(component).read_text()

    def subject(self) -> Subject:
        """The same to a doctor."""
        recorded = tuple(RecordedComponent(name, "given", "") for name in self.processes)
        found = Record("native", time.time(), self.settings.public(), recorded)
        return Subject(self.settings, self.settings, self.home, found, {}, {}, since=time.time() - 300)


@contextmanager
def alerts(folder: Path, **told: str) -> Iterator[Alerts]:
    """An Alertmanager with the shipped routes, in which nothing is waited for."""
    config = folder / "observability"
    shutil.copytree(files.observability(), config)
    path = config / "alertmanager" / receivers.CONFIGURATION
    hurried = re.sub(r"group_wait: \w+", "group_wait: 0s", path.read_text())
    hurried = re.sub(r"group_interval: \w+", "group_interval: 1s", hurried)
    path.write_text(hurried.replace("repeat_interval: 45s", "repeat_interval: 1s"))
    (folder / "empty.env").touch()
    environ = {**free_ports(), **told, "OBSDECK_CONFIG": str(config), "OBSDECK_HOME": str(folder / "home")}
    settings = load_settings(environ, folder / "empty.env")
    made = Alerts(settings, find_home(settings["OBSDECK_HOME"]))
    native.copy_configuration("alertmanager", settings, made.home)
    receivers.write(settings, made.home)
    try:
        yield made
    finally:
        for process in made.processes.values():
            process.terminate()
            process.wait(20)


def free_ports() -> dict[str, str]:
    with ExitStack() as held:
        made = {
            one.name: held.enter_context(
                socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler)
            )
            for one in PORTS
        }
        return {name: str(server.server_address[1]) for name, server in made.items()}


def program(component: str) -> Path:
    environ = {one.name: os.environ[one.name] for one in PROGRAMS if os.environ.get(one.name)}
    found = resolve(component, load_settings(environ=environ), find_home().cache).path
    if found is None:
        pytest.skip(f"{component} is not there: obsdeck install {component}")
    return found


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"did not happen within {seconds} s")
        time.sleep(0.05)


# --- every way of being told -------------------------------------------------------------------------


@dataclass
class Delivery:
    """What one alert became, by every way there is, and then its end."""

    servers: Alerts
    sink: Sink
    mailbox: Mailbox


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Delivery]:
    folder = tmp_path_factory.mktemp("delivery")
    with http_sink() as sink, mail_sink() as mailbox:
        told = {
            "OBSDECK_ALERT_WEBHOOK_URL": f"{sink.url}/webhook?key={SECRET}",
            "OBSDECK_ALERT_SLACK_URL": f"{sink.url}/slack/{SECRET}",
            "OBSDECK_ALERT_DISCORD_URL": f"{sink.url}/discord/{SECRET}",
            "OBSDECK_ALERT_TELEGRAM_TOKEN": f"1:{SECRET}",
            "OBSDECK_ALERT_TELEGRAM_CHAT": "-100",
            "OBSDECK_ALERT_EMAIL_TO": "ops@example.org, boss@example.org",
            "OBSDECK_ALERT_EMAIL_FROM": "obsdeck@example.org",
            "OBSDECK_ALERT_SMTP": mailbox.address,
            "OBSDECK_ALERT_SMTP_USER": "obsdeck",
            "OBSDECK_ALERT_SMTP_PASSWORD": SECRET,
            "OBSDECK_ALERT_SMTP_TLS": "off",
            "OBSDECK_ALERT_WATCHDOG_URL": f"{sink.url}/alive/{SECRET}",
            "OBSDECK_RUNBOOKS_URL": "https://example.org/repository",
            "OBSDECK_GRAFANA_PUBLIC_URL": "https://grafana.example.org/",
        }
        with alerts(folder, **told) as servers:
            # Telegram is asked at its own address, which no setting changes.
            path = servers.home.etc("alertmanager") / receivers.CONFIGURATION
            path.write_text(path.read_text().replace("- bot_token", f"- api_url: {sink.url}\n    bot_token"))
            servers.start("alertmanager")
            servers.raised(ALERT, {"labels": {"alertname": "Watchdog", "severity": "none"}})
            until(lambda: len(sink.of(f"/alive/{SECRET}")) > 1)
            until(lambda: len({path for path, _ in sink.taken}) == 5 and mailbox.messages)
            servers.raised({**ALERT, "endsAt": "2026-11-21T12:10:00Z"})
            until(lambda: len(sink.of(f"/slack/{SECRET}")) > 1 and len(mailbox.messages) > 1)
            yield Delivery(servers, sink, mailbox)


GRAFANA = (
    "https://grafana.example.org/d/obsdeck-http?from=1795260600000&to=now&viewPanel=12"
    "&var-service=my%20shop%20%26%20co"
)
SAID = (
    "my shop answers 7 % of its requests with an error",
    "More than 5 % are <bad>.",
    "Service: my shop & co",
    "Since: 2026-11-21 12:00:00 UTC",
    "Runbook: https://example.org/repository/runbooks/http/HttpErrors.md",
    f"Dashboard: {GRAFANA}",
    "Expression: http://127.0.0.1:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
)
TITLE = "CRITICAL: HttpErrors (my shop & co)"
OVER = "OVER: HttpErrors (my shop & co)"


def silence(servers: Alerts) -> str:
    labels = "alertname%3D%22HttpErrors%22%2Cjob%3D%22shop%22%2Cservice_name%3D%22my%20shop%20%26%20co%22"
    return f"{servers.url}/#/silences/new?filter=%7B{labels}%7D"


def is_whole(text: str, servers: Alerts) -> None:
    assert [line for line in SAID if line not in text.splitlines()] == []
    assert f"Silence: {silence(servers)}" in text


def test_a_webhook_gets_the_alert_as_alertmanager_writes_it(delivery: Delivery) -> None:
    document = delivery.sink.of(f"/webhook?key={SECRET}")[0]
    assert document["version"] == "4"
    assert document["status"] == "firing"
    (alert,) = document["alerts"]
    assert (alert["labels"], alert["annotations"]) == (ALERT["labels"], ALERT["annotations"])


def test_slack_gets_title_and_text(delivery: Delivery) -> None:
    (attachment,) = delivery.sink.of(f"/slack/{SECRET}")[0]["attachments"]
    assert attachment["title"] == TITLE
    is_whole(attachment["text"], delivery.servers)


def test_discord_gets_title_and_text(delivery: Delivery) -> None:
    (embed,) = delivery.sink.of(f"/discord/{SECRET}")[0]["embeds"]
    assert embed["title"] == TITLE
    is_whole(embed["description"], delivery.servers)


def test_telegram_gets_plain_text(delivery: Delivery) -> None:
    message = delivery.sink.of(f"/bot1:{SECRET}/sendMessage")[0]
    assert message["text"].startswith(TITLE + "\n\n")
    assert "parse_mode" not in message
    assert str(message["chat_id"]) == "-100"
    is_whole(message["text"], delivery.servers)


def test_an_email_goes_to_all_and_reads_as_text_and_as_html(delivery: Delivery) -> None:
    message = delivery.mailbox.messages[0]
    assert delivery.mailbox.envelopes[0] == ["obsdeck@example.org", "ops@example.org", "boss@example.org"]
    assert message["Subject"] == TITLE
    text, html = message.get_body(["plain"]), message.get_body(["html"])
    assert text is not None
    assert html is not None
    is_whole(text.get_content().replace("\r\n", "\n"), delivery.servers)
    page = html.get_content()
    assert f'<a href="{GRAFANA}">Dashboard</a>' in page
    assert f'<a href="{silence(delivery.servers)}">Silence</a>' in page
    assert "&lt;bad&gt;" in page


def test_the_mail_server_gets_user_and_password(delivery: Delivery) -> None:
    assert delivery.mailbox.logins[0] == [b"", b"obsdeck", SECRET.encode()]


def test_everybody_is_told_when_it_is_over(delivery: Delivery) -> None:
    (attachment,) = delivery.sink.of(f"/slack/{SECRET}")[-1]["attachments"]
    assert attachment["title"] == OVER
    assert "Since: 2026-11-21 12:00:00 UTC, until 2026-11-21 12:10:00 UTC" in attachment["text"]
    assert delivery.mailbox.messages[-1]["Subject"] == OVER


def test_the_watchdog_goes_on_and_on_to_the_dead_mans_switch_alone(delivery: Delivery) -> None:
    def names(document: Any) -> set[str]:
        return {alert["labels"]["alertname"] for alert in document["alerts"]}

    assert all(names(one) == {"Watchdog"} for one in delivery.sink.of(f"/alive/{SECRET}"))
    assert all(names(one) == {"HttpErrors"} for one in delivery.sink.of(f"/webhook?key={SECRET}"))
    rest = [one for path, one in delivery.sink.taken if not path.startswith(("/alive", "/webhook"))]
    assert "Watchdog" not in json.dumps(rest) + str(delivery.mailbox.messages)


def test_secrets_are_in_files_of_this_user_alone(delivery: Delivery) -> None:
    home, process = delivery.servers.home, delivery.servers.processes["alertmanager"]
    holding = [
        path for path in home.root.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()
    ]
    assert {path.parent for path in holding} == {receivers.folder(home)}
    assert {path.name for path in holding} == set(receivers.SECRET)
    assert {stat.S_IMODE(path.stat().st_mode) for path in holding} == {0o600}
    told = psutil.Process(process.pid)
    assert SECRET not in str(told.cmdline())
    assert SECRET not in http.get(f"{delivery.servers.url}/api/v2/status").text


# --- what is not worth telling -----------------------------------------------------------------------


def named(name: str, severity: str, **labels: str) -> dict[str, Any]:
    return {"labels": {"alertname": name, "severity": severity, **labels}}


def down(job: str) -> dict[str, Any]:
    return named("StackComponentDown", "critical", job=job)


def queue(severity: str, exporter: str) -> dict[str, Any]:
    return named("CollectorQueueFills", severity, job="collector", exporter=exporter)


SHOP = {"service_name": "shop", "job": "shop"}


@pytest.mark.parametrize(
    ("cause", "follows", "stays"),
    [
        (
            named("HttpErrors", "critical", **SHOP),
            [named("HttpErrors", "warning", **SHOP)],
            [
                named("HttpErrors", "warning", service_name="other", job="other"),
                named("HttpErrors", "warning", **SHOP, http_route="/cart"),
                named("HttpSlow", "warning", **SHOP),
            ],
        ),
        (
            down("collector"),
            [
                named("HttpErrors", "critical", **SHOP),
                named("ServiceExportFails", "warning", job="shop"),
                named("ServiceQueueFull", "warning", job="shop"),
            ],
            [
                named("PostgresDown", "critical", job="postgres-exporter"),
                named("CollectorLosesData", "warning", job="collector"),
                named("Watchdog", "none"),
                down("loki"),
            ],
        ),
        (
            down("tempo"),
            [queue("warning", "otlp_http/tempo")],
            [
                queue("warning", "otlp_http/loki"),
                queue("warning", "otlp_http/prometheus"),
                named("HttpErrors", "critical", **SHOP),
            ],
        ),
        (down("tempo"), [], [queue("critical", "otlp_http/tempo")]),
        (
            named("HttpErrors", "warning", **SHOP),
            [named("HttpErrors", "info", **SHOP), named("HttpErrors", "ticket", **SHOP)],
            [named("HttpErrors", "info", service_name="other", job="other")],
        ),
        (down("loki"), [queue("warning", "otlp_http/loki")], [queue("warning", "otlp_http/tempo")]),
        (
            down("prometheus"),
            [queue("warning", "otlp_http/prometheus")],
            [queue("warning", "otlp_http/tempo"), named("Watchdog", "none")],
        ),
        (
            named("CollectorRefusesData", "critical", job="collector"),
            [
                named("ServiceExportFails", "warning", job="shop"),
                named("ServiceQueueFull", "warning", job="shop"),
            ],
            [named("HttpErrors", "critical", **SHOP)],
        ),
    ],
    ids=[
        "critical",
        "collector",
        "tempo",
        "tempo and a full queue",
        "warning",
        "loki",
        "prometheus",
        "refused",
    ],
)
def test_what_follows_from_another_alert_is_not_told(
    cause: dict[str, Any], follows: list[dict[str, Any]], stays: list[dict[str, Any]], tmp_path: Path
) -> None:
    with alerts(tmp_path) as servers:
        servers.start("alertmanager")
        servers.raised(*follows, *stays)
        until(lambda: len(states(servers)) == len(follows) + len(stays))
        assert set(states(servers).values()) <= {"active", "unprocessed"}
        servers.raised(cause)
        until(lambda: all(states(servers)[key(one)] == "suppressed" for one in follows))
        assert all(states(servers)[key(one)] == "active" for one in [cause, *stays])


def key(alert: dict[str, Any]) -> str:
    return str(sorted(alert["labels"].items()))


def states(servers: Alerts) -> dict[str, str]:
    return {str(sorted(one.labels.items())): one.state for one in alertmanager.alerts(servers.url)}


# --- from the rule to the person, and what the doctor says of it ---------------------------------------

RULES = """
groups:
  - name: at once
    interval: 1s
    rules:
      - {alert: Watchdog, expr: vector(1), labels: {severity: none}}
      - alert: Shelf
        expr: vector(7) > 5
        labels: {severity: critical, service_name: shop}
        annotations: {summary: "{{ $value }} on the shelf"}
"""


@contextmanager
def with_prometheus(folder: Path, rules: str = RULES, **told: str) -> Iterator[Alerts]:
    with alerts(folder, **told) as servers:
        servers.start("alertmanager")
        native.copy_configuration("prometheus", servers.settings, servers.home)
        shutil.rmtree(servers.home.etc("prometheus") / "rules")
        (servers.home.etc("prometheus") / "rules").mkdir()
        (servers.home.etc("prometheus") / "rules" / "test.yaml").write_text(rules)
        hurried = servers.home.etc("prometheus") / "prometheus.yml"
        hurried.write_text(hurried.read_text().replace("scrape_interval: 15s", "scrape_interval: 1s"))
        targets.write_native([PROMETHEUS, ALERTMANAGER], servers.settings, servers.home)
        servers.start("prometheus")
        yield servers


def test_a_rule_that_fires_reaches_the_webhook_and_the_doctor_is_content(tmp_path: Path) -> None:
    with http_sink() as sink:
        told = {"OBSDECK_ALERT_WEBHOOK_URL": sink.url, "OBSDECK_ALERT_WATCHDOG_URL": f"{sink.url}/alive"}
        with with_prometheus(tmp_path, **told) as servers:
            until(lambda: sink.of("/") and sink.of("/alive"))
            (alert,) = sink.of("/")[0]["alerts"]
            assert alert["annotations"] == {"summary": "7 on the shelf"}
            assert alert["generatorURL"].startswith(
                f"{PROMETHEUS.url(servers.settings)}/graph?g0.expr=vector"
            )
            subject = servers.subject()
            rules = alerting.check_rules(subject)
            assert (rules.ok, rules.evidence) == (True, "2 alerts and 0 recording rules are evaluated")
            assert alerting.check_watchdog(subject).evidence == "Watchdog fires, and Alertmanager knows it"
            told_by = alerting.check_receivers(subject)
            assert told_by.evidence == "told: people by webhook, dead-mans-switch by dead man's switch"
            assert told_by.ok
            assert alerting.check_notifications(subject).ok


def test_the_doctor_says_which_receiver_refuses_and_why_but_not_its_secret(tmp_path: Path) -> None:
    with http_sink() as sink:
        sink.status = 403
        told = {
            "OBSDECK_ALERT_WEBHOOK_URL": f"{sink.url}/{SECRET}",
            "OBSDECK_ALERT_SLACK_URL": f"{sink.url}/{SECRET}",
            "OBSDECK_ALERT_DISCORD_URL": f"{sink.url}/{SECRET}",
        }
        with with_prometheus(tmp_path, **told) as servers:
            subject = servers.subject()
            until(lambda: alerting.check_notifications(subject).evidence.count(" by ") == 3)
            check = alerting.check_notifications(subject)
            assert not check.ok
            assert "by webhook" in check.evidence
            assert "403" in check.evidence
            assert SECRET not in check.evidence + servers.log("alertmanager")


def test_no_secret_is_logged_while_nobody_listens(tmp_path: Path, free_port: int) -> None:
    told = {
        f"OBSDECK_ALERT_{name}_URL": f"http://127.0.0.1:{free_port}/{SECRET}"
        for name in ("WEBHOOK", "SLACK", "DISCORD")
    }
    with alerts(tmp_path, **told) as servers:
        servers.start("alertmanager")
        servers.raised(ALERT)
        until(
            lambda: all(f"integration={name}" in servers.log("alertmanager") for name in ("webhook", "slack"))
        )
        until(lambda: "integration=discord" in servers.log("alertmanager"))
        assert SECRET not in servers.log("alertmanager")


def test_the_doctor_finds_a_rule_that_fails(tmp_path: Path) -> None:
    twice = "vector(1) * on () (label_replace(vector(1), 'a', 'b', '', '') or vector(2))"
    rules = RULES + f"      - {{record: 'a:b:c', expr: \"{twice}\"}}\n"
    with with_prometheus(tmp_path, rules) as servers:
        until(lambda: not alerting.check_rules(servers.subject()).ok)
        assert "a:b:c: " in alerting.check_rules(servers.subject()).evidence


def test_the_doctor_misses_a_receiver_that_was_set_after_the_start(tmp_path: Path) -> None:
    with alerts(tmp_path) as servers:
        servers.start("alertmanager")
        subject = servers.subject()
        assert alerting.check_receivers(subject).evidence.startswith("nobody is told of alerts")
        changed = {**servers.settings.values, "OBSDECK_ALERT_SLACK_URL": "http://127.0.0.1/s"}
        servers.settings = Settings(changed, servers.settings.origins)
        check = alerting.check_receivers(servers.subject())
        assert not check.ok
        assert check.evidence == "OBSDECK_ALERT_SLACK_URL is set, and the Alertmanager that runs has no Slack"


def test_the_shipped_watchdog_gets_through(stack: Stack) -> None:
    def known() -> set[str]:
        return {one.labels["alertname"] for one in alertmanager.alerts(stack.urls["alertmanager"])}

    # An Alertmanager that another test has restarted is told again after a minute.
    stack.until(lambda: alerting.WATCHDOG in known(), seconds=100)


def test_what_is_set_by_half_starts_nothing(machine: Machine) -> None:
    done = machine.up(OBSDECK_ALERT_EMAIL_TO="ops@example.org")
    assert done.returncode == 2
    assert "OBSDECK_ALERT_EMAIL_FROM is not set, and OBSDECK_ALERT_EMAIL_TO is" in done.stderr
    assert machine.running() == []
    assert not machine.home.etc("alertmanager").exists()


def test_a_url_that_is_none_starts_nothing_and_is_not_shown(machine: Machine) -> None:
    done = machine.up(OBSDECK_ALERT_SLACK_URL=SECRET)
    assert done.returncode == 2
    assert "OBSDECK_ALERT_SLACK_URL: its value is not an http or https URL" in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert machine.running() == []


def test_the_command_of_the_guide_raises_an_alert(stack: Stack) -> None:
    guide = (ROOT / "docs/guides/alerts.md").read_text(encoding="utf-8")
    (command,) = [
        block for block in re.findall(r"```sh\n(.*?)```", guide, re.DOTALL) if "/api/v2/alerts" in block
    ]
    port = BY_NAME["alertmanager"].url(stack.settings).rpartition(":")[2]
    done = subprocess.run(
        ["/bin/sh", "-c", command.replace("9093", port)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    stack.until(
        lambda: any(
            one.labels["alertname"] == "Test" for one in alertmanager.alerts(stack.urls["alertmanager"])
        )
    )


@pytest.fixture
def free_port() -> int:
    return int(free_ports()["OBSDECK_ALERTMANAGER_PORT"])
