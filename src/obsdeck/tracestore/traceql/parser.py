"""Tokens -> syntax tree, by recursive descent.

Precedence is Tempo's: ``&&`` and ``||`` bind equally, from the left; comparisons and structural
operators bind tighter; ``!`` binds tighter than a comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from obsdeck.tracestore.traceql.check import check_aggregate, check_comparison, check_condition, check_nil
from obsdeck.tracestore.traceql.cursor import Cursor
from obsdeck.tracestore.traceql.errors import TraceQLError, UnsupportedError
from obsdeck.tracestore.traceql.syntax import (
    Aggregate,
    Attribute,
    Both,
    Combination,
    Comparison,
    Condition,
    Either,
    Exists,
    Field,
    Filter,
    Literal,
    Not,
    Operand,
    Pipeline,
    Scope,
    Select,
    SpansetExpression,
    Truth,
)
from obsdeck.tracestore.traceql.words import (
    AGGREGATES,
    ARITHMETIC,
    COMPARISONS,
    FLIPPED,
    INTRINSICS,
    KEYWORDS,
    LITERALS,
    ORDERINGS,
    OTHER_SCOPED,
    OTHER_SPANSET_OPERATORS,
    OTHER_STAGES,
    OTHER_WORDS,
    STRUCTURAL,
)

if TYPE_CHECKING:
    from obsdeck.tracestore.traceql.lexer import Token


def parse(query: str) -> Pipeline:
    """The syntax tree of a query, checked for types.

    Raises:
        UnsupportedError: It uses a part of TraceQL that this store does not answer.
        TraceQLError: It is no TraceQL.
    """
    return _Parser(query).query()


def parse_field(text: str) -> Field:
    """An attribute or intrinsic field that stands alone, like ``resource.service.name``.

    Raises:
        UnsupportedError: A field that this store does not know.
        TraceQLError: No field.
    """
    parser = _Parser(text)
    field = parser.field()
    parser.end()
    return field


class _Parser:
    """Descends into one query; each method takes the tokens of one construct."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._tokens = Cursor(query)

    def query(self) -> Pipeline:
        pipeline = self._pipeline()
        self.end()
        return pipeline

    def end(self) -> None:
        if self._tokens.peek().kind != "end":
            raise self._tokens.unexpected("the end")

    def _pipeline(self) -> Pipeline:
        stages = [self._stage()]
        while self._tokens.at("|"):
            self._tokens.take()
            stages.append(self._stage())
        return Pipeline(tuple(stages))

    def _stage(self) -> Filter | Combination | Aggregate | Select | Pipeline:
        token = self._tokens.peek()
        if token.kind == "word":
            if token.text in AGGREGATES:
                return self._aggregate()
            if token.text == "select":
                return self._select()
            if token.text in OTHER_STAGES:
                raise self._tokens.unsupported(token)
        return self._spansets()

    def _spansets(self) -> SpansetExpression:
        left = self._structure()
        while self._tokens.at("&&", "||"):
            operator = self._tokens.take().text
            left = Combination(operator, left, self._structure())
        return left

    def _structure(self) -> SpansetExpression:
        left = self._spanset()
        while self._tokens.at(*STRUCTURAL, *OTHER_SPANSET_OPERATORS):
            token = self._tokens.take()
            if token.text not in STRUCTURAL:
                raise self._tokens.unsupported(token)
            left = Combination(token.text, left, self._spanset())
        return left

    def _spanset(self) -> SpansetExpression:
        if self._tokens.at("("):
            self._tokens.deeper()
            self._tokens.take()
            inner = self._pipeline()
            self._tokens.expect(")")
            self._tokens.higher()
            [*_, last] = inner.stages
            return last if len(inner.stages) == 1 and isinstance(last, Filter | Combination) else inner
        if not self._tokens.at("{"):
            raise self._tokens.unexpected("`{` or `(`")
        opening = self._tokens.take()
        if self._tokens.at("}"):
            condition: Condition = Truth(KEYWORDS["true"])
        else:
            condition = self._condition()
            check_condition(condition, self._query, opening.position)
        self._tokens.expect("}")
        return Filter(condition)

    def _aggregate(self) -> Aggregate:
        function = self._tokens.take()
        self._tokens.expect("(")
        field = None if function.text == "count" else self.field()
        self._tokens.expect(")")
        if not self._tokens.at(*ORDERINGS):
            raise self._tokens.unexpected("a comparison")
        operator = self._tokens.take()
        if self._tokens.peek().text in AGGREGATES:
            raise UnsupportedError("comparison of two aggregates", self._query, operator.position)
        literal = self._operand()
        if not isinstance(literal, Literal):
            raise TraceQLError("an aggregate compares with a number", self._query, operator.position)
        aggregate = Aggregate(function.text, field, operator.text, literal)
        check_aggregate(aggregate, self._query, function.position)
        return aggregate

    def _select(self) -> Select:
        self._tokens.take()
        self._tokens.expect("(")
        fields = [self.field()]
        while self._tokens.at(","):
            self._tokens.take()
            fields.append(self.field())
        self._tokens.expect(")")
        return Select(tuple(fields))

    def _condition(self) -> Condition:
        left = self._comparison()
        while self._tokens.at("&&", "||"):
            node = Both if self._tokens.take().text == "&&" else Either
            left = node(left, self._comparison())
        return left

    def _comparison(self) -> Condition:
        start = self._tokens.peek().position
        if self._tokens.peek().text == "nil":
            return self._nil_first()
        left = self._negation()
        if not self._tokens.at(*COMPARISONS):
            return left
        operator = self._tokens.take()
        if not isinstance(left, Truth):
            raise UnsupportedError(f"{operator.text} after a condition", self._query, operator.position)
        if self._tokens.peek().text == "nil":
            self._tokens.take()
            return self._exists(operator, left.operand, start)
        right = self._operand()
        check_comparison(Comparison(operator.text, left.operand, right), self._query, start)
        if isinstance(left.operand, Literal) and not isinstance(right, Literal):
            return Comparison(FLIPPED.get(operator.text, operator.text), right, left.operand)
        return Comparison(operator.text, left.operand, right)

    def _nil_first(self) -> Condition:
        start = self._tokens.take().position
        if not self._tokens.at("=", "!="):
            raise self._tokens.unexpected("`=` or `!=` after nil")
        return self._exists(self._tokens.take(), self._operand(), start)

    def _exists(self, operator: Token, operand: Operand, start: int) -> Exists:
        if operator.text not in ("=", "!=") or isinstance(operand, Literal):
            raise TraceQLError("nil compares with a field, by = or !=", self._query, operator.position)
        exists = Exists(operand, operator.text == "=")
        check_nil(exists, self._query, start)
        return exists

    def _negation(self) -> Condition:
        if self._tokens.at("!"):
            self._tokens.deeper()
            self._tokens.take()
            inner = self._negation()
            self._tokens.higher()
            return Not(inner)
        if self._tokens.at("("):
            self._tokens.deeper()
            self._tokens.take()
            inner = self._condition()
            self._tokens.expect(")")
            self._tokens.higher()
            return inner
        return Truth(self._operand())

    def _operand(self) -> Operand:
        """A literal or a field; refuses what would make it an arithmetic expression."""
        token = self._tokens.peek()
        if self._tokens.at("-") and self._tokens.following().kind in ("int", "float", "duration"):
            self._tokens.take()
            operand: Operand = _negated(self._literal(self._tokens.take()))
        elif token.kind in LITERALS or token.text in KEYWORDS:
            operand = self._literal(self._tokens.take())
        else:
            operand = self.field()
        if self._tokens.at(*ARITHMETIC):
            raise self._tokens.unsupported(self._tokens.peek())
        return operand

    def _literal(self, token: Token) -> Literal:
        if token.kind in LITERALS:
            return Literal(LITERALS[token.kind], token.value)
        return KEYWORDS[token.text]

    def field(self) -> Field:
        """Take the next token as a field."""
        token = self._tokens.peek()
        if token.kind == "attribute":
            scope = token.text.partition(".")[0] + "."
            if scope not in {member.value for member in Scope}:
                raise UnsupportedError(scope, self._query, token.position)
            return Attribute(Scope(scope), str(self._tokens.take().value))
        if token.text in INTRINSICS and token.kind in ("word", "scoped"):
            return INTRINSICS[self._tokens.take().text]
        if token.text in OTHER_WORDS | OTHER_SCOPED | OTHER_STAGES:
            raise self._tokens.unsupported(token)
        if token.kind == "word" and token.text != "nil":
            raise TraceQLError(f"unknown identifier: {token.text}", self._query, token.position)
        raise self._tokens.unexpected("a field or a value")


def _negated(literal: Literal) -> Literal:
    return Literal(literal.type, -literal.value)  # type: ignore[operator]  # only called on numbers
