"""What a trace offers: its queries parse, and keep to the tags of a span."""

from __future__ import annotations

from typing import TYPE_CHECKING

from obsdeck.packs.checks import queries
from obsdeck.packs.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obsdeck.packs.catalog import Catalog

TAGS = "$__tags"


def check(catalog: Catalog) -> Iterator[Finding]:
    """Faults of every link."""
    for pack in catalog.packs:
        for link in pack.links:
            text, place = link.value.query, link.place("query")
            if TAGS not in text:
                hint = "put {$__tags} where the matchers of the span's service belong"
                yield Finding("link-tags", "the query is not about the span", place, hint=hint)
            yield from queries.check("promql", text.replace(TAGS, 'service_name="x"'), place, catalog, ())
