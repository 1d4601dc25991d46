"""The addresses of databases: which are taken, which refused, and that no password is shown."""

from __future__ import annotations

import pytest

from obsdeck.errors import UsageError
from obsdeck.stack import effective
from obsdeck.stack.environment import load_settings


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("OBSDECK_POSTGRES_URL", "postgresql://u:p@h"),
        (
            "OBSDECK_POSTGRES_URL",
            "postgres://u@h.example:5432/shop?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        ),
        ("OBSDECK_POSTGRES_URL", "postgresql://u:%40%3A%2F%25$!'()*;=p@[::1]:5432/shop"),
        ("OBSDECK_REDIS_URL", "redis://h"),
        ("OBSDECK_REDIS_URL", "redis://:p@127.0.0.1:6379/1"),
        ("OBSDECK_REDIS_URL", "rediss://u:p@h:6380"),
    ],
)
def test_addresses_are_taken_as_they_are(name: str, address: str) -> None:
    assert load_settings({name: address})[name] == address


def test_a_comma_does_not_begin_a_second_address() -> None:
    settings = load_settings({"OBSDECK_POSTGRES_URL": "postgresql://u:a,b@h/d"})
    assert settings["OBSDECK_POSTGRES_URL"] == "postgresql://u:a%2Cb@h/d"


@pytest.mark.parametrize(
    "address",
    [
        "s3cret",
        "h:5432",
        "mysql://u:s3cret@h",
        "postgresql://u:s3cret@",
        "postgresql://u:s3cret@h:0",
        "postgresql://u:s3cret@h:65536",
        "postgresql://u:s3cret@h:port",
        "postgresql://u:s3cret@h/d\n",
        # What follows would be printed by postgres_exporter, in whole, since it cannot read it.
        "postgresql://u:s3cret @h/d",
        "postgresql://u:s3cret%20@h/d",
        "postgresql://u:s3cret%@h/d",
        "postgresql://u:s3cret%zz@h/d",
        'postgresql://u:s3cret"@h/d',
        "postgresql://u:s3cret#@h/d",
        "postgresql://u:s3cret@x@h/d",
        "postgresql://u:s3cret@h/d?application_name=a+b",
        "postgresql://u@h/d?password=s3cret",
        "postgresql://u@h/d?sslmode=disable&password=s3cret",
    ],
)
def test_what_is_no_address_or_would_be_logged_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(UsageError, match="OBSDECK_POSTGRES_URL: its value is not postgresql://") as caught:
        load_settings({"OBSDECK_POSTGRES_URL": address})
    error = caught.value
    assert "s3cret" not in f"{error} {error.why} {error.hint}"


def test_addresses_are_masked_wherever_settings_are_shown() -> None:
    given = {"OBSDECK_POSTGRES_URL": "postgresql://u:s3cret@h", "OBSDECK_REDIS_URL": "redis://:s3cret@h"}
    settings = load_settings(given)
    assert "s3cret" not in effective.settings_document(settings)
    assert "s3cret" not in f"{settings!r} {settings.public()}"
    rows = {name: value for name, value, _ in effective.settings_rows(settings)}
    assert {rows[name] for name in given} == {effective.MASK}
