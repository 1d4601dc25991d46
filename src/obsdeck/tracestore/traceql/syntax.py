"""The syntax tree of a query."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


class Type(Enum):
    """What a literal or an intrinsic field is; the value is the word used in messages."""

    STRING = "string"
    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    DURATION = "duration"
    STATUS = "status"
    KIND = "kind"

    @property
    def numeric(self) -> bool:
        """Whether values of this type compare by size with the other numeric types."""
        return self in (Type.INT, Type.FLOAT, Type.DURATION)


class Scope(Enum):
    """Where an attribute is looked for."""

    ANY = "."
    SPAN = "span."
    RESOURCE = "resource."


class Intrinsic(Enum):
    """A field that every span or trace has; the value is how Tempo writes it."""

    NAME = "name"
    DURATION = "duration"
    STATUS = "status"
    KIND = "kind"
    ROOT_NAME = "rootName"
    ROOT_SERVICE_NAME = "rootServiceName"
    TRACE_DURATION = "traceDuration"

    @property
    def type(self) -> Type:
        """The type of its values."""
        return _INTRINSIC_TYPES.get(self, Type.STRING)

    @property
    def of_trace(self) -> bool:
        """Whether all spans of a trace share the value."""
        return self in (Intrinsic.ROOT_NAME, Intrinsic.ROOT_SERVICE_NAME, Intrinsic.TRACE_DURATION)


_INTRINSIC_TYPES = {
    Intrinsic.DURATION: Type.DURATION,
    Intrinsic.TRACE_DURATION: Type.DURATION,
    Intrinsic.STATUS: Type.STATUS,
    Intrinsic.KIND: Type.KIND,
}


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a span or of its resource."""

    scope: Scope
    name: str

    def __str__(self) -> str:
        return f"{self.scope.value}{self.name}"


Field: TypeAlias = Attribute | Intrinsic


@dataclass(frozen=True, slots=True)
class Literal:
    """A value in the query: durations in nanoseconds, status and kind by their OTLP number."""

    type: Type
    value: str | int | float | bool


Operand: TypeAlias = Field | Literal

TRUE = Literal(Type.BOOL, value=True)
FALSE = Literal(Type.BOOL, value=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left operator right``; a literal is on the right unless both are."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Exists:
    """``field != nil``, or ``field = nil`` where negated."""

    field: Field
    negated: bool


@dataclass(frozen=True, slots=True)
class Truth:
    """A boolean field or literal that stands alone."""

    operand: Operand


@dataclass(frozen=True, slots=True)
class Not:
    """``!condition``."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Both:
    """``left && right`` on one span."""

    left: Condition
    right: Condition


@dataclass(frozen=True, slots=True)
class Either:
    """``left || right`` on one span."""

    left: Condition
    right: Condition


Condition: TypeAlias = Comparison | Exists | Truth | Not | Both | Either


@dataclass(frozen=True, slots=True)
class Filter:
    """``{ condition }``: the spans that fulfil it."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Combination:
    """Two spansets joined by ``&&``, ``||`` or a structural operator."""

    operator: str
    left: SpansetExpression
    right: SpansetExpression


@dataclass(frozen=True, slots=True)
class Aggregate:
    """``function(field) operator literal``: keeps the spanset or drops it. No field for ``count()``."""

    function: str
    field: Field | None
    operator: str
    literal: Literal

    def __str__(self) -> str:
        field = self.field.value if isinstance(self.field, Intrinsic) else self.field or ""
        return f"{self.function}({field})"


@dataclass(frozen=True, slots=True)
class Select:
    """``select(fields)``: what to show of each span."""

    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Stages, each fed with the spans that the one before let through; the first with all of a trace."""

    stages: tuple[Filter | Combination | Aggregate | Select | Pipeline, ...]


SpansetExpression: TypeAlias = Filter | Combination | Pipeline
