from __future__ import annotations

import logging

import pytest

from obsdeck.telemetry.quieted import SECONDS, Quieted

EXPORTERS = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.sdk._shared_internal",
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def quieted(clock: Clock) -> Quieted:
    return Quieted(clock)


def say(handler: Quieted, name: str, message: str, *arguments: object) -> None:
    handler.handle(logging.LogRecord(name, logging.ERROR, __file__, 1, message, arguments, None))


def test_a_flood_of_export_errors_is_one_line_a_minute(
    quieted: Quieted, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for second in range(181):
        clock.now = float(second)
        for name in EXPORTERS:
            say(quieted, name, "Failed to export %s batch", "spans")
    assert [record.getMessage() for record in caplog.records] == [
        "Failed to export spans batch",
        "Failed to export spans batch (179 more like this since the last such line)",
        "Failed to export spans batch (179 more like this since the last such line)",
        "Failed to export spans batch (179 more like this since the last such line)",
    ]


def test_other_troubles_have_lines_of_their_own(
    quieted: Quieted, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    say(quieted, EXPORTERS[0], "Failed")
    say(quieted, "opentelemetry.sdk.metrics", "NaN for %s", "a")
    say(quieted, "opentelemetry.sdk.metrics", "NaN for %s", "b")
    say(quieted, "opentelemetry.trace", "Overriding of current TracerProvider is not allowed")
    assert [record.getMessage() for record in caplog.records] == [
        "Failed",
        "NaN for a",
        "Overriding of current TracerProvider is not allowed",
    ]
    clock.now = SECONDS
    say(quieted, "opentelemetry.sdk.metrics", "NaN for %s", "c")
    assert caplog.records[-1].getMessage() == "NaN for c (1 more like this since the last such line)"
