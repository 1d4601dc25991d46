"""`pack.yaml` and `links.yaml`: what a pack is, and what a trace offers because of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import StringConstraints

from obsdeck.packs.model.base import Model, Text


class EmittedBy(Model):
    """Who emits signals.

    Attributes:
        via: `otlp`, or `scrape`: then names and labels are in Prometheus as they are written.
        job: The job that scrapes them; empty where any service sends them.
        scope: The instrumentation scope; empty where it is not known.
        file: Where in the code; empty where it is not ours.
        needs: What must be switched on for it, as a command or a setting; empty for nothing.
    """

    via: Literal["otlp", "scrape"] = "otlp"
    job: str = ""
    scope: str = ""
    file: str = ""
    needs: str = ""


class PackFile(Model):
    """`pack.yaml`.

    Attributes:
        title: Its name for people.
        description: What it observes.
        owner: Who acts on its alerts.
        folder: The folder of its dashboards in Grafana, and on disk.
        emitted_by: Who emits its signals, unless one says otherwise.
    """

    title: Text
    description: Text
    owner: Text
    folder: Annotated[Text, StringConstraints(pattern=r"^[^.\x00-\x1f][^\x00-\x1f]*$", max_length=80)] = (
        "obsdeck"
    )
    emitted_by: EmittedBy = EmittedBy()


class TraceToMetrics(Model):
    """One query that Grafana offers beside a span.

    Attributes:
        name: What people choose.
        query: PromQL; `$__tags` stands for the matchers made from the span's resource.
    """

    name: Text
    query: Text


class LinksFile(Model):
    """`links.yaml`."""

    trace_to_metrics: tuple[TraceToMetrics, ...] = ()
