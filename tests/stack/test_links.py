"""Every link between signals, followed on running stacks as Grafana would, from one request back to itself.

What is generated is read as it stands. A request whose trace id is known goes through the quickstart:
exemplar -> trace -> lines of the span -> trace -> metrics -> exemplar; panels lead to what is selected in
them, and an alert that fires leads to its runbook, its panel and a request that failed. Then each link is
broken in turn, and must be found broken.
"""

from __future__ import annotations

import contextlib
import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from obsdeck import names
from obsdeck.backends import alertmanager, prometheus
from obsdeck.backends.loki import Entry
from obsdeck.backends.prometheus import Exemplar, Sample
from obsdeck.backends.tempo import TraceSummary
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
from obsdeck.packs.queries import NARROWS
from tests.stack.conftest import CLIENT, DASHBOARDS, ROOT, LostError, Observed, ask_once, more_rules, now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from obsdeck.backends.alertmanager import Alert
    from obsdeck.grafana.dashboard import Dashboard, Link, Panel
    from obsdeck.grafana.links import Opening
    from obsdeck.grafana.sources import DataSources

pytestmark = pytest.mark.stack

BOARDS = {path.stem: path for path in DASHBOARDS}
"""The name of each file is the uid in it."""
ALERT = "HttpErrors"
FAULT = "this route always fails"


def exemplar_of_panels(world: Observed, srcs: DataSources) -> Exemplar:
    """The dot of the request on a panel."""
    for path in DASHBOARDS:
        for row in exemplars(world, classic.read(path), srcs):
            if row.labels.get("trace_id") == world.asked.trace_id:
                return row
    raise LostError("no panel has an exemplar of the request")


def exemplars(world: Observed, dashboard: Dashboard, srcs: DataSources) -> Iterator[Exemplar]:
    for one in world.plan(dashboard, srcs):
        if one.query and one.query.kind == "exemplars":
            yield from (row for row in ask.ask(one.query) if isinstance(row, Exemplar))


def from_exemplar(world: Observed, srcs: DataSources, exemplar: Exemplar) -> Span:
    moment = round(exemplar.time * 1000)
    span = timerange.absolute(moment - 60_000, moment + 60_000)
    source = srcs.by_uid("prometheus")
    return span_of_request(world, srcs, links.from_exemplar(source, srcs, exemplar.labels, span))


def span_of_request(world: Observed, srcs: DataSources, found: tuple[Opening, ...]) -> Span:
    """The server's span in what links to a trace open."""
    for opening in found:
        for row in rows(opening, srcs):
            if isinstance(row, Span) and row.attributes.get("url.path") == world.asked.path:
                return row
    raise LostError("the trace is not that of the request")


def rows(opening: Opening, srcs: DataSources) -> tuple[ask.Row, ...]:
    return tuple(row for query in opening.queries(srcs) for row in ask.ask(query))


def line_of(world: Observed, srcs: DataSources, span: Span) -> Entry:
    """The line that the request wrote, among those that its span leads to."""
    for row in rows(links.logs_of(srcs.by_uid("tempo"), srcs, span), srcs):
        if isinstance(row, Entry) and f"item {world.asked.path.rpartition('/')[2]} was looked at" in row.line:
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


def shown_at(srcs: DataSources, url: str) -> bool:
    """Whether a dashboard's address shows something: a runbook, a panel, data for what it chooses.

    Raises:
        LostError: There is no such dashboard, panel or variable.
    """
    address = urls.address(url)
    if address is None or address.uid not in BOARDS:
        raise LostError(f"there is no such dashboard: {url}")
    dashboard = classic.read(BOARDS[address.uid])
    panels = [panel for panel in dashboard.panels if address.panel in {0, panel.id}]
    unknown = address.chosen.keys() - {one.name for one in dashboard.variables}
    if not panels or unknown:
        raise LostError(f"no panel {address.panel}, or no variable {unknown}: {url}")
    if panels[0].type == "text":
        return bool(panels[0].model["options"]["content"])
    raw = address.range if all(address.range) else dashboard.time
    span = timerange.parse(*raw, now=now())
    resolved = resolve.resolve(dashboard, srcs, span, address.chosen)
    plan = execute.plan(dashboard, resolved, srcs, span, panel=address.panel)
    return not address.chosen or any(result.points for result in execute.run(plan))


def lost_links(world: Observed, srcs: DataSources, dashboard: Dashboard) -> set[str]:
    """Follow every link of every panel, those of its data from its series until one leads to something.

    A panel that shows nothing has nothing to click at; whether it may is for the tests of panels.
    """
    resolved, span = world.resolved(dashboard, srcs)
    scope = {**resolve.scope_of(resolved), **variables.of_time(span, 15_000)}
    shown = execute.plan(dashboard, resolved, srcs, span)

    @functools.cache
    def leads(title: str, url: str) -> bool:
        if urls.address(url):
            return shown_at(srcs, url)
        return any(rows(opening, srcs) for opening in urls.openings(title, url, srcs, now=now()))

    def is_followed(link: Link, panel: Panel, clicked: list[ask.Row]) -> bool:
        if link.title in {one["title"] for one in panel.model.get("links", ())}:
            return leads(link.title, urls.url_of(link, scope))
        points = [at for row in clicked if (at := click.at(row, link.column))]
        return not clicked or any(leads(link.title, urls.url_of(link, {**scope, **at})) for at in points)

    return {
        f"{panel.title}: {link.title}"
        for panel in dashboard.panels
        for clicked in [clickable(panel, shown)]
        for link in panel.links
        if not is_followed(link, panel, clicked)
    }


def clickable(panel: Panel, shown: tuple[execute.Planned, ...]) -> list[ask.Row]:
    """The rows of a panel at which a person can click; exemplars only where they are its data."""
    asked = [one.query for one in shown if one.panel == panel.id and one.query]
    wanted = [query for query in asked if panel.type == "table" or query.kind != "exemplars"]
    return [row for query in wanted for row in ask.ask(query)] if panel.links else []


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
    srcs = observed.stack.sources()
    observed.until_found(lambda: go_round(observed, srcs))


def test_the_service_graph_has_the_edge_of_the_request(observed: Observed) -> None:
    if not observed.has_tempo:
        pytest.skip("the embedded trace store makes no service graph")
    srcs = observed.stack.sources()

    def follow() -> None:
        # A rate needs an edge that is met more than once.
        ask_once(observed.stack, observed.url)
        edges_of(srcs)

    observed.until_found(follow)


@pytest.mark.parametrize("uid", BOARDS)
def test_every_link_of_every_panel_leads_to_something(observed: Observed, uid: str) -> None:
    srcs, dashboard = observed.stack.sources(), classic.read(BOARDS[uid])

    def follow() -> None:
        if lost := lost_links(observed, srcs, dashboard):
            raise LostError(f"these links lead to nothing: {sorted(lost)}")

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
    observed.until_found(lambda: go_round(observed, observed.stack.sources()))
    broken = observed.stack.sources(change)
    with pytest.raises((ObsdeckError, LostError)):
        go_round(observed, broken)


def test_a_service_graph_without_its_metrics_is_found(observed: Observed) -> None:
    with pytest.raises(sources.NoSourceError):
        edges_of(observed.stack.sources(of_tempo("serviceMap", datasourceUid="prom2")))


@pytest.mark.parametrize(
    ("sound", "broken"),
    [
        ("${service:pipe}", "${servic:pipe}"),
        ("__field.labels.http_route", "__field.labels.route"),
        ("%22tempo%22", "%22tempo2%22"),
        ("%22%7D%7D%7D", ""),
    ],
    ids=["a misspelt variable", "a label that no series has", "no such source", "panes that are no JSON"],
)
def test_a_broken_link_of_a_panel_is_found(with_embedded_store: Observed, sound: str, broken: str) -> None:
    world, srcs = with_embedded_store, with_embedded_store.stack.sources()
    whole = classic.read(BOARDS["obsdeck-http"])
    panel = next(one for one in whole.panels if one.links and "__field.labels.http_route" in one.links[0].url)
    (link, *_) = panel.links
    assert sound in link.url
    assert lost_links(world, srcs, alone(whole, panel, link)) == set()
    changed = replace(link, url=link.url.replace(sound, broken))
    assert is_broken(world, srcs, alone(whole, panel, changed))


def alone(dashboard: Dashboard, panel: Panel, link: Link) -> Dashboard:
    """The dashboard with one link only."""
    return replace(dashboard, panels=(replace(panel, links=(link,)),))


def is_broken(world: Observed, srcs: DataSources, dashboard: Dashboard) -> bool:
    with contextlib.suppress(ObsdeckError, LostError):
        return bool(lost_links(world, srcs, dashboard))
    return True


# --- alert -> runbook -> panel -> trace -> lines -------------------------------------------------------


def at_once(world: Observed, name: str) -> list[dict[str, Any]]:
    """A generated alert, but it waits for nothing."""
    generated = world.stack.home.etc("generated") / "rules" / "http.yaml"
    groups = yaml.safe_load(generated.read_text(encoding="utf-8"))["groups"]
    rules = [rule for group in groups for rule in group["rules"] if rule.get("alert") == name]
    assert rules
    return [{**rule, "for": "0s"} for rule in rules]


@pytest.fixture
def alert(observed: Observed) -> Iterator[Alert]:
    """An alert on the quickstart, as Alertmanager holds it."""

    def firing() -> Alert:
        for one in alertmanager.alerts(observed.stack.urls["alertmanager"]):
            if one.labels["alertname"] == ALERT and one.labels.get("service_name") == "quickstart":
                return one
        raise LostError("nothing fires")

    with more_rules(observed.stack, at_once(observed, ALERT)):
        yield observed.until_found(firing)


def follow_alert(world: Observed, srcs: DataSources, alert: Alert) -> Entry:
    """From an alert to its runbook, its panel, the request behind it, and what that request wrote."""
    read_runbook(world, srcs, alert)
    panel = panel_of(alert)
    link = next(one for one in panel.links if one.title.startswith("Traces"))
    for scope in points_of(srcs, alert, panel):
        for opening in urls.openings(link.title, urls.url_of(link, scope), srcs, now=now()):
            for summary in rows(opening, srcs):
                assert isinstance(summary, TraceSummary)
                if found := fault_of(srcs, summary.trace_id):
                    return found
    raise LostError("no trace that the panel leads to has the fault")


def read_runbook(world: Observed, srcs: DataSources, alert: Alert) -> None:
    """The file, and Grafana's panel with it; the latter as the table of alerts finds it."""
    name = alert.labels["alertname"]
    page = ROOT / alert.annotations["runbook_url"]
    if not page.is_file() or f"# {name}" not in page.read_text(encoding="utf-8"):
        raise LostError(f"{page} is no runbook of {name}")
    info = prometheus.query(world.stack.urls["prometheus"], f'obsdeck_alert_info{{alertname="{name}"}}')
    if not info or not shown_at(srcs, info[0].labels["runbook"]):
        raise LostError(f"Grafana has no runbook of {name}")
    shown = f"/d/{alert.annotations['dashboard']}?viewPanel={alert.annotations['panel']}"
    if info[0].labels["shown"] != shown:
        raise LostError(f"the table of alerts leads to {info[0].labels['shown']}, the alert to {shown}")


def panel_of(alert: Alert) -> Panel:
    uid, number = alert.annotations["dashboard"], alert.annotations["panel"]
    panels = classic.read(BOARDS[uid]).panels if uid in BOARDS else ()
    for panel in panels:
        if str(panel.id) == number:
            return panel
    raise LostError(f"there is no panel {number} in {uid}")


def points_of(srcs: DataSources, alert: Alert, panel: Panel) -> list[dict[str, Any]]:
    """Where a person can click at what the panel shows for what the alert is about."""
    dashboard = classic.read(BOARDS[alert.annotations["dashboard"]])
    labels = {key: names.label_name(attribute) for key, attribute in NARROWS.items()}
    chosen = {key: (alert.labels[label],) for key, label in labels.items() if label in alert.labels}
    span = timerange.parse(*dashboard.time, now=now())
    resolved = resolve.resolve(dashboard, srcs, span, chosen)
    plan = execute.plan(dashboard, resolved, srcs, span, panel=panel.id)
    found = [row for one in plan if one.query for row in ask.ask(one.query)]
    if not ask.points(tuple(found)):
        raise LostError(f"the panel {panel.title!r} has nothing about {chosen}")
    scope = {**resolve.scope_of(resolved), **variables.of_time(span, 15_000)}
    return [{**scope, **at} for row in found if (at := click.at(row))]


def fault_of(srcs: DataSources, trace_id: str) -> Entry | None:
    """The line with the fault that a trace's spans lead to."""
    span = timerange.parse("now-1h", "now", now=now())
    tempo = srcs.by_uid("tempo")
    opening = links.from_exemplar(srcs.by_uid("prometheus"), srcs, {"trace_id": trace_id}, span)[0]
    spans = [row for row in rows(opening, srcs) if isinstance(row, Span)]
    failed = [one for one in spans if one.attributes.get("url.path") == "/fail"]
    lines = [row for one in failed for row in rows(links.logs_of(tempo, srcs, one), srcs)]
    entries = [row for row in lines if isinstance(row, Entry)]
    return next((one for one in entries if FAULT in str((one.line, one.labels))), None)


def test_an_alert_leads_to_its_runbook_its_panel_and_a_request_that_failed(
    observed: Observed, alert: Alert
) -> None:
    srcs = observed.stack.sources()
    entry = observed.until_found(lambda: follow_alert(observed, srcs, alert))
    assert entry.labels["service_name"] == "quickstart"


def test_a_failed_request_is_among_the_exemplars_of_the_alerts_dashboard(
    observed: Observed, alert: Alert
) -> None:
    srcs = observed.stack.sources()
    dashboard = classic.read(BOARDS[alert.annotations["dashboard"]])

    def follow() -> Entry:
        for row in exemplars(observed, dashboard, srcs):
            is_failed = row.series.get("http_route") == "/fail"
            if is_failed and (found := fault_of(srcs, row.labels["trace_id"])):
                return found
        raise LostError("no exemplar leads to a request that failed")

    observed.until_found(follow)


WRONG: dict[str, dict[str, str]] = {
    "no such runbook": {"runbook_url": "runbooks/http/HttpError.md"},
    "the runbook of another alert": {"runbook_url": "runbooks/http/HttpSlow.md"},
    "no such dashboard": {"dashboard": "obsdeck-htp"},
    "no such panel": {"panel": "1"},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_a_broken_annotation_is_found(observed: Observed, alert: Alert, change: dict[str, str]) -> None:
    srcs = observed.stack.sources()
    observed.until_found(lambda: follow_alert(observed, srcs, alert))
    with pytest.raises(LostError):
        follow_alert(observed, srcs, replace(alert, annotations={**alert.annotations, **change}))
