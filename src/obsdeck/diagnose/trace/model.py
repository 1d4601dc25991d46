"""A trace as people read it: spans with plain ids, names, times and errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Span:
    """One span.

    Attributes:
        id: 16 hexadecimal digits.
        parent_id: Of the span that caused it; empty for a root.
        service: The name of its service; empty where it was not sent.
        name: As sent.
        kind: server, client, internal, producer, consumer; empty where it was not sent.
        start: Nanoseconds since the epoch, by a clock that `shift` has put right.
        end: Likewise; never before `start`.
        error: Whether its status is an error.
        message: What the status or its exception says; empty where neither says anything.
        attributes: As sent, as plain Python values.
        shift: Nanoseconds that were added to the sent times, because the clock of its service was off.
    """

    id: str
    parent_id: str
    service: str
    name: str
    kind: str
    start: int
    end: int
    error: bool = False
    message: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    shift: int = 0

    @property
    def duration(self) -> int:
        """Nanoseconds."""
        return self.end - self.start


@dataclass(frozen=True)
class Trace:
    """All spans of one trace that are there.

    Attributes:
        id: 32 hexadecimal digits.
        spans: At least one, in the order of their starts.
    """

    id: str
    spans: tuple[Span, ...]

    @cached_property
    def start(self) -> int:
        """The first start, in nanoseconds since the epoch."""
        return min(span.start for span in self.spans)

    @cached_property
    def end(self) -> int:
        """The last end, in nanoseconds since the epoch."""
        return max(span.end for span in self.spans)

    @property
    def duration(self) -> int:
        """Nanoseconds from the first start to the last end."""
        return self.end - self.start

    @cached_property
    def services(self) -> tuple[str, ...]:
        """Names of services, in the order in which the trace came to them."""
        return tuple(dict.fromkeys(span.service for span in self.spans))

    @property
    def errors(self) -> int:
        """How many spans ended in an error."""
        return sum(span.error for span in self.spans)
