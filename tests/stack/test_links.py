"""Every link between signals, followed on a running stack as Grafana would, from one request back to itself.

What is provisioned is read as it stands. A request whose trace id is known goes through the quickstart:
exemplar -> trace -> lines of the span -> trace -> metrics -> exemplar. Then each link is broken in
turn, and must be found broken.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
import pytest
import yaml

from obsdeck.backends.loki import Entry
from obsdeck.backends.prometheus import Exemplar, Sample
from obsdeck.errors import ObsdeckError
from obsdeck.grafana import (
    ask,
    classic,
    click,
    execute,
    links,
    queries,
    resolve,
    sources,
    timerange,
    urls,
    variables,
)
from obsdeck.grafana.spans import Span
from obsdeck.stack import lifecycle
from obsdeck.stack.components import BY_NAME
from obsdeck.stack.variables import PROGRAMS
from tests.conftest import Machine
from tests.stack import conftest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from obsdeck.grafana.links import Opening
    from obsdeck.grafana.sources import DataSources
    from tests.stack.conftest import Stack

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
GRAFANA = ROOT / "ops" / "observability" / "grafana"
SOURCES = GRAFANA / "provisioning" / "datasources" / "obsdeck.yaml"
DASHBOARDS = sorted((GRAFANA / "dashboards").rglob("*.json"))
CLIENT = "links-client"
KIND_CLIENT = 3


class LostError(AssertionError):
    """A link that can be followed and does not lead to the request."""


@dataclass(frozen=True)
class Asked:
    """A request whose way is followed.

    Attributes:
        trace_id: What it was sent with.
        parent_id: The client's span.
        item: The number in its path and in its log line.
        begun: Milliseconds since the epoch, before it was sent.
    """

    trace_id: str
    parent_id: str
    item: int
    begun: int


@dataclass(frozen=True)
class Observed:
    """A running stack, a service that has had requests, and one request of them."""

    stack: Stack
    url: str
    asked: Asked
    has_service_graph: bool

    def sources(self, change: Callable[[dict[str, Any]], None] | None = None) -> DataSources:
        """What is provisioned, at the addresses of this stack; changed first, where a test breaks it."""
        return read_sources(self.stack, change)

    def until_found(self, step: Callable[[], T], seconds: float = 60) -> T:
        """What a step answers once its data has arrived, with traffic meanwhile; else its own fault."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return step()
            except (ObsdeckError, LostError):
                if time.monotonic() > deadline:
                    raise
            traffic(self.url)


def read_sources(stack: Stack, change: Callable[[dict[str, Any]], None] | None = None) -> DataSources:
    document = yaml.safe_load(SOURCES.read_text(encoding="utf-8"))
    settings = {row["uid"]: row["jsonData"] for row in document["datasources"]}
    if change:
        change(settings)
    path = stack.home.root / "datasources.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return sources.read(path, {}).at(stack.urls)


@contextmanager
def service(stack: Stack) -> Iterator[str]:
    """The quickstart as a process of its own that sends to the stack; its address."""
    (port,) = Machine.free_ports(1)
    command = [sys.executable, "-m", "uvicorn", "app:app", "--app-dir", str(ROOT / "examples/quickstart")]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        env={
            **os.environ,
            "OTEL_EXPORTER_OTLP_ENDPOINT": stack.urls["collector"],
            "OTEL_METRIC_EXPORT_INTERVAL": "1000",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "OTEL_BLRP_SCHEDULE_DELAY": "200",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        stack.until(lambda: process.poll() is None and _answers(url), 30)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/openapi.json").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def traffic(url: str) -> None:
    """Something for every panel: answers, an error, a slow one, log lines."""
    for path in ("/", "/items/1", "/fail", "/slow"):
        httpx.get(url + path)


def ask_once(stack: Stack, url: str) -> Asked:
    """One request as the child of a client's span, which goes to the collector too."""
    begun = time.time_ns()
    asked = Asked(os.urandom(16).hex(), os.urandom(8).hex(), begun % 10**6, begun // 10**6)
    httpx.get(
        f"{url}/items/{asked.item}", headers={"traceparent": f"00-{asked.trace_id}-{asked.parent_id}-01"}
    )
    span = {
        "traceId": asked.trace_id,
        "spanId": asked.parent_id,
        "name": "look at an item",
        "kind": KIND_CLIENT,
        "startTimeUnixNano": str(begun),
        "endTimeUnixNano": str(time.time_ns()),
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": CLIENT}}]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
    httpx.post(f"{stack.urls['collector']}/v1/traces", json=body).raise_for_status()
    return asked


@contextmanager
def another_stack(folder: Path, programs: dict[str, str]) -> Iterator[Stack]:
    environ = {**programs, **conftest._free_ports(), "OBSDECK_HOME": str(folder / "home")}
    settings, home = conftest._settings(environ, folder)
    wanted = lifecycle.Wanted("native", demo=False, offline=True)
    try:
        status = lifecycle.up(wanted, settings, home, lambda _: None)
        ready = [row.name for row in status.components if row.state == "ready"]
        urls_of = {name: BY_NAME[name].url(settings) for name in ready}
        yield conftest.Stack(settings, home, urls_of, environ)
    finally:
        lifecycle.down(settings, home, lambda _: None, wipe=True)


@pytest.fixture(scope="module", params=["embedded", "tempo"])
def observed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """Once with the embedded trace store, once with a real Tempo: the shared stack, or one more."""
    given = os.environ.get("OBSDECK_TEMPO_BIN", "")
    real = request.param == "tempo"
    if real and not given:
        pytest.skip("OBSDECK_TEMPO_BIN names no Tempo")
    with ExitStack() as stacks:
        if real == bool(given):
            stack = request.getfixturevalue("stack")
        else:
            names = [one.name for one in PROGRAMS if os.environ.get(one.name)]
            programs = {name: os.environ[name] for name in names if real or name != "OBSDECK_TEMPO_BIN"}
            stack = stacks.enter_context(another_stack(tmp_path_factory.mktemp(request.param), programs))
        url = stacks.enter_context(service(stack))
        yield Observed(stack, url, ask_once(stack, url), real)


def now() -> int:
    return time.time_ns() // 10**6


def planned(path: Path, srcs: DataSources) -> tuple[execute.Planned, ...]:
    """Every query of a dashboard for the quickstart, over its own range."""
    dashboard = classic.read(path)
    span = timerange.parse(*dashboard.time, now=now())
    resolved = resolve.resolve(dashboard, srcs, span, {"service": ("quickstart",)})
    return execute.plan(dashboard, resolved, srcs, span)


def exemplar_of_panels(world: Observed, srcs: DataSources) -> Exemplar:
    """The dot of the request on a panel."""
    for path in DASHBOARDS:
        for one in planned(path, srcs):
            if one.query and one.query.kind == "exemplars":
                for row in ask.ask(one.query):
                    if isinstance(row, Exemplar) and row.labels.get("trace_id") == world.asked.trace_id:
                        return row
    raise LostError("no panel has an exemplar of the request")


def from_exemplar(world: Observed, srcs: DataSources, exemplar: Exemplar) -> Span:
    moment = round(exemplar.time * 1000)
    span = timerange.absolute(moment - 60_000, moment + 60_000)
    source = srcs.by_uid("prometheus")
    return span_of_request(world, srcs, links.from_exemplar(source, srcs, exemplar.labels, span))


def span_of_request(world: Observed, srcs: DataSources, found: tuple[Opening, ...]) -> Span:
    """The server's span in what links to a trace open."""
    for opening in found:
        for row in rows(opening, srcs):
            if isinstance(row, Span) and row.attributes.get("url.path") == f"/items/{world.asked.item}":
                return row
    raise LostError("the trace is not that of the request")


def rows(opening: Opening, srcs: DataSources) -> tuple[ask.Row, ...]:
    return tuple(row for query in opening.queries(srcs) for row in ask.ask(query))


def line_of(world: Observed, srcs: DataSources, span: Span) -> Entry:
    """The line that the request wrote, among those that its span leads to."""
    for row in rows(links.logs_of(srcs.by_uid("tempo"), srcs, span), srcs):
        if isinstance(row, Entry) and f"item {world.asked.item} was looked at" in row.line:
            assert row.labels["span_id"] == span.span_id
            return row
    raise LostError("the line of the request is not among those of its span")


def from_line(world: Observed, srcs: DataSources, entry: Entry) -> Span:
    moment = entry.time // 10**6
    span = timerange.absolute(moment - 60_000, moment + 60_000)
    found = links.from_line(srcs.by_uid("loki"), srcs, entry.labels, entry.line, span)
    return span_of_request(world, srcs, found)


def metrics_of(srcs: DataSources, span: Span) -> tuple[Opening, ...]:
    """The metrics that the span leads to, each with numbers in it."""
    found = links.metrics_of(srcs.by_uid("tempo"), srcs, span)
    for opening in found:
        if not ask.points(rows(opening, srcs)):
            raise LostError(f"{opening.title} is empty")
    return found


def exemplar_of_metrics(world: Observed, srcs: DataSources, found: tuple[Opening, ...]) -> Exemplar:
    """The dot of the request on what its span leads to, once exemplars are switched on there."""
    for opening in found:
        for row in rows(replace(opening, model={**opening.model, "exemplar": True}), srcs):
            if isinstance(row, Exemplar) and row.labels.get("trace_id") == world.asked.trace_id:
                return row
    raise LostError("no metric of the span has an exemplar of the request")


def edges_of(srcs: DataSources) -> None:
    """The service graph: the edge from the client to the service, and what its node leads to."""
    span = timerange.parse("now-15m", "now", now=now())
    tempo = srcs.by_uid("tempo")
    request = queries.Request(srcs, span, {})
    asked = queries.prepare({"queryType": "serviceMap"}, "A", tempo, request)
    total = next(query for query in asked if "request_total" in query.expr)
    edges = [row.labels for row in ask.ask(total) if isinstance(row, Sample) and row.value > 0]
    if {"client": CLIENT, "server": "quickstart"} not in edges:
        raise LostError(f"the edge of the request is not in the service graph: {edges}")
    for opening in links.of_service(tempo, srcs, "quickstart", span):
        # Failures come with their edge alone, and this client has met none.
        if not rows(opening, srcs) and "Failed" not in opening.title:
            raise LostError(f"{opening.title} is empty")


def panel_links(srcs: DataSources, path: Path) -> set[str]:
    """Follow every link of every panel from each of its series; those that lead to something."""
    dashboard = classic.read(path)
    span = timerange.parse(*dashboard.time, now=now())
    resolved = resolve.resolve(dashboard, srcs, span, {"service": ("quickstart",)})
    scope = resolve.scope_of(resolved)
    shown = execute.plan(dashboard, resolved, srcs, span)
    followed = set()
    for panel in dashboard.panels:
        points = [
            point
            for one in shown
            if one.panel == panel.id and one.query and one.query.kind != "exemplars"
            for row in ask.ask(one.query)
            if (point := click.at(row))
        ]
        for link in panel.links:
            for point in points:
                url = urls.url_of(link, {**scope, **variables.of_time(span, 15_000), **point})
                found = urls.openings(link.title, url, srcs, now=now())
                if any(rows(opening, srcs) for opening in found):
                    followed.add(f"{panel.title}: {link.title}")
                    break
    return followed


def all_links(path: Path) -> set[str]:
    return {f"{panel.title}: {link.title}" for panel in classic.read(path).panels for link in panel.links}


def go_round(world: Observed, srcs: DataSources) -> None:
    """From an exemplar all the way round, and back to the request that it belongs to."""
    exemplar = exemplar_of_panels(world, srcs)
    span = from_exemplar(world, srcs, exemplar)
    assert span.parent_id == world.asked.parent_id
    entry = line_of(world, srcs, span)
    assert from_line(world, srcs, entry) == span
    again = exemplar_of_metrics(world, srcs, metrics_of(srcs, span))
    assert from_exemplar(world, srcs, again) == span


def test_the_way_from_an_exemplar_leads_all_round_and_back_to_the_request(observed: Observed) -> None:
    srcs = observed.sources()
    observed.until_found(lambda: go_round(observed, srcs))


def test_the_service_graph_has_the_edge_of_the_request(observed: Observed) -> None:
    if not observed.has_service_graph:
        pytest.skip("the embedded trace store makes no service graph")
    srcs = observed.sources()

    def follow() -> None:
        # A rate needs an edge that is met more than once.
        ask_once(observed.stack, observed.url)
        edges_of(srcs)

    observed.until_found(follow)


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_every_link_of_every_panel_leads_to_something(observed: Observed, path: Path) -> None:
    srcs = observed.sources()

    def follow() -> None:
        missing = all_links(path) - panel_links(srcs, path)
        if missing:
            raise LostError(f"these links lead to nothing: {sorted(missing)}")

    observed.until_found(follow)


def exemplar(settings: Any) -> Any:
    (found,) = settings["prometheus"]["exemplarTraceIdDestinations"]
    return found


def derived(settings: Any) -> Any:
    (found,) = settings["loki"]["derivedFields"]
    return found


def of_tempo(key: str, **changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda settings: settings["tempo"][key].update(changes)


def queries_of_metrics(text: str) -> Callable[[dict[str, Any]], None]:
    def change(settings: dict[str, Any]) -> None:
        for one in settings["tempo"]["tracesToMetrics"]["queries"]:
            one["query"] = one["query"].replace("{$$__tags", text)

    return change


WRONG_TAG = [{"key": "service.name", "value": "service"}]
ABSENT_TAG = [{"key": "service.nickname", "value": "service_name"}]
BROKEN: dict[str, Callable[[dict[str, Any]], None]] = {
    "exemplar: another label": lambda all_: exemplar(all_).update(name="traceID"),
    "exemplar: no such source": lambda all_: exemplar(all_).update(datasourceUid="tempo2"),
    "exemplar: source of another kind": lambda all_: exemplar(all_).update(datasourceUid="loki"),
    "logs: no such source": of_tempo("tracesToLogsV2", datasourceUid="loki2"),
    "logs: another label": of_tempo("tracesToLogsV2", tags=WRONG_TAG),
    "logs: a tag that no span has": of_tempo("tracesToLogsV2", tags=ABSENT_TAG),
    "logs: a dollar short": of_tempo(
        "tracesToLogsV2", query='{${__tags}} | trace_id = "$${__trace.traceId}"'
    ),
    "logs: a misspelt reference": of_tempo(
        "tracesToLogsV2", query='{$${__tags}} | trace_id = "$${__tracer.id}"'
    ),
    "logs: a misspelt field": of_tempo(
        "tracesToLogsV2", query='{$${__tags}} | traceid = "$${__trace.traceId}"'
    ),
    "logs: shifts the wrong way round": of_tempo(
        "tracesToLogsV2", spanStartTimeShift="5m", spanEndTimeShift="-5m"
    ),
    "line: another label": lambda all_: derived(all_).update(matcherRegex="traceID"),
    "line: a dollar short": lambda all_: derived(all_).update(url="${__value.raw}"),
    "line: no such source": lambda all_: derived(all_).update(datasourceUid="tempo2"),
    "line: by text that is not there": lambda all_: derived(all_).update(
        matcherType="regex", matcherRegex="tid=(.+)"
    ),
    "metrics: no such source": of_tempo("tracesToMetrics", datasourceUid="prom2"),
    "metrics: a tag that no span has": of_tempo("tracesToMetrics", tags=ABSENT_TAG),
    "metrics: another label": of_tempo("tracesToMetrics", tags=WRONG_TAG),
    "metrics: braces that Grafana does not replace here": queries_of_metrics("{$${__tags}"),
    "metrics: a dollar short": queries_of_metrics("{$__tags"),
    "metrics: no queries": of_tempo("tracesToMetrics", queries=[]),
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_link_is_found(observed: Observed, change: Callable[[dict[str, Any]], None]) -> None:
    observed.until_found(lambda: go_round(observed, observed.sources()))
    broken = observed.sources(change)
    with pytest.raises((ObsdeckError, LostError)):
        go_round(observed, broken)


def test_a_service_graph_without_its_metrics_is_found(observed: Observed) -> None:
    with pytest.raises(sources.NoSourceError):
        edges_of(observed.sources(of_tempo("serviceMap", datasourceUid="prom2")))


@pytest.mark.parametrize(
    ("sound", "broken"),
    [
        ("${service}", "${servic}"),
        ("__field.labels.http_route", "__field.labels.route"),
        ("%22tempo%22", "%22tempo2%22"),
        ("]", ""),
    ],
    ids=["a misspelt variable", "a label that no series has", "no such source", "panes that are no JSON"],
)
def test_a_broken_link_of_a_panel_is_found(
    observed: Observed, tmp_path: Path, sound: str, broken: str
) -> None:
    (path,) = [path for path in DASHBOARDS if "__field.labels.http_route" in path.read_text(encoding="utf-8")]
    document = json.loads(path.read_text(encoding="utf-8"))
    panel = next(one for one in document["panels"] if "http_route" in json.dumps(one.get("fieldConfig")))
    (link, *_) = panel["fieldConfig"]["defaults"]["links"]
    assert sound in link["url"]
    panel["fieldConfig"]["defaults"]["links"] = [{**link, "url": link["url"].replace(sound, broken)}]
    document["panels"] = [panel]
    copied = tmp_path / "dashboard.json"
    copied.write_text(json.dumps(document), encoding="utf-8")
    srcs = observed.sources()
    with contextlib.suppress(ObsdeckError, LostError):
        assert panel_links(srcs, copied) == set()
