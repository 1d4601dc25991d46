"""How much of one signal was lost, counted at its exporter.

The SDK's exporters lose a whole batch for one item in it that cannot be encoded, and count what they lose
only in metrics, which go the same way.
"""

from __future__ import annotations

from collections.abc import Sized
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

E = TypeVar("E")


class Tally:
    """Counts what one exporter loses, in spans, log records or exports of metrics.

    Attributes:
        lost: How many the receiver did not take, ever.
        sending: How many are on their way.
    """

    def __init__(self) -> None:
        self.lost = 0
        self.sending = 0

    def counting(self, exporter: E, encode: Callable[[Any], object] | None = None) -> E:
        """The same exporter, counted.

        Args:
            exporter: One of the SDK's.
            encode: Raises for a batch that cannot be encoded; what is wrong in it is then left out, since
                one bad item must not take the others with it.
        """
        one: Any = exporter
        export = one.export

        def count(batch: Any, *arguments: Any, **options: Any) -> Any:
            self.sending = len(batch) if isinstance(batch, Sized) else 1
            result = export(batch, *arguments, **options)
            if result.name != "SUCCESS" and encode and not _can(encode, batch):
                good = [item for item in batch if _can(encode, [item])]
                self.lost += self.sending - len(good)
                self.sending = len(good)
                result = export(good)
            if result.name != "SUCCESS":
                self.lost += self.sending
            self.sending = 0
            return result

        one.export = count
        return exporter


def _can(encode: Callable[[Any], object], batch: Sequence[object]) -> bool:
    try:
        encode(batch)
    except Exception:  # noqa: BLE001 - text that is no Unicode, numbers that are too large
        return False
    return True
