"""What the store says of itself at /metrics, in Prometheus' text format.

The names that Tempo has too are Tempo's, so that one alert watches both.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

SPANS_RECEIVED: Final = "tempo_distributor_spans_received_total"
SPANS_DISCARDED: Final = "tempo_discarded_spans_total"
BYTES_RECEIVED: Final = "tempo_distributor_bytes_received_total"
REQUESTS: Final = "obsdeck_tracestore_requests_total"
BYTES_ON_DISK: Final = "obsdeck_tracestore_disk_bytes"
BLOCKS: Final = "obsdeck_tracestore_blocks"

_COUNTERS: Final = (SPANS_RECEIVED, SPANS_DISCARDED, BYTES_RECEIVED, REQUESTS)
_HELP: Final = {
    SPANS_RECEIVED: "Spans that arrived in requests which could be read.",
    SPANS_DISCARDED: "Spans that were not stored, by reason.",
    BYTES_RECEIVED: "Bytes of requests after decompression.",
    REQUESTS: "HTTP requests by route and status.",
    BYTES_ON_DISK: "Bytes of all files of the store.",
    BLOCKS: "Blocks, each one file.",
}


class Counters:
    """Numbers that only grow, by name and labels."""

    def __init__(self) -> None:
        self._values: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()

    def add(self, name: str, amount: int = 1, **labels: str) -> None:
        """Let a counter grow; call it on the event loop only."""
        self._values[name, tuple(labels.items())] += amount

    def exposition(self, gauges: Mapping[str, float]) -> str:
        """All counters and some gauges as Prometheus reads them."""
        series: dict[str, tuple[str, list[str]]] = {name: ("counter", []) for name in _COUNTERS}
        for name, value in gauges.items():
            series[name] = ("gauge", [f"{name} {value}"])
        for (name, labels), value in sorted(self._values.items()):
            inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
            series[name][1].append(f"{name}{{{inner}}} {value}")
        return "".join(
            f"# HELP {name} {_HELP[name]}\n# TYPE {name} {kind}\n" + "".join(f"{line}\n" for line in samples)
            for name, (kind, samples) in series.items()
        )


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
