from __future__ import annotations

import re
import string
import time
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from obsdeck.telemetry.redaction.redactor import LENGTH, Redactor
from obsdeck.telemetry.redaction.rules import Rules, divided, read, with_callback

from .test_redaction_corpus import HARMLESS


def scrub(text: str, rules: Rules | None = None) -> str:
    return Redactor(rules or Rules()).text(text, set())


def value(name: str, given: Any, rules: Rules | None = None) -> Any:
    return Redactor(rules or Rules()).value(name, given, set())


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        (
            '"GET /login?token=hunter2&page=3 HTTP/1.1" 200',
            '"GET /login?token=REDACTED&page=3 HTTP/1.1" 200',
        ),
        ("/x?page=3&API_KEY=abc;code=xyz", "/x?page=3&API_KEY=REDACTED;code=REDACTED"),
        ("/x?X-Amz-Signature=deadbeef", "/x?X-Amz-Signature=REDACTED"),
        ("/x?next=%2Fcb%3Fcode%3Dhunter2", "/x?next=%2Fcb%3Fcode%3DREDACTED"),
        (
            "postgresql://app:s3cret@db:5432/shop is down",
            "postgresql://REDACTED:REDACTED@db:5432/shop is down",
        ),
        ("https://ghp_abc@github.example/x.git", "https://REDACTED@github.example/x.git"),
        ("cut off: amqp://app:s3cr", "cut off: amqp://REDACTED:REDACTED"),
        (
            "HTTPSConnectionPool: url: /v1?apikey=a%20b (Caused by",
            "HTTPSConnectionPool: url: /v1?apikey=REDACTED (Caused by",
        ),
        ("password=hunter2, user=ada", "password=REDACTED, user=ada"),
        ("(password=hunter2)", "(password=REDACTED)"),
        ('{"password": "hun\\"ter2", "n": 1}', '{"password": "REDACTED", "n": 1}'),
        ("{'api_key': b'hunter2'}", "{'api_key': b'REDACTED'}"),
        ("cookies={'sid': 'hunter2'} left", "cookies=REDACTED left"),
        ("Authorization: Token hunter2\nAccept: */*", "Authorization: REDACTED\nAccept: */*"),
        ("Cookie: ok; sid=hunter2", "Cookie: REDACTED"),
        ("password='hunter2 is cut", "password='REDACTED"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEvQ", "REDACTED"),
        ("MIIEvQ\n-----END RSA PRIVATE KEY-----\nValueError", "REDACTED\nValueError"),
    ],
)
def test_a_secret_goes_and_what_it_was_called_stays(text: str, scrubbed: str) -> None:
    assert scrub(text) == scrubbed
    assert scrub(scrubbed) == scrubbed


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    found: set[str] = set()
    assert Redactor(Rules()).text(text, found) == text
    assert found == set()


NAMES = ("password", "DB_PASSWORD", "clientSecret", "x-api-key", "refresh_token", "session_id", "jwt")
FORMS = (
    "{name}={secret}",
    "a {name}: {secret}, b",
    "{{'{name}': '{secret}'}}",
    '{{\\"{name}\\": \\"{secret}\\"}}',
    "[('{name}', '{secret}')]",
    "job --{name} {secret} --dry-run",
    "https://x.example/a?b=1&{name}={secret}#c",
    "https://x.example/a?next={nested}",
    "<{name}>{secret}</{name}>",
    "  File x, line 1\n    login({name}='{secret}')\nValueError: no",
)
SECRETS = st.text(string.ascii_letters + string.digits + "_-.~+/=!$*^%", min_size=6, max_size=60)


@settings(deadline=None)
@given(st.sampled_from(NAMES), st.sampled_from(FORMS), SECRETS)
def test_no_secret_is_left_whatever_it_is_and_wherever_it_stands(name: str, form: str, secret: str) -> None:
    secret = "9" + secret.rstrip("%")
    nested = quote(f"/cb?{name}={secret}", safe="")
    scrubbed = scrub(form.format(name=name, secret=secret, nested=nested))
    assert secret not in scrubbed
    assert quote(secret, safe="") not in scrubbed
    assert "REDACTED" in scrubbed


@settings(deadline=None)
@given(st.text())
def test_any_text_is_scrubbed_once_and_for_all(text: str) -> None:
    once = scrub(text)
    assert scrub(once) == once


@pytest.mark.parametrize(
    ("name", "given_value", "scrubbed"),
    [
        ("user.password", "hunter2", "REDACTED"),
        ("password", 1234, "REDACTED"),
        ("has_password", True, True),
        ("password", None, None),
        ("http.request.header.x-api-key", ["hunter2"], ["REDACTED"]),
        ("url.query", "code=hunter2&page=2", "code=REDACTED&page=2"),
        ("code", "200", "200"),
        ("process.command_args", ["job", "--token", "hunter2", "-v"], ["job", "--token", "REDACTED", "-v"]),
        ("raw", b"password=hunter2", b"password=REDACTED"),
        ("form", {"user": [{"secret": "x"}, 5], "n": 1}, {"user": [{"secret": "REDACTED"}, 5], "n": 1}),
        ("gen_ai.usage.input_tokens", 7, 7),
        ("session.id", "b7ad6b71", "b7ad6b71"),
        ("token_count", "7", "7"),
    ],
)
def test_a_value_goes_by_its_name_and_by_what_it_holds(name: str, given_value: Any, scrubbed: Any) -> None:
    assert value(name, given_value) == scrubbed


def test_what_was_scrubbed_is_told_by_name_and_kind() -> None:
    found: set[str] = set()
    redactor = Redactor(Rules())
    redactor.text("DB_PASSWORD=hunter2 https://a:b@c/?x-api-key=hunter2 Bearer abc123", found)
    redactor.value("http.request.header.cookie", ["a=b"], found)
    assert found == {"db_password", "url_credentials", "x_api_key", "bearer", "http.request.header.cookie"}


def test_secrets_are_not_remembered() -> None:
    redactor = Redactor(Rules())
    for text in ("password=hunter2", "Bearer hunter2", "/?code=hunter2"):
        redactor.is_clean({"x": text})
        redactor.text(text, set())
    redactor.text("n=1", set())
    assert list(redactor._suspects) == ["n=1"]


def test_a_text_too_long_to_look_at_is_cut() -> None:
    assert scrub("=" * LENGTH + " password=hunter2") == "=" * LENGTH + " (17 characters cut off)"


def test_no_text_takes_more_than_linear_work() -> None:
    patterns = (
        *("?token=", "a://", "&sig", "a", "password", "password:", "password: '", "token=\\", "('token', '"),
        *(
            "<token",
            "--token ",
            "\ntoken\n input_value",
            "'loc': ('token'), 'input",
            "-----BEGIN PRIVATE KEY-----",
        ),
        *(
            "eyJaaaaaaaa.",
            "Bearer ",
            "basic a",
            "://a:",
            "?a=%3D",
            "#=",
            "authorization: [",
            "\\'",
            "key\t",
            "@",
        ),
        *("-----END RSA PRIVATE KEY", "token] ", "x.-", "://a:b@"),
    )
    for pattern in patterns:
        for end in ("", "@", "=x", "input_value="):
            began = time.process_time()
            scrub(pattern * (LENGTH // len(pattern) - 5) + end)
            assert time.process_time() - began < 30, pattern  # a quadratic pattern takes minutes here


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("on", Rules()),
        ("TRUE", Rules()),
        ("off", None),
        ("false", None),
        ("-Session-Id, +iban", Rules(frozenset({"session_id"}), frozenset({"iban"}))),
    ],
)
def test_the_setting_is_read(text: str, rules: Rules | None) -> None:
    assert read(text) == rules


@pytest.mark.parametrize("text", ["session", "on,-session", "maybe", "- session", "+"])
def test_a_wrong_setting_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        read(text)


def test_names_can_be_kept_and_added() -> None:
    rules = read("-code,-next-page-token,+iban,+tax_number")
    text = "/x?code=1&token=2&iban=3 next_page_token=4, tax-number: 5; myIban='6'"
    assert (
        scrub(text, rules)
        == "/x?code=1&token=REDACTED&iban=REDACTED next_page_token=4, tax-number: REDACTED; myIban='6'"
    )
    assert value("next_page_token", "4", rules) == "4"
    assert value("user.iban", "DE", rules) == "REDACTED"


class Textless:
    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_what_cannot_be_looked_through_is_not_shown_and_raises_nothing() -> None:
    endless: dict[str, Any] = {}
    endless["itself"] = endless
    found: set[str] = set()
    given = {"endless": endless, "password": Textless(), 5: "five", "n": 1}
    shown = {"endless": "REDACTED", "password": "REDACTED", 5: "REDACTED", "n": 1}
    assert Redactor(Rules()).attributes(given, found) == shown  # type: ignore[arg-type]
    assert found == {"unreadable", "password"}


def test_a_kind_can_be_kept() -> None:
    assert scrub("called with Bearer abc123", read("-bearer")) == "called with Bearer abc123"


def test_a_callback_says_what_stands_in_the_place_of_a_secret() -> None:
    asked: list[tuple[str, str]] = []

    def last_two(name: str, secret: str) -> str:
        asked.append((name, secret))
        return f"...{secret[-2:]}"

    rules = with_callback(Rules(), last_two)
    assert scrub("X-Api-Key: 'hunter2', Bearer abc123", rules) == "X-Api-Key: '...r2', Bearer ...23"
    assert value("password", "hunter2", rules) == "...r2"
    assert asked == [("x_api_key", "hunter2"), ("bearer", "abc123"), ("password", "hunter2")]


def test_a_callback_that_gives_a_secret_back_keeps_it_and_leaves_no_note() -> None:
    found: set[str] = set()
    rules = with_callback(Rules(), lambda _name, secret: secret)
    assert Redactor(rules or Rules()).text("password=hunter2", found) == "password=hunter2"
    assert found == set()


@pytest.mark.parametrize("wrong", [lambda _name, _secret: 1 / 0, lambda _name, _secret: None, lambda: ""])
def test_a_callback_that_fails_costs_the_whole_value_and_nothing_else(wrong: Any) -> None:
    assert scrub("password=hunter2 n=1", with_callback(Rules(), wrong)) == "password=REDACTED n=1"


def test_an_argument_is_a_setting_a_callback_or_both() -> None:
    def callback(_name: str, _secret: str) -> str:
        return ""

    assert divided(None) == (None, None)
    assert divided("-code") == ("-code", None)
    assert divided(given=False) == (False, None)
    assert divided(callback) == (None, callback)
    assert divided(["-code", callback, "+iban"]) == (("-code", "+iban"), callback)
