"""Spans and log records on their last step, right before an exporter encodes them.

A span gets here when it ends, a log record in the thread of its batch processor; and every span of the
process does, whoever made it. A span or record in which nothing looks like a secret is passed on as it is; of
any other a copy is made, because the original belongs to other processors too.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, Status

from obsdeck.telemetry.redaction.redactor import LENGTH
from obsdeck.telemetry.redaction.rules import NOTE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry._logs import LogRecord

    from obsdeck.telemetry.redaction.redactor import Redactor


def spans(redactor: Redactor) -> Callable[[ReadableSpan], ReadableSpan]:
    """What scrubs spans."""
    resources = Resources(redactor)
    return lambda span: scrubbed_span(span, redactor, resources)


def records(redactor: Redactor) -> Callable[[Sequence[ReadableLogRecord]], list[ReadableLogRecord]]:
    """What scrubs a batch of log records."""
    resources = Resources(redactor)
    return lambda batch: [scrubbed_record(record, redactor, resources) for record in batch]


class Resources:
    """Resources without secrets: command lines may have some, and a process has one resource or a few.

    Args:
        redactor: What scrubs.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        empty = Resource({})
        self._last = (empty, empty)

    def scrubbed(self, resource: Resource) -> Resource:
        """The resource, the very same one if it is clean."""
        last, scrubbed = self._last
        # By identity: to compare or hash a resource is to write it out as JSON.
        if resource is not last:
            found: set[str] = set()
            attributes = self._redactor.attributes(resource.attributes, found)
            note = {NOTE: tuple(sorted(found))}
            scrubbed = Resource({**attributes, **note}, resource.schema_url) if found else resource
            # Both at once: spans end in several threads.
            self._last = (resource, scrubbed)
        return scrubbed


class _Copy(ReadableSpan):
    """A span that counts what its original had to drop."""

    def __init__(self, original: ReadableSpan, **fields: Any) -> None:
        super().__init__(
            context=original.context,
            parent=original.parent,
            kind=original.kind,
            start_time=original.start_time,
            end_time=original.end_time,
            instrumentation_scope=original.instrumentation_scope,
            **fields,
        )
        self._original = original

    @property
    def dropped_attributes(self) -> int:
        return self._original.dropped_attributes

    @property
    def dropped_events(self) -> int:
        return self._original.dropped_events

    @property
    def dropped_links(self) -> int:
        return self._original.dropped_links


def scrubbed_span(span: ReadableSpan, redactor: Redactor, resources: Resources) -> ReadableSpan:
    """The span, or a copy without its secrets that says in `obsdeck.redacted` what they were called."""
    resource = resources.scrubbed(span.resource)
    if resource is span.resource and _is_clean(span, redactor):
        return span
    found: set[str] = set()
    fields = {
        "name": redactor.text(span.name, found),
        "events": [_event(event, redactor, found) for event in span.events],
        "links": [_link(link, redactor, found) for link in span.links],
        "status": _status(span.status, redactor, found),
    }
    attributes = redactor.attributes(span.attributes, found)
    if found:
        attributes[NOTE] = tuple(sorted(found))
    elif resource is span.resource:
        return span
    return _Copy(span, resource=resource, attributes=attributes, **fields)


def _is_clean(span: ReadableSpan, redactor: Redactor) -> bool:
    if span.events or span.status.description or redactor.is_suspect(span.name):
        return False
    if not redactor.is_clean(span.attributes):
        return False
    links = span.links
    return not links or all(redactor.is_clean(link.attributes) for link in links)


def _event(event: Event, redactor: Redactor, found: set[str]) -> Event:
    own: set[str] = set()
    name = redactor.text(event.name, own)
    attributes = redactor.attributes(event.attributes, own)
    if not own:
        return event
    found |= own
    return Event(name, _counted(attributes, event.dropped_attributes), event.timestamp)


def _link(link: Link, redactor: Redactor, found: set[str]) -> Link:
    own: set[str] = set()
    attributes = redactor.attributes(link.attributes, own)
    if not own:
        return link
    found |= own
    return Link(link.context, _counted(attributes, link.dropped_attributes))


def _status(status: Status, redactor: Redactor, found: set[str]) -> Status:
    if not status.description:
        return status
    return Status(status.status_code, redactor.text(status.description, found))


def _counted(attributes: dict[str, Any], dropped: int) -> BoundedAttributes:
    """Attributes with the count of those that the limits had dropped."""
    counted = BoundedAttributes(attributes=attributes)
    counted.dropped = dropped
    return counted


def _is_clean_record(record: LogRecord, redactor: Redactor) -> bool:
    return (
        isinstance(record.body, str)
        and len(record.body) <= LENGTH
        and not redactor.is_suspect(record.body)
        and not record.event_name
        and redactor.is_clean(record.attributes)
    )


def scrubbed_record(
    readable: ReadableLogRecord, redactor: Redactor, resources: Resources
) -> ReadableLogRecord:
    """The log record, or a copy without its secrets that says in `obsdeck.redacted` what they were called."""
    record, resource = readable.log_record, resources.scrubbed(readable.resource)
    if resource is readable.resource and _is_clean_record(record, redactor):
        return readable
    found: set[str] = set()
    body = redactor.value("", record.body, found)
    event_name = record.event_name and redactor.text(record.event_name, found)
    attributes = redactor.attributes(record.attributes, found)
    if found:
        attributes[NOTE] = tuple(sorted(found))
    elif resource is readable.resource:
        return readable
    copied = copy(record)
    copied.body, copied.event_name = body, event_name
    copied.attributes = _counted(attributes, readable.dropped_attributes)
    return ReadableLogRecord(copied, resource, readable.instrumentation_scope, readable.limits)
