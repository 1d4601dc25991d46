"""How secrets look in a text.

Each pattern begins with something rare (a name, a prefix, a bracket) and then goes forward only, or has a
bound on how far: no text takes more than linear work.
"""

from __future__ import annotations

import re

from obsdeck.telemetry.redaction.rules import ENDINGS

_PREFIXES = r"-----|eyJ|AKIA|ASIA|AIza|gh[a-z]_|github_pat|glpat|xox|sk[-_]|[rp]k_|npm_|pypi-|hf_|SG\."
PREFIX = re.compile(_PREFIXES)
"""A text without any of this has nothing that `FORMS` finds, and tells it sooner."""

SUSPECT = re.compile(rf"[=:@?\"'<]|%3[dD]|--|[bB](?:earer|asic)|BEARER|BASIC|{_PREFIXES}")
"""A text without any of this holds no secret. Nearly every text meets it, so it is made to be fast."""

_STOP = r"\s,;&\"'<>()\[\]{}|\x1b\\"
# A bracket or a comma belongs to a bare value where the value goes on behind it.
_BARE = rf"(?:[^{_STOP}]|[,()\[\]{{}}](?=[^{_STOP}]))+"
# To the closing quote; an escaped text has escaped quotes. What was cut off has none.
_QUOTED = (
    r"b?(?:(?P<quote>[\"'])(?:\\.|(?!(?P=quote))[^\\])*(?:(?P=quote)|\\?\Z)"
    r"|(?P<escaped>\\+[\"'])(?:(?!(?P=escaped))[\s\S])*(?:(?P=escaped)|\Z))"
)
_LISTED = r"[\[{(][^\]})]*[\]})]?"
_LINE = r"[^\r\n\"'\x1b]+"
# What is said about secrets, stands for one that is not there, or is a placeholder of SQL.
_NO_VALUE = (
    r"(?:none|null|nil|true|false|undefined|yes|no|not|is|was|are|has|must|should|could|cannot|can|may|will"
    r"|does|did|the|a|an|of|for|in|or|and|to|with|invalid|valid|expired|missing|required|wrong|incorrect"
    r"|failed|failure|denied|unknown|empty|mismatch|error|field|rejected|revoked|refused|accepted|ok|str"
    r"|string|int|bytes|bool|float|any|optional|dict|list|tuple|object|REDACTED"
    r"|%s|%\(\w+\)s|:\w+|\$\d+|\?|\*+|SecretStr\('\**'\))"
    r"(?![^\s,;.!:&\"'<>()\[\]{}|\x1b\\])"
)
_SIGN = r"(?![\w-])(?:\\*[\"'])?\]?[ \t]{0,8}(?:=>|:=|[:=](?!=)|%3[aAdD])[ \t\r\n]{0,8}"


def pairs(added: frozenset[str]) -> re.Pattern[str]:
    """`name=value`, `name: value`, `"name": "value"`, escaped or not, for names that end as secret ones do.

    Groups: `name` (the end of it, at least) and `value`, which is None for what is no value.

    Args:
        added: Names that are secret besides, lower case, `_` for `-`.
    """
    own = [re.escape(name).replace("_", "[_-]") for name in sorted(added, key=len, reverse=True)]
    names = "|".join([*own, ENDINGS])
    return re.compile(
        rf"(?P<name>{names}){_SIGN}(?:{_NO_VALUE}|(?P<value>{_QUOTED}|{_LISTED}|{_BARE}))", re.IGNORECASE
    )


HEADERS = re.compile(
    rf"(?P<name>authorization|cookies?){_SIGN}"
    rf"(?:{_NO_VALUE}(?![^\r\n]{{0,200}}=)|(?P<value>{_QUOTED}|{_LISTED}|{_LINE}))",
    re.IGNORECASE,
)
"""Headers whose value has spaces and goes to the end of the line. Groups as in `pairs`."""

NAMED = (
    # ('name', 'value'), as headers are printed.
    re.compile(rf"\(b?[\"'](?P<name>[\w.-]{{1,64}})[\"'],[ ]?(?P<value>{_QUOTED})"),
    # --name value
    re.compile(rf"--(?P<name>[\w-]{{1,64}})[ ]{{1,8}}(?!-)(?P<value>{_QUOTED}|{_BARE})"),
    # <name>value</name>
    re.compile(r"<(?:\w{1,32}:)?(?P<name>[\w.-]{1,64})(?:\s[^<>]{0,200})?>(?P<value>[^<]+)"),
    # What pydantic says of a field: in its error's text, and in FastAPI's list of errors.
    re.compile(
        rf"(?:^|\\n)(?P<name>[\w.-]{{1,200}})(?:\n|\\n)[^\n]{{0,500}}?\binput_value=(?P<value>{_QUOTED}|[^,\]\n]+)",
        re.MULTILINE,
    ),
    re.compile(
        rf"[\"']loc[\"']:\s?[(\[][^)\]]{{0,300}}?[\"'](?P<name>[\w.-]{{1,64}})[\"'],?[)\]]"
        rf"[^{{}}]{{0,500}}?[\"']input[\"']:\s?(?P<value>{_QUOTED}|{_BARE})"
    ),
)
"""Other ways to write a name (group `name`, which may be any) and its value (group `value`)."""

QUERY = re.compile(r"[?#](?P<query>[^\s\"'<>\x1b?#=]*=[^\s\"'<>\x1b]*)")
PARAMETER = re.compile(r"(?P<name>[^&;?#=]+)=(?P<value>[^&;#]+)")

USER_INFO = re.compile(
    r"://(?P<value>[^/\s\"'<>]{1,500}(?=@)"
    r"|[^/\s:@\"'<>\[]{0,200}:(?!\d{1,5}(?:[/?#\s]|\Z))(?:[^\s\"'<>@]{1,500}(?=@)|[^/\s\"'<>@]{1,500}\Z))"
)
"""User and password of a URL, also with a slash in the password, or cut off before the `@`."""

# Prefixes that makers of keys give them so that they are found.
FORMS = re.compile(
    r"(?P<private_key>-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,30}-----|\Z))"
    r"|\b(?P<jwt>eyJ[\w-]{6,}(?:\.eyJ[\w-]*(?:\.[\w-]*)?|\.[\w-]*(?:\.[\w-]+){1,3}))"
    r"|\b(?P<api_key>(?:AKIA|ASIA)[A-Z0-9]{16}\b|AIza[\w-]{35}|gh[a-z]_\w{30,}|github_pat_\w{20,}"
    r"|glpat-[\w-]{16,}|xox[a-z]-[\w-]{10,}|[rsp]k_(?:live|test)_\w{10,}|sk-[\w-]{20,}|npm_\w{30,}"
    r"|pypi-[\w-]{16,}|hf_\w{20,}|SG\.[\w-]{16,}\.[\w-]{16,})"
)
"""Secrets that are known by their form; the group's name is the kind."""

KEY_WITHOUT_BEGINNING = re.compile(r"\A(?:(?!-----BEGIN)[\s\S])*?-----END [A-Z ]{0,30}PRIVATE KEY-----")
"""A private key whose beginning was cut off, as stacks are cut at their beginning."""

SCHEMES = re.compile(
    r"\b(?:bearer[ ]+(?P<bearer>(?=\D{0,200}\d)[\w.~+/=-]{6,}|[\w.~+/=-]{20,})"
    r"|basic[ ]+(?P<basic>[A-Za-z0-9+/]{4,}={0,2}))",
    re.IGNORECASE,
)
"""Credentials of HTTP; what follows `basic` is one only if it decodes to `user:password`."""
