"""Secrets in URLs, kept out of what is exported.

Servers write whole request lines into their access logs, clients write whole URLs into exceptions. What
follows a name that is known for secrets is replaced; the name stays, so that a reader sees what was there.
"""

from __future__ import annotations

import re

REDACTED = "[redacted]"

_NAMES = (
    "access_?key",
    "access_?token",
    "api_?key",
    "auth",
    "authorization",
    "client_?secret",
    "code",
    "credentials?",
    "id_?token",
    "jwt",
    "pass(?:word|wd|phrase)?",
    "private_?key",
    "pwd",
    "refresh_?token",
    "secret",
    "session(?:_?id)?",
    "sig(?:nature)?",
    "token",
    "x-amz-(?:signature|credential|security-token)",
    "x-goog-(?:signature|credential)",
)
_SECRET = re.compile(rf"([?&;](?:{'|'.join(_NAMES)})=)[^&;\s\"'<>]+", re.IGNORECASE)
_USER_INFO = re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://)[^/\s@\"']{1,500}@", re.IGNORECASE)


def scrub(text: str) -> str:
    """The text without values of secret query parameters and without user and password in URLs."""
    if "=" in text:
        text = _SECRET.sub(rf"\1{REDACTED}", text)
    if "@" in text:
        text = _USER_INFO.sub(rf"\1{REDACTED}@", text)
    return text
