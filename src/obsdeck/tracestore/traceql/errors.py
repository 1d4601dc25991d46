"""What a query can be refused for."""

from __future__ import annotations

from obsdeck.errors import UsageError


class TraceQLError(UsageError):
    """A query that is no TraceQL.

    Args:
        message: What is wrong.
        query: The whole query.
        position: Where, as a character offset into the query.
    """

    def __init__(self, message: str, query: str, position: int, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        before = query[:position]
        self.line = before.count("\n") + 1
        self.column = position - before.rfind("\n")

    @property
    def where(self) -> str:
        """Line and column, both counted from 1."""
        return f"line {self.line}, col {self.column}"

    @property
    def text(self) -> str:
        """The whole of it in one line, as the HTTP answer says it."""
        return f"invalid TraceQL query: {self.where}: {self.message}" + (
            f"; {self.hint}" if self.hint else ""
        )


class UnsupportedError(TraceQLError):
    """A query that Tempo answers and this store does not.

    Args:
        construct: The part of the language, as it is written.
        query: The whole query.
        position: Where the construct starts.
    """

    def __init__(self, construct: str, query: str, position: int) -> None:
        message = f"`{construct}` is not supported by this trace store"
        super().__init__(message, query, position, hint="a real Tempo offers it")
        self.construct = construct
