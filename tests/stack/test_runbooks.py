"""Every query of every runbook, pasted into a running stack: it must run as it stands, whatever it finds."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from obsdeck.backends import loki, prometheus, tempo
from obsdeck.errors import ObsdeckError
from obsdeck.grafana.ask import reason
from obsdeck.packs import deck
from obsdeck.packs.runbook import Fence
from tests.stack.conftest import ROOT, Observed

pytestmark = pytest.mark.stack

CATALOG = deck.read([ROOT / "observability" / "packs"]).catalog
QUERIES = {alert: page.queries for alert, (_, page) in sorted(CATALOG.runbooks.items())}


def run(world: Observed, fence: Fence) -> str:
    """Paste a query; what the server says against it, empty for nothing."""
    urls, now = world.stack.urls, time.time()
    try:
        if fence.language == "promql":
            prometheus.query(urls["prometheus"], fence.text)
        elif fence.language == "traceql":
            tempo.search(urls["tempo"], fence.text, start=now - 3600, end=now)
        elif fence.text.startswith("{"):
            loki.query_range(urls["loki"], fence.text, start=now - 3600, end=now)
        else:
            loki.query(urls["loki"], fence.text, time=now)
    except ObsdeckError as error:
        return f"{fence.place.path.name}:{fence.place.line}: {reason(error)}"
    return ""


def refused(world: Observed, fences: tuple[Fence, ...]) -> list[str]:
    with ThreadPoolExecutor(max_workers=4) as pool:
        return [told for told in pool.map(lambda fence: run(world, fence), fences) if told]


@pytest.mark.parametrize("alert", QUERIES)
def test_every_query_of_a_runbook_runs(observed: Observed, alert: str) -> None:
    assert QUERIES[alert]
    assert refused(observed, QUERIES[alert]) == []


def test_a_query_that_does_not_run_is_told_with_its_place(with_embedded_store: Observed) -> None:
    fence = next(iter(QUERIES.values()))[0]
    wrong = {"promql": "sum by (", "logql": "{", "traceql": "{ duration > }"}
    broken = tuple(Fence(language, text, fence.place) for language, text in wrong.items())
    told = refused(with_embedded_store, broken)
    assert len(told) == len(wrong)
    assert all(line.startswith(f"{fence.place.path.name}:{fence.place.line}: ") for line in told)
