"""Texts, values and attributes without their secrets."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, unquote_plus

from obsdeck.telemetry.plain import text as text_of
from obsdeck.telemetry.redaction import patterns
from obsdeck.telemetry.redaction.rules import ENDINGS, IN_QUERIES, REDACTED, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from obsdeck.telemetry.redaction.rules import Rules

LENGTH = 65_536
"""Characters of one text that are looked at; what is behind them is cut off, since nobody looked at it."""

_ENDING = re.compile(rf"(?:{ENDINGS})\Z", re.IGNORECASE)
_BEFORE = re.compile(r"[\w.-]*\Z")
# What `patterns.pairs` and `patterns.HEADERS` can begin with: cheap to look for, and rare.
_WORDS = (
    *("pass", "pwd", "secret", "token", "key", "auth", "cookie", "cred", "session", "srf", "jwt", "otp"),
    *("cvv", "cvc", "sign", "assertion", "saml", "verifier", "recovery"),
)
_QUERY_KEYS = frozenset({"url.query", "query_string", "http.query"})
_HARMLESS = frozenset({int, bool, float})
_SHORT = 128
_REMEMBERED = 4096


class _Answers(dict[str, bool]):
    """Answers of a question about texts, as many as fit.

    Args:
        ask: The question.
        yes: Whether a text whose answer is yes is kept too; no where that may be a secret.
    """

    def __init__(self, ask: Callable[[str], bool], *, yes: bool) -> None:
        self._ask = ask
        self._yes = yes

    def __missing__(self, text: str) -> bool:
        answer = self._ask(text)
        if self._yes or not answer:
            self.keep(text, answer=answer)
        return answer

    def keep(self, text: str, *, answer: bool) -> None:
        """Remember the answer, unless the text is too long to come again."""
        if len(text) <= _SHORT:
            if len(self) >= _REMEMBERED:
                self.clear()
            self[text] = answer


class Redactor:
    """Takes secrets out by one set of rules.

    Methods take `found`, a set to which they add the name or kind of everything that they have replaced.

    Args:
        rules: What is secret.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._pairs = patterns.pairs(rules.added)
        self._words = (*_WORDS, *(re.split("[_.]", name)[0] for name in rules.added))
        self._secrets = _Answers(self._is_secret, yes=True)
        self.is_secret = self._secrets.__getitem__
        # A query is looked at with other eyes than the same text elsewhere.
        self._keys = _Answers(lambda key: key in _QUERY_KEYS or self._is_secret(key), yes=True)
        self._suspects = _Answers(lambda text: patterns.SUSPECT.search(text) is not None, yes=False)
        self.is_suspect = self._suspects.__getitem__

    def _is_secret(self, name: str) -> bool:
        names = {plain(name), plain(name.rpartition(".")[2])}
        if names & self._rules.kept:
            return False
        return bool(names & self._rules.added) or _ENDING.search(name) is not None

    def is_clean(self, attributes: Mapping[str, Any] | None) -> bool:
        """Whether attributes need no second look; nearly always so, and quick to say."""
        if attributes:
            keys, suspects = self._keys, self._suspects
            # `copy` gives a plain dictionary; the SDK's own mapping takes its time for each key.
            for key, value in (
                attributes.copy().items() if hasattr(attributes, "copy") else attributes.items()
            ):
                kind = value.__class__
                if kind is str:
                    if suspects[value]:
                        return False
                elif kind not in _HARMLESS:
                    return False
                if keys[key]:
                    return False
        return True

    def attributes(self, attributes: Mapping[str, Any] | None, found: set[str]) -> dict[str, Any]:
        """The attributes, scrubbed by key and value; nothing is left of one that cannot be looked through."""
        return {key: self._attribute(key, value, found) for key, value in (attributes or {}).items()}

    def _attribute(self, name: str, value: Any, found: set[str]) -> Any:
        try:
            return self.value(name, value, found)
        except Exception:  # noqa: BLE001 - a mapping that holds itself, or one of the service's own code
            found.add("unreadable")
            return REDACTED

    def value(self, name: str, value: Any, found: set[str]) -> Any:
        """What a name stands for: nothing of it if the name is secret, else without the secrets in it."""
        if value is None or isinstance(value, bool):
            return value
        if self.is_secret(name):
            many = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
            said = self._replaced(name, text_of(value), found)
            return [said] if many and value else said
        if isinstance(value, str):
            return self.text(f"?{value}", found)[1:] if name in _QUERY_KEYS else self.text(value, found)
        return self._other(name, value, found)

    def _other(self, name: str, value: Any, found: set[str]) -> Any:
        if isinstance(value, bytes):
            return self.text(value.decode("latin-1"), found).encode("latin-1", "replace")
        if isinstance(value, Mapping):
            return {key: self.value(str(key), one, found) for key, one in value.items()}
        if isinstance(value, Sequence):
            # ["--password", "x"] is how a command line looks.
            before = ["", *(one if isinstance(one, str) and one.startswith("-") else "" for one in value)]
            names = [one.lstrip("-") if "=" not in one else "" for one in before]
            return [self.value(one or name, item, found) for one, item in zip(names, value, strict=False)]
        return value

    def text(self, text: str, found: set[str]) -> str:
        """The text without secrets, and no longer than `LENGTH`; what is cut off is noted as `cut_off`."""
        if len(text) > LENGTH:
            found.add("cut_off")
            text = f"{text[:LENGTH]} ({len(text) - LENGTH} characters cut off)"
        if not self.is_suspect(text):
            return text
        scrubbed = self._scrubbed(text, found)
        if scrubbed == text and self._rules.replace is None:
            self._suspects.keep(text, answer=False)
        return scrubbed

    def _scrubbed(self, text: str, found: set[str]) -> str:
        if patterns.PREFIX.search(text):
            text = self._formed(text, found)
        if "://" in text:
            text = patterns.USER_INFO.sub(lambda match: self._user_info(match, found), text)
        if "=" in text and ("?" in text or "#" in text):
            text = patterns.QUERY.sub(lambda match: self._query(match, found), text)
        lower = text.lower()
        for word in self._words:
            if word in lower:
                text = self._named(text, found)
                break
        if "bearer" in lower or "basic" in lower:
            text = patterns.SCHEMES.sub(lambda match: self._scheme(match, found), text)
        return text

    def _formed(self, text: str, found: set[str]) -> str:
        text = patterns.FORMS.sub(lambda match: self._replaced(str(match.lastgroup), match[0], found), text)
        if "PRIVATE KEY-----" in text:
            text = patterns.KEY_WITHOUT_BEGINNING.sub(
                lambda match: self._replaced("private_key", match[0], found), text
            )
        return text

    def _user_info(self, match: re.Match[str], found: set[str]) -> str:
        user, colon, password = match["value"].partition(":")
        if not colon:
            return "://" + self._replaced("url_credentials", user, found)
        whole = f"{user}:{password}"
        said = self._replaced("url_credentials", whole, found)
        return "://" + (f"{REDACTED}:{REDACTED}" if said == REDACTED else said)

    def _query(self, match: re.Match[str], found: set[str]) -> str:
        return match[0][0] + patterns.PARAMETER.sub(lambda one: self._parameter(one, found), match["query"])

    def _parameter(self, match: re.Match[str], found: set[str]) -> str:
        name, value = match["name"], match["value"]
        # user[password] is a field called password.
        bare = unquote_plus(name).rstrip("]").rpartition("[")[2]
        if self.is_secret(bare) or (plain(bare) in IN_QUERIES and plain(bare) not in self._rules.kept):
            return f"{name}={self._replaced(bare, value, found)}"
        if "%" in value:
            inner = unquote(value)
            scrubbed = self.text(inner, found)
            if scrubbed != inner:
                return f"{name}={quote(scrubbed, safe='')}"
        return match[0]

    def _named(self, text: str, found: set[str]) -> str:
        for pattern in patterns.NAMED:
            text = pattern.sub(lambda match: self._if_secret(match, match["name"], found), text)
        for pattern in (patterns.HEADERS, self._pairs):
            text = pattern.sub(lambda match: self._if_secret(match, _full_name(match), found), text)
        return text

    def _if_secret(self, match: re.Match[str], name: str, found: set[str]) -> str:
        value = match["value"]
        if value is None or not self.is_secret(name):
            return match[0]
        mark = match.groupdict().get("escaped") or match.groupdict().get("quote") or ""
        begin = value.index(mark) + len(mark) if mark else 0
        end = len(value) - len(mark) if mark and value.endswith(mark, begin) else len(value)
        if begin == end:
            return match[0]
        start = match.start("value") - match.start()
        return match[0][:start] + value[:begin] + self._replaced(name, value[begin:end], found) + value[end:]

    def _scheme(self, match: re.Match[str], found: set[str]) -> str:
        kind = str(match.lastgroup)
        if kind == "basic" and not _is_user_and_password(match["basic"]):
            return match[0]
        return match[0][: match.start(kind) - match.start()] + self._replaced(kind, match[kind], found)

    def _replaced(self, name: str, secret: str, found: set[str]) -> str:
        if secret in {REDACTED, f"{REDACTED}:{REDACTED}"} or plain(name) in self._rules.kept:
            return secret
        said = REDACTED
        if self._rules.replace is not None:
            try:
                said = self._rules.replace(plain(name), secret)
            except Exception:  # noqa: BLE001 - the service's own code; it must neither break nor leak anything
                said = REDACTED
            if not isinstance(said, str):
                said = REDACTED
        if said != secret:
            found.add(plain(name))
        return said


def redactor(rules: Rules | None) -> Redactor | None:
    """What scrubs by these rules; None for off."""
    return Redactor(rules) if rules is not None else None


def _full_name(match: re.Match[str]) -> str:
    """The name with what stands before its ending; no name is longer than 64 characters."""
    start = match.start()
    before = _BEFORE.search(match.string[max(0, start - 64) : start])
    return (before[0] if before else "") + match["name"]


def _is_user_and_password(text: str) -> bool:
    try:
        return b":" in b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return False
