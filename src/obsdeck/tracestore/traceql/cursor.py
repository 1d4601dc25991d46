"""The tokens of a query, and how far they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from obsdeck.tracestore.traceql.errors import TraceQLError, UnsupportedError
from obsdeck.tracestore.traceql.lexer import tokens
from obsdeck.tracestore.traceql.words import ARITHMETIC, OTHER_STAGES

if TYPE_CHECKING:
    from obsdeck.tracestore.traceql.lexer import Token

_MAX_DEPTH: Final = 50


class Cursor:
    """Reads the tokens of a query one by one.

    Args:
        query: The text.

    Raises:
        TraceQLError: It holds something that is no token.
    """

    def __init__(self, query: str) -> None:
        self._query = query
        self._tokens = list(tokens(query))
        self._next = 0
        self._depth = 0

    def peek(self) -> Token:
        """The next token; at the end, the one of kind ``end``."""
        return self._tokens[self._next]

    def following(self) -> Token:
        """The token after the next one."""
        return self._tokens[min(self._next + 1, len(self._tokens) - 1)]

    def take(self) -> Token:
        """The next token, which is then read."""
        token = self.peek()
        self._next += token.kind != "end"
        return token

    def at(self, *operators: str) -> bool:
        """Whether the next token is one of some operators."""
        token = self.peek()
        return token.kind == "operator" and token.text in operators

    def expect(self, operator: str) -> None:
        """Take an operator that has to come now."""
        if not self.at(operator):
            raise self.unexpected(f"`{operator}`")
        self.take()

    def unexpected(self, wanted: str) -> TraceQLError:
        """The error for a next token that may not stand here."""
        token = self.peek()
        if token.text == "with" or self.at(*ARITHMETIC):
            return self.unsupported(token)
        found = f"`{token.text}`" if token.text else "the end"
        return TraceQLError(f"expected {wanted}, found {found}", self._query, token.position)

    def unsupported(self, token: Token) -> UnsupportedError:
        """The error for a word of Tempo's that this store does not answer."""
        construct = f"{token.text}()" if token.text in OTHER_STAGES else token.text
        return UnsupportedError(construct, self._query, token.position)

    def deeper(self) -> None:
        """Enter a bracket; refuses so many that the interpreter's stack would not hold them."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise TraceQLError(f"nested deeper than {_MAX_DEPTH} levels", self._query, self.peek().position)

    def higher(self) -> None:
        """Leave a bracket."""
        self._depth -= 1
