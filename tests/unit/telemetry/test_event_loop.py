from __future__ import annotations

import asyncio
import gc
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from obsdeck.telemetry.event_loop import SECONDS, EventLoops

if TYPE_CHECKING:
    import pytest


class Watched:
    """Event loops, and what was measured of them."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.loops = EventLoops(MeterProvider([self.reader], shutdown_on_exit=False).get_meter("test"))

    def point(self, name: str) -> Any:
        data: Any = self.reader.get_metrics_data()
        metrics = data.resource_metrics[0].scope_metrics[0].metrics if data else []
        return next((metric.data.data_points[0] for metric in metrics if metric.name == name), None)

    async def looks(self, count: int) -> Any:
        """The lags once there are as many."""
        deadline = time.monotonic() + 30
        while (point := self.point("obsdeck.event_loop.lag")) is None or point.count < count:
            assert time.monotonic() < deadline
            await asyncio.sleep(SECONDS / 2)
        return point


def test_a_blocked_loop_is_seen_for_as_long_as_it_was_blocked() -> None:
    watched = Watched()

    async def main() -> Any:
        watched.loops.watch()
        await watched.looks(1)
        time.sleep(3 * SECONDS)  # noqa: ASYNC251 - this is what is to be seen
        return await watched.looks(2)

    assert asyncio.run(main()).max >= 2 * SECONDS


def test_a_loop_is_watched_once_and_the_next_one_too() -> None:
    watched = Watched()

    async def main() -> int:
        watched.loops.watch()
        watched.loops.watch()
        return len(asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]

    assert [asyncio.run(main()), asyncio.run(main())] == [1, 1]


def test_it_ends_with_its_loop_and_leaves_nothing_pending(caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched()

    async def main() -> set[asyncio.Task[Any]]:
        watched.loops.watch()
        await watched.looks(1)
        return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]

    assert asyncio.run(main()) == set()
    gc.collect()
    assert caplog.messages == []
    assert watched.point("obsdeck.event_loop.tasks") is None


def test_tasks_are_counted() -> None:
    watched = Watched()

    async def main() -> list[int]:
        watched.loops.watch()
        counts = [watched.point("obsdeck.event_loop.tasks").value]
        task = asyncio.create_task(asyncio.sleep(60))
        counts.append(watched.point("obsdeck.event_loop.tasks").value)
        task.cancel()
        return counts

    assert asyncio.run(main()) == [1, 2]


def test_without_a_loop_nothing_happens() -> None:
    watched = Watched()
    watched.loops.watch()
    assert watched.point("obsdeck.event_loop.lag") is None
    assert watched.point("obsdeck.event_loop.tasks") is None
