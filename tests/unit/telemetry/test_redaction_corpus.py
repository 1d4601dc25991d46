"""Secrets in every place that telemetry can come from, through a real service: none of them gets out."""

from __future__ import annotations

import re
from base64 import b64encode
from http.client import HTTPConnection
from itertools import count
from typing import TYPE_CHECKING

import pytest

from .conftest import plain, serving

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Service, Sink

# Part of every secret, in any case; what else is in it is its number.
MARK = "hUsH9x"

LOGGED = """
log.info("GET /login?token=%s&page=2", S)
log.info("GET /login?access_token={}&page=2".format(S))
log.info("callback /cb?state=open&code=%s", S)
log.info("signed https://x.example/a?X-Amz-Signature=%s&X-Amz-Date=1", S)
log.info("signed https://x.example/a?sig=%s", S)
log.info("sent back to /login?next=%%2Fcb%%3Fcode%%3D%s%%26x%%3D1", S)
log.info("/x?%%61pi_key=%s", S)
log.info("/x?user[password]=%s", S)
log.info("/app#access_token=%s&token_type=bearer", S)
log.info("postgresql://app:%s@db:5432/shop is down", S)
log.info("postgresql://app:%s/%s@db:5432/shop is down", S, S)
log.info("postgresql://app:%s@%s@db:5432/shop is down", S, S)
log.info("https://%s@git.example/x.git", S)
log.info("redis://:%s@cache:6379/0", S)
log.info("password=%s", S)
log.info("user=ada, password: %s, attempt 3", S)
log.info("DB_PASSWORD=%s", S)
log.info("clientSecret = '%s'", S)
log.info("Server=db;User Id=app;Password=%s;Encrypt=yes", S)
log.info("DefaultEndpointsProtocol=https;AccountKey=%s==;EndpointSuffix=x", S)
log.info('{"user": "ada", "api_key": "%s"}', S)
log.info('{"user": "ada", "password": "a\\\\"%s"}', S)
log.info(json.dumps({"said": json.dumps({"password": S})}))
log.info("%s", {"user": "ada", "refresh_token": S})
log.info("%s", [(b"authorization", b"Token " + S.encode()), (b"x-api-key", S.encode())])
log.info("Authorization: Bearer %s", S)
log.info("Authorization: Digest username=a, response=%s", S)
log.info("Cookie: theme=dark; sid=%s", S)
log.info("Set-Cookie: sessionid=%s; Path=/", S)
log.info("Proxy-Authorization: Basic %s", basic(S))
log.info("called with Bearer %s", S)
log.info("called with basic %s", basic(S))
log.info("claims in %s", jwt(S))
log.info("AWS says AKIA%s", upper(S))
log.info("export GH=ghp_%s", S.ljust(36, "z"))
log.info("stripe sk_live_%s", S.ljust(24, "z"))
log.info("slack xoxb-%s", S.ljust(24, "z"))
log.info("google AIza%s", S.ljust(35, "z"))
log.info("key\\n%s", pem(S))
log.info("key %r", {"pem": pem(S)})
log.info("run job --password %s --retries 3", S)
log.info("run job --api-key=%s --retries 3", S)
log.info("<user>ada</user><password>%s</password>", S)
log.info("otp: %s", S)
log.info("csrf_token=%s", S)
log.info("logged in", extra={"password": S})
log.info("logged in", extra={"user": {"name": "ada", "token": S}})
log.info("logged in", extra={"url": "/?sig=" + S})
log.info("logged in", extra={"headers": {"Cookie": "a=" + S}})
log.info("x" * 3000 + " token=%s", S)
log.warning("x" * 100_000 + " token=%s", S)
structlog.get_logger().info("logged in", password=S, order=5)
structlog.get_logger().info("GET /?token=" + S, url="/?code=" + S, nested={"a": [{"secret": S}]})
structlog.get_logger("GET").warning("failed", error=ValueError("password=" + S))
loguru.logger.info("token={}", S)
loguru.logger.bind(api_key=S).info("logged in")
loguru.logger.bind(url="/?token=" + S).info("logged in")
"""
RAISED = """
ValueError("password=" + S)
ConnectionError("https://api.example/?api_key=" + S)
OSError("cannot reach postgresql://app:" + S + "@db/shop")
RuntimeError({"authorization": "Bearer " + S})
KeyError("Bearer " + S)
LookupError(jwt(S))
LookupError(pem(S))
LookupError("1 error\\npassword\\n  Too short [type=too_short, input_value='" + S + "', input_type=str]")
TypeError(repr("1 error\\nbody.password\\n  Too short [input_value=" + S + ", input_type=str]"))
LookupError([{"loc": ("body", "password"), "msg": "String should be shorter", "input": S, "ctx": {"max": 3}}])
"""
TRACED = """
span.set_attribute("url.full", "https://ada:" + S + "@x.example/?page=2")
span.set_attribute("url.query", "code=" + S + "&state=open")
span.set_attribute("http.request.header.authorization", ["Bearer " + S])
span.set_attribute("http.request.header.x_api_key", [S])
span.set_attribute("http.response.header.set-cookie", ["a=" + S, "b=" + S])
span.set_attribute("db.query.text", "SELECT 1 WHERE password = '" + S + "'")
span.set_attribute("user.password", S)
span.set_attribute("process.command_args", ["job", "--token", S])
span.set_attribute("raw", b"password=" + S.encode())
span.set_attribute("form", {"user": {"password": S}, "list": ["token=" + S]})
span.set_attribute("who", "Bearer " + S)
span.add_event("GET /?token=" + S)
span.add_event("call", {"secret": S})
span.add_event("call", {"url": "/?token=" + S})
span.add_link(linked(), {"password": S})
span.add_link(linked(), {"url": "https://x.example/?sig=" + S})
span.set_status(StatusCode.ERROR, "cannot reach amqp://app:" + S + "@mq")
span.update_name("GET /reset?token=" + S)
"""
COUNTED = """
calls.add(1, {"token": S})
calls.add(1, {"token": S})
calls.add(1, {"url": "https://x.example/?token=" + S})
sizes.record(1, {"who": "Bearer " + S})
"""
# How structured bodies and event names come: from the logs API of OpenTelemetry, without `logging`.
EMITTED = """
dict(body={"user": "ada", "nested": [{"password": S}, "token=" + S]})
dict(body="password=" + S, event_name="login?token=" + S)
dict(body="logged in", attributes={"headers": {"authorization": S, "accept": "*/*"}})
"""
HARMLESS = (
    "status_code=200 error code=5 exit code: 3",
    "took 7 ms for 3 tokens, max_tokens=50 token_count=3 tokens: 12",
    "GET /items/42?page=3&sort=key&tokens=7&postcode=12345 HTTP/1.1",
    "http://127.0.0.1:8000/users/@ada and http://[::1]:8000 and http://localhost:8000",
    "mail ada@example.org about order=7",
    "trace_id=0af7651916cd43dd8448eb211c80319c span_id=b7ad6b7169203331",
    "4bf92f35-77b3-4da6-a3ce-929d0e0e4736 1234567890123456",
    "Invalid token: expired",
    "password must be at least 8 characters",
    "authorization failed for user 7: token is missing",
    "KeyError: 'password'",
    "Basic authentication required, Bearer token expected",
    "secret=None password=True token: null has_password=False",
    "compass: north, bypass=3, keyboard: us, author=ada, monkey=7, sessions=4, tokenizer=bpe",
    "cursor eyJpZCI6MX0 of page 2",
    "if password == stored: password != other",
    "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    '{"code": 200, "key": "name", "state": "open", "auth": "oauth2", "signature": "(a, b)"}',
    "what? is=this #1=2 or not",
    "SELECT * FROM users WHERE id = $1 AND name = 'ada'",
    "UPDATE users SET token = $1, secret = %s, password=:password WHERE token = ? OR token = %(token)s",
    "Login(user='ada', password=SecretStr('**********')) token=***",
    "(b'content-type', b'text/html'), ('accept', '*/*')",
    "asking-sk-nothing task-abcdefghijklmnopqrstuvwxyz",
    "2026-11-21T10:00:00+00:00 10.0.0.1:54321 -> [2001:db8::1]:443",
    "ratio a/b: 3:1; 50% of 3=3",
    "",
    " ",
    "ключ: значение",
)


def secrets() -> list[str]:
    statements = f"{LOGGED}{RAISED}{TRACED}{COUNTED}{EMITTED}".replace("\n\n", "\n").strip().splitlines()
    return [f"{MARK}{number:03}" for number in range(len(statements))]


def application() -> str:
    secret = count()
    forms = (
        (LOGGED, "{}"),
        (RAISED, "fail(lambda: {})"),
        (TRACED, "with trace.get_tracer('httpx').start_as_current_span('call') as span: {}"),
        (COUNTED, "{}"),
        (EMITTED, "get_logger_provider().get_logger('lib').emit(LogRecord(**{}))"),
    )
    statements = [
        form.format(re.sub(r"\bS\b", f"SECRETS[{next(secret)}]", line))
        for lines, form in forms
        for line in lines.strip().splitlines()
    ]
    everything = "\n    ".join(statements)
    return f"""
import json, logging, time
from base64 import b64encode
import loguru, structlog
from fastapi import FastAPI, WebSocket
from opentelemetry import trace
from opentelemetry._logs import LogRecord, get_logger_provider
from opentelemetry.trace import SpanContext, StatusCode, TraceFlags
from obsdeck import get_logger, instrument, meter

SECRETS = {secrets()!r}
HARMLESS = {HARMLESS!r}
loguru.logger.remove()
logging.basicConfig(level=logging.INFO)
log = get_logger("shop")
calls = meter("shop").create_counter("shop.calls")
sizes = meter("shop").create_histogram("shop.sizes")

def basic(s): return b64encode(b"user:" + s.encode()).decode()
def part(s): return b64encode(s.encode()).decode().replace("+", "-").replace("/", "_").rstrip("=")
def jwt(s): return part('{{"alg":"HS256"}}') + "." + part('{{"sub":"' + s + '"}}') + "." + s
def upper(s): return s.upper().ljust(16, "Z")
def pem(s): return f"-----BEGIN RSA PRIVATE KEY-----\\n{{s}}\\n{{s}}\\n-----END RSA PRIVATE KEY-----\\n"
def linked(): return SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))

def fail(make):
    try:
        with trace.get_tracer("app").start_as_current_span("work"):
            try:
                raise make()
            except Exception as error:
                raise RuntimeError("outer") from error
    except RuntimeError:
        log.exception("failed")
        structlog.get_logger().exception("failed")

app = instrument(FastAPI())

@app.get("/run")
def run():
    {everything}
    for text in HARMLESS:
        logging.getLogger("harmless").info("%s", text)
    return "ok"

@app.get("/fail")
def broken(secret: str):
    try:
        raise ValueError("password=" + secret)
    except ValueError as error:
        raise RuntimeError("token=" + secret) from error

@app.websocket("/feed")
async def feed(socket: WebSocket):
    await socket.accept()
    await socket.close()
"""


def use(service: Service) -> str:
    """Everything that the service does, once; the page of metrics afterwards."""
    mine = f"{MARK}headers"
    assert service.get("/run")[0] == 200
    headers = {"authorization": f"Bearer {mine}", "cookie": f"sid={mine}", "baggage": f"token={mine}"}
    assert service.get(f"/run?token={MARK}query&page=2", **headers)[0] == 200
    assert service.get(f"/nowhere?code={MARK}query&page=2", **headers)[0] == 404
    assert service.get(f"/fail?secret={MARK}raised")[0] == 500
    connection = HTTPConnection("127.0.0.1", service.port, timeout=20)
    handshake = {"upgrade": "websocket", "connection": "upgrade", "sec-websocket-version": "13"}
    key = b64encode(b"0123456789abcdef").decode()
    connection.request("GET", f"/feed?token={MARK}feed", headers=handshake | {"sec-websocket-key": key})
    connection.getresponse()
    connection.close()
    return service.get("/metrics")[2]


def hits(said: str) -> str:
    """Where the mark is, in its own letters, capitals or base64, with what stands around it."""
    encoded = [b64encode(b"user:" + MARK.encode())[:-4].decode(), MARK.encode().hex()]
    pattern = "|".join([re.escape(MARK), *map(re.escape, encoded)])
    found = re.finditer(pattern, said, re.IGNORECASE)
    return "\n".join(repr(said[max(0, at.start() - 60) : at.end() + 30]) for at in found)


RESOURCE = f"db.password={MARK}resource,link=https://u:{MARK}@x.example,team=blue"


# A resource with secrets makes every span and record a suspect; without, each has to be found out by itself.
@pytest.mark.parametrize(
    ("log_format", "resource"), [("json", "team=blue"), ("text", RESOURCE), ("", "team=blue")]
)
def test_no_secret_leaves_the_service(sink: Sink, tmp_path: Path, log_format: str, resource: str) -> None:
    assert len(secrets()) >= 60
    with serving(
        tmp_path,
        application(),
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_RESOURCE_ATTRIBUTES=resource,
        OBSDECK_LOG_FORMAT=log_format,
    ) as service:
        page = use(service)
        service.stop()
        said = service.log.read_text()
    exported = b"".join(message.SerializeToString() for _, _, message in sink.received).decode("latin-1")
    assert hits(exported) == ""
    assert hits(said) == ""
    assert hits(page) == ""
    assert exported.count("REDACTED") > len(secrets())
    assert said.count("REDACTED") > len(secrets())
    bodies = {record.body.string_value for record in sink.logs}
    assert set(HARMLESS) <= bodies
    assert '"GET /run?token=REDACTED&page=2 HTTP/1.1" 200' in said.replace('\\"', '"')
    assert len(sink.metrics["shop.calls"].sum.data_points) == 3
    assert {one["team"] for one in sink.resources} == {"blue"}
    for item in (*sink.spans, *sink.logs):
        changed = any(mark in item.SerializeToString() for mark in (b"REDACTED", b"cut off"))
        assert changed == ("obsdeck.redacted" in plain(item.attributes))


def test_the_corpus_would_show_what_gets_out(sink: Sink, tmp_path: Path) -> None:
    with serving(
        tmp_path,
        application(),
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_RESOURCE_ATTRIBUTES=RESOURCE,
        OBSDECK_REDACT="off",
    ) as service:
        page = use(service)
        service.stop()
        said = service.log.read_text()
    exported = b"".join(message.SerializeToString() for _, _, message in sink.received).decode("latin-1")
    out = {secret for secret in secrets() if secret.lower() in exported.lower()}
    assert len(out) >= len(secrets()) - 5  # those in base64
    assert hits(said) != ""
    assert hits(page) != ""
    assert "REDACTED" not in exported
