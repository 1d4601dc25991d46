"""SQL statements without the values in them, and what they do in two words.

A statement is read as tokens, not parsed: enough to tell a literal from a name in the dialects of
PostgreSQL, MySQL, SQLite and their kin. What is in doubt counts as a value, and values are not kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

LENGTH = 4096
"""Characters of a statement that are looked at."""

_MAIN = r"""
    (?P<comment>   --[^\n]* | /\*(?:(?!/\*|\*/).)*\*/ | /\*.*{hash_comment} )
  | (?P<value>     {strings} | [eE]'(?:[^'\\]|''|\\.)*(?:'|\Z)
                   | \$(?P<tag>[A-Za-z_]\w*|)\$.*?(?:\$(?P=tag)\$|\Z)
                   | (?:0[xX][\da-fA-F]+ | \d[\d_]*\.?\d* | \.\d+)(?:[eE][+-]?\d+)? )
  | (?P<parameter> :: | [:@]\w+ | \$\d+ | %\(\w*\)s | %s | \?\d* )
  | (?P<name>      {name}(?:\.{name})* )
  | (?P<other>     . )
"""
_STANDARD = re.compile(
    _MAIN.format(
        hash_comment="",
        strings=r"[bBnNxX]?'(?:[^']|'')*(?:'|\Z)",
        name=r'(?:"(?:[^"]|"")*(?:"|\Z)|`[^`]*(?:`|\Z)|[^\W\d][\w$]*)',
    ),
    re.VERBOSE | re.DOTALL,
)
# A backslash escapes, double quotes hold strings, and # begins a comment.
_MYSQL = re.compile(
    _MAIN.format(
        hash_comment=r" | \#[^\n]*",
        strings=r"""[bBnNxX]?'(?:[^'\\]|''|\\.)*(?:'|\Z) | "(?:[^"\\]|""|\\.)*(?:"|\Z)""",
        name=r"(?:`[^`]*(?:`|\Z)|[^\W\d][\w$]*)",
    ),
    re.VERBOSE | re.DOTALL,
)
_MYSQL_SYSTEMS = frozenset({"mysql", "mariadb"})

# The word in front of the table that an operation is about.
_INTRODUCED_BY = {
    "select": "from",
    "delete": "from",
    "insert": "into",
    "replace": "into",
    "merge": "into",
    "create": "table",
    "alter": "table",
    "drop": "table",
    "update": "update",
    "call": "call",
}
_BETWEEN = frozenset({"only", "if", "not", "exists"})


@dataclass(frozen=True, slots=True)
class Statement:
    """What may be told about a statement.

    Attributes:
        text: The statement with `?` for each literal, without comments.
        operation: Its first word, as written; empty for none.
        summary: The operation and the table it is about, as in `SELECT orders`.
    """

    text: str
    operation: str
    summary: str


def describe(statement: str, system: str = "postgresql") -> Statement:
    """Describe a statement; the same few are asked for again and again, and remembered.

    Args:
        statement: SQL; only its first `LENGTH` characters are read.
        system: `db.system.name` of the database, for its dialect.
    """
    return _described(statement[:LENGTH], system in _MYSQL_SYSTEMS)


@lru_cache(maxsize=512)
def _described(statement: str, mysql: bool) -> Statement:  # noqa: FBT001
    parts: list[str] = []
    words: list[str] = []
    depth = 0
    for token in (_MYSQL if mysql else _STANDARD).finditer(statement):
        match token.lastgroup:
            case "comment":
                parts.append(" ")
            case "value" | "tag":
                parts.append("?")
            case kind:
                parts.append(token[0])
                depth += {"(": 1, ")": -1}.get(token[0], 0)
                # Tables of subqueries are not what the statement is about.
                if kind == "name" and depth == 0:
                    words.append(token[0])
    operation = words[0] if words else ""
    return Statement("".join(parts).strip(), operation, " ".join((operation, *_target(words)))[:255])


def _target(words: list[str]) -> list[str]:
    """The table, as a list of none or one."""
    lower = [word.lower() for word in words]
    introduction = _INTRODUCED_BY.get(lower[0]) if lower else None
    if introduction not in lower:
        return []
    following = words[lower.index(introduction) + 1 :]
    return [word for word in following if word.lower() not in _BETWEEN][:1]
