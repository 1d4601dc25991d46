"""Which names are secret, and what `OBSDECK_REDACT` and `redact=` change about that."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Replace = Callable[[str, str], str]
    """From the name (or the kind, as in `jwt`) and the value of a secret to what stands in its place."""

    Redact = str | bool | Replace | Iterable[str | Replace]
    """What `redact=` takes."""

REDACTED = "REDACTED"
"""What stands in the place of a secret; the word of OpenTelemetry's semantic conventions for `url.full`."""

NOTE = "obsdeck.redacted"
"""The attribute that lists what was scrubbed from a span or log record: names and kinds, never values."""

# A name that ends so is secret wherever it stands: as a key, a header, an option, a field in a text. The
# ending alone counts, since `token_count` and `password_changed_at` hold none. In the second group are
# words that need a boundary in front: `bypass` and `desktop` are harmless.
ENDINGS = (
    r"passwords?(?:[_-]?hash)?|passwd|pass[_-]?phrase|secrets?|token|credentials?|authorization|cookies?"
    r"|(?:api|access|account|auth|encryption|hmac|master|private|secret|session|signing|ssh)[_-]?key"
    r"|(?:access|secret)[_-]?key[_-]?id|shared[_-]?access[_-]?signature|session[_-]?id|csrf|xsrf"
    r"|client[_-]?assertion|saml[_-]?response|code[_-]?verifier|recovery[_-]?codes?"
    r"|x-(?:amz|goog)-(?:signature|credential)"
    r"|(?<![a-z0-9])(?:pass|pwd|jwt|[th]?otp|cvv2?|cvc2?)"
)
# Names of query parameters that carry secrets, and are words like others elsewhere.
IN_QUERIES = frozenset(
    {"auth", "code", "hmac", "key", "sess", "session", "sid", "sig", "signature", "assertion", "samlrequest"}
)

_ITEM = re.compile(r"[+-][\w.-]+")


@dataclass(frozen=True)
class Rules:
    """What is scrubbed.

    Attributes:
        kept: Names that are no secrets after all, lower case, `_` for `-`.
        added: Names that are secret besides, likewise.
        replace: What stands in the place of a secret; None for `REDACTED`.
    """

    kept: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()
    replace: Replace | None = None


def plain(name: str) -> str:
    """A name as rules compare it."""
    return name.lower().replace("-", "_")


def read(text: str) -> Rules | None:
    """From the text of the setting to rules; None is off.

    Raises:
        ValueError: The text is not `on`, `off` or a list of names with `+` or `-`.
    """
    word = text.strip().lower()
    if word in {"on", "true", ""}:
        return Rules()
    if word in {"off", "false"}:
        return None
    items = [item.strip() for item in text.split(",") if item.strip()]
    if not all(_ITEM.fullmatch(item) for item in items):
        raise ValueError(text)
    kept, added = ({plain(item[1:]) for item in items if item[0] == sign} for sign in "-+")
    return Rules(frozenset(kept), frozenset(added))


def with_callback(rules: Rules | None, callback: Replace | None) -> Rules | None:
    """The same rules with what the service puts in the place of secrets."""
    return rules and replace(rules, replace=callback)


def divided(given: Redact | None) -> tuple[str | bool | tuple[str, ...] | None, Replace | None]:
    """What is given as `redact=`: the setting (None for its variable's), and the callback in it, if any."""
    if given is None or isinstance(given, (str, bool)):
        return given, None
    items = (given,) if callable(given) else tuple(given)
    callback = next((item for item in items if callable(item)), None)
    return tuple(item for item in items if isinstance(item, str)) or None, callback
