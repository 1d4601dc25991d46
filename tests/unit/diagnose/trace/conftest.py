"""Traces made by hand, and one HTTP server that answers for Tempo, Prometheus and Loki."""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from obsdeck.diagnose.trace.critical import critical_path
from obsdeck.diagnose.trace.find import Question
from obsdeck.diagnose.trace.model import Span, Trace
from obsdeck.diagnose.trace.report import Report
from obsdeck.diagnose.trace.tree import grow
from obsdeck.stack.environment import Settings, load_settings
from obsdeck.stack.variables import PORTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from obsdeck.diagnose.trace.find import Way

ID = "ab" * 16
BEGIN = 1_700_000_000 * 10**9
MS = 10**6


def make(number: int, parent: int = 0, start: int = 0, end: int = 100, **more: Any) -> Span:
    """A span; ids are small numbers, times milliseconds after `BEGIN`."""
    return Span(
        id=f"{number:016x}",
        parent_id=f"{parent:016x}" if parent else "",
        service=more.pop("service", "shop"),
        name=more.pop("name", f"span {number}"),
        kind=more.pop("kind", "internal"),
        start=BEGIN + start * MS,
        end=BEGIN + end * MS,
        **more,
    )


def a_report(spans: Iterable[Span], **more: Any) -> Report:
    """A report of these spans, and of whatever else is given."""
    ordered = tuple(sorted(spans, key=lambda span: (span.start, -span.end)))
    tree = grow(ordered)
    empty: dict[str, Any] = {"how": "", "logs": (), "metrics": (), "links": {}, "notes": ()}
    return Report(
        **{
            "trace": Trace(ID, ordered),
            "tree": tree,
            "path": critical_path(tree),
            **empty,
            **more,
        }
    )


def otlp(spans: Iterable[Span]) -> dict[str, Any]:
    """What Tempo answers with for these spans."""
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": span.service}}]},
                "scopeSpans": [{"spans": [_sent(span)]}],
            }
            for span in spans
        ]
    }


def _sent(span: Span) -> dict[str, Any]:
    def packed(digits: str) -> str:
        return base64.b64encode(bytes.fromhex(digits)).decode()

    return {
        "traceId": packed(ID),
        "spanId": packed(span.id),
        "parentSpanId": packed(span.parent_id),
        "name": span.name,
        "kind": f"SPAN_KIND_{span.kind.upper()}",
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end),
        "status": {"code": "STATUS_CODE_ERROR", "message": span.message} if span.error else {},
        "attributes": [
            {"key": key, "value": {"stringValue": value}} for key, value in span.attributes.items()
        ],
    }


@dataclass
class Backends:
    """What all three servers answer; each is at the same address.

    Attributes:
        port: Where they listen.
        answers: Path to a function of the query's parameters; 404 for all other paths.
        asked: Path and parameters of each question.
        settings: Settings that lead here.
    """

    settings: Settings
    port: int = 0
    answers: dict[str, Callable[[dict[str, str]], Any]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def has_trace(self, *spans: Span, trace_id: str = ID) -> None:
        self.answers[f"/api/v2/traces/{trace_id}"] = lambda _: {"trace": otlp(spans)}

    def of(self, path: str) -> list[dict[str, str]]:
        return [words for asked, words in self.asked if asked == path]


@pytest.fixture
def backends(tmp_path: Path) -> Iterator[Backends]:
    (tmp_path / "empty.env").touch()
    told = Backends(load_settings({}, tmp_path / "empty.env"))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            words = {name: values[0] for name, values in parse_qs(url.query).items()}
            told.asked.append((url.path, words))
            answer = told.answers.get(url.path)
            self.send_response(200 if answer else 404)
            self.end_headers()
            self.wfile.write(json.dumps(answer(words) if answer else {}).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        told.port = running.server_port
        told.settings = load_settings({one.name: str(told.port) for one in PORTS}, tmp_path / "empty.env")
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield told
        running.shutdown()
        thread.join()


def question(way: Way, value: str) -> Question:
    """The hour up to a minute after `BEGIN`."""
    now = BEGIN / 1e9 + 60
    return Question(way, value, now - 3600, now)
