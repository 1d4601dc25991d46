"""Which trace is meant: by its id, or as the slowest or the last failed one of a service."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from obsdeck.backends import loki, tempo
from obsdeck.diagnose.printable import visible
from obsdeck.diagnose.trace import otlp
from obsdeck.diagnose.trace.logs import of_trace
from obsdeck.errors import FailedError, ObsdeckError, UsageError
from obsdeck.stack.components import LOKI, TEMPO

if TYPE_CHECKING:
    from obsdeck.backends.tempo import TraceSummary
    from obsdeck.diagnose.trace.model import Trace
    from obsdeck.stack.environment import Settings

Way = Literal["id", "slowest", "errors", "metric", "alert"]

_DIGITS = 32
_PAGE = 200
_ROUNDS = 50


@dataclass(frozen=True)
class Question:
    """Which trace is asked for.

    Attributes:
        way: How it is meant.
        value: The id, the service, the PromQL expression or the alert's name.
        since: Seconds since the epoch; older traces are not looked for. An id is found however old it is.
        until: Seconds since the epoch.
    """

    way: Way
    value: str
    since: float
    until: float


@dataclass(frozen=True)
class Found:
    """A trace, and how it was come by.

    Attributes:
        trace: The trace.
        how: Why it is this one, in a few words; empty where its id was given.
    """

    trace: Trace
    how: str = ""


def load(trace_id: str, settings: Settings) -> Trace | None:
    """A trace by its id, as hexadecimal digits; None where Tempo has no span of it."""
    trace_id = trace_id.rjust(_DIGITS, "0")
    document = tempo.trace(TEMPO.url(settings), trace_id)
    return otlp.read(document, trace_id) if document else None


def by_id(question: Question, settings: Settings) -> Found:
    """The trace with this id.

    Raises:
        UsageError: It is no trace id.
        FailedError: There is no such trace.
        UnreachableError: Tempo does not answer.
    """
    trace_id = _checked(question.value)
    trace = load(trace_id, settings)
    if trace is None:
        raise FailedError(
            f"there is no trace {trace_id}",
            why=f"looked in Tempo at {TEMPO.url(settings)}: no span\n{_lines(trace_id, question, settings)}",
            hint="a trace takes seconds to arrive and is deleted with age; obsdeck doctor if none arrives",
        )
    return Found(trace)


def slowest(question: Question, settings: Settings) -> Found:
    """The trace with the longest span of a service. Raises as `by_id`.

    A search answers with any traces that fit, not with the slowest; so what is slower than the slowest of an
    answer is asked for, until there is nothing.
    """
    service, best, floor = question.value, None, ""
    for _ in range(_ROUNDS):
        found = _search(f"{{ {_of(service)}{floor} }}", question, settings)
        if not found:
            break
        best = max(found, key=lambda one: one.longest)
        floor = f" && duration > {best.longest}ns"
    if best is None:
        raise _none("no trace", question, settings)
    how = f"the slowest of {service}: its longest span took {best.longest / 1e6:.1f} ms"
    return Found(_loaded(best.trace_id, settings), how)


def last_failed(question: Question, settings: Settings) -> Found:
    """The youngest trace with a failed span of a service. Raises as `by_id`.

    A search answers with any traces that fit, so what is younger than the youngest of an answer is asked for,
    second by second, until there is nothing. Long traces are answered again, since they reach beyond it.
    """
    service, best, since = question.value, None, question.since
    for _ in range(_ROUNDS):
        narrowed = Question(question.way, service, since, question.until)
        found = _search(f"{{ {_of(service)} && status = error }}", narrowed, settings)
        youngest = max(found, key=lambda one: one.start, default=None)
        if youngest is None or (best and youngest.start <= best.start):
            break
        best, since = youngest, youngest.start // 10**9 + 1
        if since > question.until:
            break
    if best is None:
        raise _none("no trace with an error", question, settings)
    return Found(_loaded(best.trace_id, settings), f"the last one with an error in {service}")


def _checked(text: str) -> str:
    digits = text.strip().lower()
    if not re.fullmatch(f"[0-9a-f]{{1,{_DIGITS}}}", digits) or not digits.strip("0"):
        raise UsageError(
            f"{text!r} is no trace id",
            why="a trace id has up to 32 hexadecimal digits, not all of them 0",
            hint="obsdeck trace --slowest SERVICE finds one",
        )
    return digits.rjust(_DIGITS, "0")


def _lines(trace_id: str, question: Question, settings: Settings) -> str:
    """What Loki knows of a trace that Tempo does not: an id with lines was once a request."""
    place = f"looked in Loki at {LOKI.url(settings)}"
    try:
        found = loki.query_range(
            LOKI.url(settings), of_trace(trace_id), start=question.since, end=question.until
        )
    except ObsdeckError as error:
        return f"{place}: {error.message}"
    if not found:
        return f"{place}: no line in the last {(question.until - question.since) / 60:g} min"
    services = visible(", ".join(sorted({entry.labels.get("service_name", "") for entry in found})))
    return f"{place}: {len(found)} lines of {services}; its spans were not kept, or are on the way"


def _of(service: str) -> str:
    return f"resource.service.name = {json.dumps(service, ensure_ascii=False)}"


def _search(traceql: str, question: Question, settings: Settings) -> tuple[TraceSummary, ...]:
    return tempo.search(TEMPO.url(settings), traceql, start=question.since, end=question.until, limit=_PAGE)


def _loaded(trace_id: str, settings: Settings) -> Trace:
    trace = load(trace_id, settings)
    if trace is None:
        raise FailedError(f"a search found trace {trace_id}, and now it is gone", hint="ask again")
    return trace


def _none(what: str, question: Question, settings: Settings) -> FailedError:
    """The error that names what there is instead."""
    seconds = question.until - question.since
    known = [name for name in tempo.tag_values(TEMPO.url(settings), "resource.service.name") if name]
    close = difflib.get_close_matches(question.value, known, n=1)
    hint = "look further back with --since, or obsdeck doctor if nothing arrives"
    if question.value not in known and close:
        hint = f"did you mean {visible(close[0])}?"
    there = visible(", ".join(known)) or "none"
    return FailedError(
        f"{what} of service {question.value!r} in the last {seconds / 60:g} min",
        why=f"looked in Tempo at {TEMPO.url(settings)}; services there: {there}",
        hint=hint,
    )
